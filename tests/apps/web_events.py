"""htag 2: what events bring to Python, and what their promises bring back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from flask import Flask
from htag import Tag, prevent, stop

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import LOG, button, named


class Fields(Tag.App):
    """No field has a handler: their values come along by themselves."""

    def init(self) -> None:
        self.shown = named("shown", kind="output")
        self.line = named("text", kind="input", _value="")
        self.area = named("area", kind="textarea", _value="")
        self.choice = named("choice", [Tag.option("a"), Tag.option("b")], kind="select", _value="a")
        self.box = named("box", kind="input", _type="checkbox", _checked=False)
        self += [self.line, self.area, self.choice, self.box, button("read", self.read), self.shown]
        self += named("key", kind="input", _onkeydown=self.pressed)
        ticked = named("ticked", kind="input", _type="checkbox", _onchange=self.ticked)
        form = [
            Tag.input(_name="first", _data_test="first"),
            Tag.input(_name="agree", _type="checkbox", _value="yes"),
        ]
        self += [
            ticked,
            Tag.form([*form, Tag.button("send", _data_test="send")], _onsubmit=prevent(self.sent)),
        ]

    def read(self, ev: Any) -> None:
        fields = (self.line["value"], self.area["value"], self.choice["value"], self.box["checked"])
        self.shown.clear(repr(fields))

    def pressed(self, ev: Any) -> None:
        self.shown.clear(f"{ev.key} {ev.target.tag} {ev.name}")

    def ticked(self, ev: Any) -> None:
        self.shown.clear(f"{ev.value!r} {ev.checked!r}")

    def sent(self, ev: Any) -> None:
        self.shown.clear(repr(sorted(ev.value.items())))


class Custom(Tag.App):
    """Events that scripts make, and those that are not to go on."""

    statics = [LOG]

    def init(self) -> None:
        self.shown = named("shown", kind="output")
        self.outer = Tag.div(_onclick=self.note_outer)
        self.outer += [button("stopped", self.note_stopped), button("passed", self.note_passed)]
        self += [self.shown, named("target", kind="div", _onpicked=self.picked), self.outer]
        self += named("kept", "kept", kind="a", _href="#kept", _onclick=self.note_kept)
        self += named("left", "left", kind="a", _href="#left", _onclick=self.note_left)
        self += named("script", "script", kind="button", _onclick="ran(this.tagName)")

    def picked(self, ev: Any) -> str:
        self.shown.clear(f"value={ev.value!r} x={ev.x!r} name={ev.name}")
        return "thanks"

    def note(self, what: str) -> None:
        self.shown += f"[{what}]"

    def note_outer(self, ev: Any) -> None:
        self.note("outer")

    @stop
    def note_stopped(self, ev: Any) -> None:
        self.note("stopped")

    def note_passed(self, ev: Any) -> None:
        self.note("passed")

    @prevent
    def note_kept(self, ev: Any) -> None:
        self.note("kept")

    def note_left(self, ev: Any) -> None:
        self.note("left")


class Promises(Tag.App):
    def init(self) -> None:
        self.waiting: set[asyncio.Event] = set()
        self.shown = named("shown", kind="output")
        self += [named("target", kind="div", _onask=self.ask, _onscript="1 + 1"), self.shown]
        self += [button("hold", self.hold), button("release", self.release), button("redraw", self.redraw)]

    def ask(self, ev: Any) -> Any:
        return getattr(self, ev.value)()

    def number(self) -> int:
        return 42

    def structure(self) -> Any:
        return {"list": [1, 2.5, None, True], "text": "é"}

    def some_tag(self) -> Any:
        return self.shown

    def nothing(self) -> None:
        return None

    def unfit(self) -> Any:
        return object()

    def error(self) -> None:
        raise LookupError("not found")

    def steps(self) -> Iterator[None]:
        self.shown.clear("first")
        yield
        self.shown.clear("second")
        return "end"  # noqa: B901 - htag hands it to the promise

    async def later_steps(self) -> AsyncIterator[None]:
        self.shown.clear("later")
        yield

    async def forgotten(self) -> str:
        return "never awaited"

    async def hold(self, ev: Any) -> None:
        gate = asyncio.Event()
        self.waiting.add(gate)
        await gate.wait()
        self.waiting.discard(gate)
        self.shown.clear("released")

    def release(self, ev: Any) -> None:
        if self.waiting:
            next(iter(self.waiting)).set()

    def redraw(self, ev: Any) -> None:
        self["title"] = "drawn anew"


app = Flask(__name__)
for part in (Fields, Custom, Promises):
    app.register_blueprint(htag_blueprint(part), url_prefix=f"/{part.__name__.lower()}")
app.register_blueprint(htag_blueprint(Promises, max_body=2048), url_prefix="/small")
