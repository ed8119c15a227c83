"""An app that tells what is left of it: what its tasks do, and how many of them still run in its process.

LASTING_PATIENCE   seconds that the pool keeps a page which nobody runs
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import weakref
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import push

#: Of the process: the tasks that run, the trees there are, which tasks have begun, what update() has said.
RUNNING: set[int] = set()
ALIVE: list[weakref.ref[Any]] = []
BEGUN: list[int] = []
ANSWERS: list[Any] = []
DESTROYED: list[str] = []

if "LASTING_PATIENCE" in os.environ and "htagweb_flask.pool.worker" in sys.modules:
    sys.modules["htagweb_flask.pool.instance"].CLIENT_GRACE = float(os.environ["LASTING_PATIENCE"])  # type: ignore[attr-defined]
    sys.modules["htagweb_flask.pool.worker"].SWEEP = 0.2  # type: ignore[attr-defined]


class Lasting(Tag.App):
    def init(self, kind: str = "") -> None:
        self.word = Tag.p("", _class="word")
        self.count = Tag.p("0", _class="count")
        self += [self.word, self.count]
        self += Tag.p(f"pid {os.getpid()}", _class="pid")
        for name in ("look", "more", "begin"):
            self += Tag.button(name, _onclick=getattr(self, name))
        self.clicks = 0
        ALIVE.append(weakref.ref(self))
        if kind:
            self.task = asyncio.ensure_future(self.run(kind))

    def look(self, ev: Any) -> None:
        """Shows what is known of all instances of the process."""
        alive = sum(ref() is not None for ref in ALIVE)
        found = {
            "alive": alive,
            "running": len(RUNNING),
            "begun": len(BEGUN),
            "answers": ANSWERS,
            "destroyed": DESTROYED,
        }
        self.word.clear(json.dumps(found))

    def more(self, ev: Any) -> None:
        self.clicks += 1
        self.count.clear(f"{self.clicks}")

    def begin(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.run("endless"))

    async def run(self, kind: str) -> None:
        number = len(BEGUN)
        BEGUN.append(number)
        RUNNING.add(number)
        try:
            await getattr(self, kind)()
        finally:
            RUNNING.discard(number)

    async def endless(self) -> None:
        while True:
            await asyncio.sleep(0.1)

    async def still(self) -> None:
        await asyncio.Event().wait()

    async def asks(self) -> None:
        """Notes each change of what update() says."""
        while True:
            said = await push(self.count)
            if ANSWERS[-1:] != [said]:
                ANSWERS.append(said)
            await asyncio.sleep(0.02)

    async def shows(self) -> None:
        """As long as somebody can see it."""
        while await push(self.count):
            await asyncio.sleep(0.02)

    def on_destroy(self) -> None:
        """htag 2."""
        DESTROYED.append("Lasting")
        if "LASTING_DESTROYED" in os.environ:
            with open(os.environ["LASTING_DESTROYED"], "a") as file:
                file.write("destroyed\n")


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Lasting))
app.register_blueprint(htag_blueprint(Lasting, scope="tab"), url_prefix="/tab")
app.register_blueprint(htag_blueprint(Lasting, idle_timeout=1), url_prefix="/short")
