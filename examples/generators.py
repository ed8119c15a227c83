"""A callback that yields: each `yield` shows the page as it is at that moment.

Run it:   gunicorn -k gevent -w 4 generators:app
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint


class App(Tag.App):
    def init(self) -> None:
        self += Tag.button("count", _onclick=self.count, _data_test="count")
        self += Tag.button("download", _onclick=self.download, _data_test="download")
        self.bar = Tag.progress(_max=100, _value=0, _aria_label="progress", _data_test="bar")
        self.step = Tag.output(_data_test="step")
        self += [self.bar, self.step]

    def count(self, ev: Any) -> Iterator[None]:
        """A plain generator. While it computes (or sleeps), this user waits, and only this one."""
        for percent in range(0, 100, 20):
            self.show(percent, f"counted {percent} %")
            yield
            time.sleep(0.3)
        self.show(100, "counted")

    async def download(self, ev: Any) -> AsyncIterator[None]:
        """An async generator. While it awaits, other clicks and pushes go on."""
        for percent in range(0, 100, 20):
            self.show(percent, f"downloaded {percent} %")
            yield
            await asyncio.sleep(0.3)
        self.show(100, "downloaded")

    def show(self, percent: int, text: str) -> None:
        self.bar["value"] = percent
        self.step.clear(text)


app = Flask(__name__)
app.register_blueprint(htag_blueprint(App))
