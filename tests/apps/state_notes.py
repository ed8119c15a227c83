"""The apps of tests/state, on either generation of htag: each button does one thing to the session."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import htag
from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.state_site import PATIENCE, make_site, passed, readable
from tests.state.values import VALUES, wrong

GENERATION = 2 if hasattr(htag, "State") else 1


def session_of(tag: Any) -> Any:
    return tag.session if GENERATION == 1 else tag.request.session


class Part(Tag.div):
    """A tag inside of an app, with a state of its own."""

    def init(self) -> None:
        self.marks = Tag.p(f"marks {self.state.get('marks', 0)}", _class="marks")
        self += self.marks
        self += Tag.button("mark", _onclick=self.mark)
        self += Tag.button("part", _onclick=self.part)

    def mark(self, ev: Any) -> None:
        self.state["marks"] = self.state.get("marks", 0) + 1
        self.marks.clear(f"marks {self.state['marks']}")

    def part(self, ev: Any) -> None:
        self.state[ev.key] = ev.value


class Notes(Tag.App):
    """Keeps what it is told."""

    def init(self, *args: Any, **kwargs: Any) -> None:
        self.told = session_of(self).setdefault(f"told by {type(self).__name__}", [])
        self.tasks: list[Any] = []
        self.seen = Tag.p(self.as_json(), _class="seen")
        self.word = Tag.p("", _class="word")
        self += [self.seen, self.word, Part()]
        self += Tag.p(f"pid {os.getpid()}", _class="pid")
        self += Tag.p(f"made {time.monotonic_ns()}", _class="made")
        self += Tag.p(json.dumps([args, kwargs]), _class="args")
        for name in ("see", "put", "drop", "wipe", "inside", "share", "unshare", "tell", "work", "hold"):
            self += Tag.button(name, _onclick=getattr(self, name))
        for name in ("big", "bad", "bad_inside", "types", "tally", "retype"):
            self += Tag.button(name, _onclick=getattr(self, name))

    def as_json(self) -> str:
        """What the app sees: its state, and the session."""
        state = dict(self.state.items())
        return json.dumps([state, readable(session_of(self))], default=repr)

    def see(self, ev: Any) -> None:
        self.seen.clear(self.as_json())

    def put(self, ev: Any) -> None:
        self.state[ev.key] = ev.value

    def drop(self, ev: Any) -> None:
        del self.state[ev.key]

    def wipe(self, ev: Any) -> None:
        self.state.clear()

    def inside(self, ev: Any) -> None:
        """Changes a list inside of the state, without setting anything."""
        if "list" not in self.state:
            self.state["list"] = {"items": []}
        else:
            self.state["list"]["items"].append(ev.value)

    def share(self, ev: Any) -> None:
        session_of(self)[ev.key] = ev.value

    def unshare(self, ev: Any) -> None:
        del session_of(self)[ev.key]

    def tell(self, ev: Any) -> None:
        """Changes a list of the session that the app has held since its init."""
        self.told.append(ev.value)

    def tally(self, ev: Any) -> None:
        session = session_of(self)
        session["count"] = session.get("count", 0) + 1
        self.word.clear(f"count {session['count']}")

    def retype(self, ev: Any) -> None:
        """Replaces a value by one that looks the same when it is written down, of another type."""
        session, state = session_of(self), self.state
        session["pair"] = (1, 2) if session.get("pair") == [1, 2] else [1, 2]
        state["pair"] = (1, 2) if state.get("pair") == [1, 2] else [1, 2]

    def work(self, ev: Any) -> None:
        """Starts a task that sets *n* keys, one each *pause* seconds; n=0: without end."""
        self.tasks.append(asyncio.ensure_future(self.working(ev.label, ev.n, ev.pause)))

    async def working(self, name: str, n: int, pause: float) -> None:
        number = 0
        while number < n or not n:
            await asyncio.sleep(pause)
            self.state[f"{name}-{number if n else 0}"] = number
            number += 1

    async def hold(self, ev: Any) -> None:
        """Waits for the gate, and then sets a key."""
        deadline = time.monotonic() + PATIENCE
        while not passed(ev.gate) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self.state[ev.key] = "held"
        self.word.clear(f"held {ev.key}")

    def big(self, ev: Any) -> None:
        self.state["big"] = "x" * ev.size
        self.word.clear(f"big {ev.size}")

    def bad(self, ev: Any) -> None:
        self.state["wrong"] = object()

    def bad_inside(self, ev: Any) -> None:
        self.state["inside"] = []
        self.state["inside"].append(object())

    def types(self, ev: Any) -> None:
        """Keeps one value of each type, or says how those that it finds differ."""
        session = session_of(self)
        if any(name in session for name in VALUES):
            self.word.clear(f"wrong {wrong(session)}")
        else:
            session.update(VALUES)
            self.word.clear("kept")


class Other(Notes):
    """Another app of the same user."""


app: Flask = make_site(__name__)
app.register_blueprint(htag_blueprint(Notes))
app.register_blueprint(htag_blueprint(Other), url_prefix="/other")
app.register_blueprint(htag_blueprint(Notes, scope="tab"), url_prefix="/tab")
app.register_blueprint(htag_blueprint(Notes, transport="none"), url_prefix="/none")
app.register_blueprint(htag_blueprint(Notes, idle_timeout=1), url_prefix="/short")
