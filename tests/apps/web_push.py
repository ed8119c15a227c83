"""What the server says without being asked, over each transport."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import LOG, button, named, push, run_script


class Push(Tag.App):
    statics = [LOG]

    def init(self) -> None:
        self.count, self.told = 0, None
        self.shown = named("shown", "0", kind="output")
        self.seen = named("seen", "nothing yet")
        self.own = named("own", secrets.token_hex(8))
        self += [self.shown, self.seen, self.own]
        for name in ("tick", "run", "stop", "publish", "slow", "steps", "fine"):
            self += button(name, getattr(self, name))

    def tick(self, ev: Any) -> None:
        """Starts a task that pushes three times."""
        self.task = asyncio.ensure_future(self.push_often(3))

    def run(self, ev: Any) -> None:
        """Starts a task that pushes until it is stopped."""
        self.task = asyncio.ensure_future(self.push_often(10_000))

    def stop(self, ev: Any) -> None:
        self.task.cancel()

    async def push_often(self, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(0.02)
            self.count += 1
            self.shown.clear(f"{self.count}")
            run_script(self.shown, f"ran({self.count})")
            self.told = await push(self.shown)

    def publish(self, ev: Any) -> None:
        self.seen.clear(f"only for {self.own.childs[0]}")

    async def slow(self, ev: Any) -> None:
        await asyncio.sleep(0.8)
        self.seen.clear(f"after a while, {self.told}")

    async def steps(self, ev: Any) -> AsyncIterator[None]:
        self.seen.clear("first step")
        yield
        self.seen.clear("last step")

    def fine(self, ev: Any) -> None:
        self.seen.clear("fine")


class Early(Tag.App):
    """Speaks before anybody can listen."""

    statics = [LOG]

    def init(self) -> None:
        self.shown = named("shown", "0", kind="output")
        self += self.shown
        self.task = asyncio.ensure_future(self.speak())

    async def speak(self) -> None:
        for number in (1, 2, 3):
            self.shown.clear(f"{number}")
            run_script(self.shown, f"ran({number})")
            await push(self.shown)
            await asyncio.sleep(0.06)


app = Flask(__name__)
for transport in ("sse", "longpoll", "none"):
    app.register_blueprint(htag_blueprint(Push, transport=transport), url_prefix=f"/{transport}")
app.register_blueprint(htag_blueprint(Early), url_prefix="/early")
