"""An app that tells what is left of it: what its tasks do, and how many of them still run in its process.

LASTING_PATIENCE   seconds that the pool keeps a page which nobody runs
LASTING_REST       seconds without a visitor after which it looks for what is left of those
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

#: Of the process: the tasks that run, the trees there are, what update() has said. Nothing is kept of each
#: instance, as it would hold the memory around it.
RUNNING: set[int] = set()
ALIVE: weakref.WeakSet[Any] = weakref.WeakSet()
ANSWERS: list[Any] = []
DESTROYED: list[str] = []

if "htagweb_flask.pool.worker" in sys.modules:
    POOL: dict[str, Any] = {
        name.rpartition(".")[2]: module for name, module in sys.modules.items() if ".pool." in name
    }
    if "LASTING_PATIENCE" in os.environ:
        POOL["instance"].CLIENT_GRACE = float(os.environ["LASTING_PATIENCE"])
        POOL["worker"].SWEEP = 0.2
    if "LASTING_REST" in os.environ:
        POOL["resources"].REST = float(os.environ["LASTING_REST"])
        POOL["watchdog"].LONGEST = 0.5


class Lasting(Tag.App):
    begun = 0
    """How many tasks have."""

    def init(self, kind: str = "") -> None:
        self.word = Tag.p("", _class="word")
        self.count = Tag.p("0", _class="count")
        self += [self.word, self.count]
        self += Tag.p(f"pid {os.getpid()}", _class="pid")
        for name in ("look", "more", "begin"):
            self += Tag.button(name, _onclick=getattr(self, name))
        self.clicks = 0
        ALIVE.add(self)
        if kind:
            self.task = asyncio.ensure_future(self.run(kind))

    def look(self, ev: Any) -> None:
        """Shows what is known of all instances of the process."""
        found = {
            "alive": len(ALIVE),
            "running": len(RUNNING),
            "begun": Lasting.begun,
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
        number, Lasting.begun = Lasting.begun, Lasting.begun + 1
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
