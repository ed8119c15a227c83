"""An app to be cut off from: each click and each push leaves one entry in the log of the page."""

from __future__ import annotations

import asyncio
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import LOG, button, named, push, run_script


class Delivery(Tag.App):
    statics = [LOG]

    def init(self) -> None:
        self.count = 0
        self.shown = named("shown", "0", kind="output")
        self.state_of_slow = named("slow-is", "waiting", kind="output")
        self += [self.shown, self.state_of_slow]
        for name in ("hit", "slow", "tick", "rain", "flood"):
            self += button(name, getattr(self, name))

    def add_one(self) -> None:
        self.count += 1
        self.shown.clear(f"{self.count}")
        run_script(self.shown, f"ran({self.count})")

    def hit(self, ev: Any) -> None:
        self.add_one()

    async def slow(self, ev: Any) -> None:
        self.state_of_slow.clear("started")
        await push(self.state_of_slow)
        await asyncio.sleep(0.7)
        self.state_of_slow.clear("ended")
        self.add_one()

    def tick(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.pushes(3, 0.06))

    def rain(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.pushes(50, 0.1))

    def flood(self, ev: Any) -> None:
        """More than is kept for a page that does not take it, which is 2 MiB."""
        self.task = asyncio.ensure_future(self.pushes(12, 0.15, "x" * 300_000))

    async def pushes(self, count: int, pause: float, ballast: str = "") -> None:
        for _ in range(count):
            self.add_one()
            if ballast:
                self.state_of_slow.clear(f"{self.count}{ballast}")
                await push(self.state_of_slow)
            await push(self.shown)
            await asyncio.sleep(pause)


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Delivery), url_prefix="/auto")
for transport in ("sse", "longpoll", "none"):
    app.register_blueprint(htag_blueprint(Delivery, transport=transport), url_prefix=f"/{transport}")
