"""Several apps, and views beside them, for a site without a pool: all in the one web process."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.desk import Desk
from tests.apps.hung import Hung
from tests.apps.state_notes import Notes, Other
from tests.apps.state_site import make_site
from tests.apps.web_kit import push, run_script


class Lodger(Tag.App):
    """Uses what Python offers beside asyncio: each button has something done, and says so in the end."""

    def init(self) -> None:
        self.word = Tag.p("new", _class="word")
        self.pushed = Tag.p("", _class="pushed")
        self += [self.word, self.pushed, Tag.p(f"pid {os.getpid()}", _class="pid")]
        for name in ("count", "thread", "executor", "socket", "leave"):
            self += Tag.button(name, _onclick=getattr(self, name))

    def count(self, ev: Any) -> None:
        """Real threads, whatever the threads of this process are."""
        self.word.clear(f"{len(sys._current_frames())} threads")

    def thread(self, ev: Any) -> None:
        """A thread of its own, that pushes when it is done."""
        loop = asyncio.get_running_loop()
        self.own = threading.Thread(target=self.work, args=(loop,))
        self.own.start()

    def work(self, loop: asyncio.AbstractEventLoop) -> None:
        time.sleep(0.2)
        asyncio.run_coroutine_threadsafe(self.say_pushed(), loop).result(10)

    async def say_pushed(self) -> None:
        self.pushed.clear("by a thread")
        run_script(self, "pushed(1)")
        await push(self)

    async def executor(self, ev: Any) -> None:
        self.word.clear(await asyncio.to_thread(lambda: [time.sleep(0.1), "executed"][-1]))

    def socket(self, ev: Any) -> None:
        """A blocking connection, to a thread that answers after a while."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=answer, args=(server,)).start()
            with socket.create_connection(server.getsockname(), timeout=10) as connection:
                self.word.clear(connection.recv(100).decode())

    def leave(self, ev: Any) -> None:
        self.exit() if hasattr(self, "exit") else None

    def on_destroy(self) -> None:
        """htag 2."""
        Path(os.environ["HTAG_DATA_DIR"], "destroyed").write_text("yes")


def answer(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        time.sleep(0.1)
        connection.sendall(b"received")


class Broken(Tag.App):
    """Cannot be made at the first time."""

    tries = 0

    def init(self) -> None:
        Broken.tries += 1
        if Broken.tries == 1:
            raise LookupError("the cellar is empty")
        self += Tag.p(f"try {Broken.tries}", _class="word")


app: Flask = make_site(__name__)
app.register_blueprint(htag_blueprint(Desk))
app.register_blueprint(htag_blueprint(Desk, transport="longpoll"), url_prefix="/longpoll")
app.register_blueprint(htag_blueprint(Notes), url_prefix="/notes")
app.register_blueprint(htag_blueprint(Other), url_prefix="/other")
app.register_blueprint(htag_blueprint(Hung, interaction_timeout=1.5), url_prefix="/hung")
app.register_blueprint(htag_blueprint(Lodger, idle_timeout=1), url_prefix="/lodger")
app.register_blueprint(htag_blueprint(Broken), url_prefix="/broken")
app.register_blueprint(htag_blueprint("tests.apps.leaves:App"), url_prefix="/leaves")
