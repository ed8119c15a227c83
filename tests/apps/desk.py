"""The app of most tests over HTTP, on either generation of htag: each button does one thing.

Scripts tell what was done: each is sent once, whatever is drawn anew. What a handler needs
comes with the event.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

from flask import Flask, Response
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import Pushing, run_script

#: What "hold" and "block" wait for. It belongs to the process, so another user can "release" it.
GATE = threading.Event()
#: No test waits longer than this for another one's mistake.
PATIENCE = 30


class Desk(Pushing, Tag.App):
    def init(self) -> None:
        self.numbers: list[int] = []
        self.shown = Tag.p("", _class="numbers")
        self.pushed = Tag.p("", _class="pushed")
        self.word = Tag.p("", _class="word")
        self.kept = Tag.p(f"kept {self.state.get('kept', 0)}", _class="kept")
        self += [self.shown, self.pushed, self.word, self.kept]
        self += Tag.p(f"pid {os.getpid()}", _class="pid")
        for name in ("hit", "tick", "block", "hold", "release", "fail", "keep", "give", "take", "last"):
            self += Tag.button(name, _onclick=getattr(self, name))
        self += Tag.input(_class="field", _oninput=self.typed)

    def hit(self, ev: Any) -> None:
        self.numbers.append(ev.n)
        self.shown.clear(" ".join(map(str, self.numbers)))
        run_script(self, f"did({ev.n})")

    def block(self, ev: Any) -> None:
        """Keeps its thread, as time.sleep() or a query does."""
        deadline = time.monotonic() + PATIENCE
        while not GATE.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.word.clear("blocked")

    async def hold(self, ev: Any) -> None:
        """Awaits: its loop is free."""
        deadline = time.monotonic() + PATIENCE
        while not GATE.is_set() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self.word.clear("held")

    def release(self, ev: Any) -> None:
        GATE.set() if ev.n else GATE.clear()

    def fail(self, ev: Any) -> None:
        raise LookupError("the drawer is empty")

    def keep(self, ev: Any) -> None:
        self.state["kept"] = self.state.get("kept", 0) + 1
        self.kept.clear(f"kept {self.state['kept']}")

    def give(self, ev: Any) -> None:
        self.word.clear("g" * ev.n)

    def take(self, ev: Any) -> None:
        self.word.clear(f"took {len(ev.text)}")

    def typed(self, ev: Any) -> None:
        time.sleep(ev.wait)
        self.entry = ev.text

    def last(self, ev: Any) -> None:
        self.numbers.append(self.entry)
        self.shown.clear(" ".join(map(str, self.numbers)))


class Greedy(Tag.App):
    """Takes whatever the query holds."""

    def init(self, **values: str) -> None:
        self += Tag.p(" ".join(sorted(values)), _class="word")
        self += Tag.p(values.get("name"))


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Desk))
app.register_blueprint(htag_blueprint(Desk, transport="none"), url_prefix="/none")
app.register_blueprint(htag_blueprint(Desk, transport="longpoll", max_body=4096), url_prefix="/small")
app.register_blueprint(htag_blueprint(Desk, debug=True), url_prefix="/debug")
app.register_blueprint(htag_blueprint(Greedy), url_prefix="/greedy")


@app.after_request
def name_the_worker(response: Response) -> Response:
    response.headers["X-Worker"] = str(os.getpid())
    return response
