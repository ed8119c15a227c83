"""A clock that the server pushes: the page changes each second, and nobody clicks.

Run it:   gunicorn -k gevent -w 4 push_clock:app
"""

import asyncio
import inspect
import time

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint


class App(Tag.App):
    def init(self) -> None:
        self.clock = Tag.time(_data_test="clock")
        self += self.clock
        self.show()
        # Each app has its own asyncio loop. Keep the task: asyncio alone would let it be collected.
        self.task = asyncio.ensure_future(self.tick())

    def show(self) -> None:
        self.clock.clear(time.strftime("%H:%M:%S"))

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.show()
            seen = self.clock.update()  # push this tag to the open pages
            if inspect.isawaitable(seen):  # htag 1: a coroutine. htag 2: done, there is nothing to await
                seen = await seen
                if not seen:  # htag 1 says False when no page is open any more
                    return


app = Flask(__name__)
app.register_blueprint(htag_blueprint(App))
