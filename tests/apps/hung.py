"""An app whose handlers never come to their end, each in another way."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
import time
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint

FOREVER = 1000
WAYS = ("spin", "swallow", "immune", "logs", "sleep", "wait", "stubborn", "later", "regex", "cancel")
LONG = ("steps", "hit", "threads")


LOG = logging.getLogger("hung")
LOG.propagate = False
LOG.addHandler(logging.FileHandler(os.devnull))


def instances() -> int:
    """How many threads there are, of instances that live or do not end."""
    return sum(thread.name.startswith("htag-") for thread in threading.enumerate())


class Hung(Tag.App):
    def init(self, way: str = "") -> None:
        if way and not os.path.exists(os.environ["HUNG_FILE"]):
            with open(os.environ["HUNG_FILE"], "w"):
                getattr(self, way)(None)
        self.word = Tag.p(f"kept {self.state.get('kept', 0)} in {os.getpid()}")
        self += self.word
        for name in (*WAYS, *LONG):
            self += Tag.button(name, _onclick=getattr(self, name))

    def keep(self) -> None:
        self.state["kept"] = self.state.get("kept", 0) + 1

    def hit(self, ev: Any) -> None:
        self.keep()
        self.word.clear(f"kept {self.state['kept']} in {os.getpid()}")
        LOG.warning("hit")

    def spin(self, ev: Any) -> None:
        self.keep()
        while True:
            pass

    def swallow(self, ev: Any) -> None:
        """An interrupt is not caught where the loop begins anew."""
        number = 0
        while True:
            try:
                number += 1
            except BaseException:
                pass

    def immune(self, ev: Any) -> None:
        """An interrupt is caught each time."""
        while True:
            try:
                time.sleep(0.01)
            except BaseException:
                pass

    def logs(self, ev: Any) -> None:
        """It would be bad to be interrupted while the lock of a log's handler is held: others log, too."""
        while True:
            sum(range(1000))
            LOG.warning("again")

    def sleep(self, ev: Any) -> None:
        """In C, where no thread can be interrupted."""
        self.keep()
        time.sleep(FOREVER)

    async def wait(self, ev: Any) -> None:
        self.keep()
        await asyncio.sleep(FOREVER)

    async def stubborn(self, ev: Any) -> None:
        while True:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                pass

    def later(self, ev: Any) -> None:
        """In a task of which no interaction knows anything."""
        asyncio.get_running_loop().call_later(0.5, self.spin, None)

    def regex(self, ev: Any) -> None:
        """C code that gives no other thread a chance."""
        re.match("(a*)*b", "a" * 40)

    async def cancel(self, ev: Any) -> None:
        """Awaits what is cancelled by itself."""
        task = asyncio.ensure_future(asyncio.sleep(FOREVER))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task

    async def steps(self, ev: Any) -> Any:
        """Takes its time, and shows it."""
        for number in range(10):
            self.word.clear(f"step {number}")
            yield
            await asyncio.sleep(0.25)

    def threads(self, ev: Any) -> None:
        self.word.clear(f"{instances()} threads")


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Hung))
app.register_blueprint(htag_blueprint(Hung, transport="none", debug=True), url_prefix="/none")
