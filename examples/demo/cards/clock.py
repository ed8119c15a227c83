"""The server speaks first: a background task moves the hands."""

import asyncio
from datetime import datetime
from typing import Any

from htag import Tag

from .card import Card
from .compat import push


class Clock(Card):
    name = "clock"
    kind = "push"
    title = "Server clock"
    note = "A background task pushes it."

    def content(self) -> list[Any]:
        self.face = Tag.div(_class="face", _aria_hidden="true")
        self.time = Tag.time(_class="figure", _data_test="clock-time")
        self.date = Tag.span(_class="soft", _data_test="clock-date")
        self.dial = Tag.div([self.face, Tag.div([self.time, self.date], _class="digits")], _class="dial")
        self.show()
        # The task ends with the app: when the user has been gone for a while, the host cancels it.
        self.task = asyncio.ensure_future(self.tick())
        return [self.dial]

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(1 - datetime.now().microsecond / 1_000_000)  # at the full second
            self.show()
            await push(self.dial)

    def show(self) -> None:
        now = datetime.now()
        angles = {
            "hours": now.hour % 12 * 30 + now.minute / 2,
            "minutes": now.minute * 6 + now.second / 10,
            "seconds": now.second * 6,
        }
        self.face.clear(
            [Tag.i(_class=hand, _style=f"transform:rotate({angle:.1f}deg)") for hand, angle in angles.items()]
        )
        self.time.clear(f"{now:%H:%M:%S}")
        self.date.clear(f"{now:%A}, {now.day} {now:%b}")
