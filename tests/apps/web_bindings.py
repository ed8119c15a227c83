"""htag 1: every way to bind an event. Each row has a button, and shows with what its handler was called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from flask import Flask
from htag import Tag, expose

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import LOG, named


class Row(Tag.div):
    """Shows "who args" for each call; who is the tag that htag names as the source of the event."""

    def init(self, number: int, bind: Callable[[Row], Any]) -> None:
        self.press = named(f"press-{number}", "press", kind="button")
        self.shown = named(f"shown-{number}", kind="output")
        self.press["onclick"] = bind(self)
        self += [self.press, self.shown]

    def show(self, tag: Any, happened: float, args: Any, kwargs: Any) -> None:
        who = "row" if tag is self else "button" if tag is self.press else "nobody"
        when = "" if happened > 0 else " without a time"
        said = " ".join([*map(str, args), *(f"{key}={value}" for key, value in kwargs.items())])
        self.shown += f"[{who}{when} {said}".strip() + "]"

    def own(self, *args: Any, **kwargs: Any) -> None:
        self.show(self, self.event["timeStamp"], args, kwargs)

    def told(self, tag: Any, *args: Any, **kwargs: Any) -> None:
        self.show(tag, tag.event["timeStamp"], args, kwargs)

    def of_event(self, ev: Any, *args: Any, **kwargs: Any) -> None:
        self.show(ev.target, ev.timeStamp, args, kwargs)

    async def later(self, tag: Any) -> None:
        self.told(tag, "later")

    async def later_of_event(self, ev: Any) -> None:
        self.of_event(ev, "later")

    def steps(self, tag: Any) -> Iterator[None]:
        self.told(tag, 1)
        yield
        self.told(tag, 2)

    async def later_steps(self, ev: Any) -> AsyncIterator[None]:
        self.of_event(ev, 1)
        yield
        self.of_event(ev, 2)

    def free(self) -> Callable[..., None]:
        def told(tag: Any, *args: Any, **kwargs: Any) -> None:
            self.told(tag, *args, **kwargs)

        return told

    def free_of_event(self) -> Callable[..., None]:
        def of_event(ev: Any, *args: Any, **kwargs: Any) -> None:
            self.of_event(ev, *args, **kwargs)

        return of_event


JS = b"this.tagName + window.log.length"

#: What is bound, and what the row then shows.
STYLES: list[tuple[str, Callable[[Row], Any], str]] = [
    ("bind.method()", lambda row: row.bind.own(), "[row]"),
    ("bind.method(arguments)", lambda row: row.bind.own(42, p="x"), "[row 42 p=x]"),
    ("bind.method(js)", lambda row: row.bind.own(b"window.log.length"), "[row 0]"),
    ("method", lambda row: row.told, "[button]"),
    ("function", lambda row: row.free(), "[button]"),
    ("lambda", lambda row: lambda tag: row.told(tag), "[button]"),
    ("button.bind(method)", lambda row: row.press.bind(row.told), "[button]"),
    ("button.bind(function)", lambda row: row.press.bind(row.free()), "[button]"),
    ("button.bind(method, arguments)", lambda row: row.press.bind(row.told, 42, p="x"), "[button 42 p=x]"),
    ("button.bind(function, arguments)", lambda row: row.press.bind(row.free(), 1, p=2), "[button 1 p=2]"),
    ("row.bind(method)", lambda row: row.bind(row.own), "[row]"),
    ("row.bind(function)", lambda row: row.bind(row.free()), "[row]"),
    ("row.bind(method, arguments)", lambda row: row.bind(row.own, 42, p="x"), "[row 42 p=x]"),
    ("row.bind(function, arguments)", lambda row: row.bind(row.free(), 42, p="x"), "[row 42 p=x]"),
    ("method of ev", lambda row: row.of_event, "[button]"),
    ("function of ev", lambda row: row.free_of_event(), "[button]"),
    ("lambda of ev", lambda row: lambda ev: row.of_event(ev), "[button]"),
    ("button.bind(method of ev)", lambda row: row.press.bind(row.of_event), "[button]"),
    ("button.bind(function of ev)", lambda row: row.press.bind(row.free_of_event()), "[button]"),
    ("button.bind(method of ev, a)", lambda row: row.press.bind(row.of_event, 42, p="x"), "[button 42 p=x]"),
    ("button.bind(function of ev, a)", lambda row: row.press.bind(row.free_of_event(), 4), "[button 4]"),
    ("row.bind(method of ev)", lambda row: row.bind(row.of_event), "[row]"),
    ("row.bind(function of ev)", lambda row: row.bind(row.free_of_event()), "[row]"),
    ("row.bind(method of ev, a)", lambda row: row.bind(row.of_event, 42, p="x"), "[row 42 p=x]"),
    ("row.bind(function of ev, a)", lambda row: row.bind(row.free_of_event(), 4, p=2), "[row 4 p=2]"),
    ("js arguments", lambda row: row.press.bind(row.told, JS, p=b"[1, 'x']"), "[button BUTTON0 p=[1, 'x']]"),
    ("list", lambda row: [row.told, row.free(), None, row.told], "[button][button][button]"),
    ("list of ev", lambda row: [row.of_event, row.free_of_event()], "[button][button]"),
    ("chain", lambda row: row.press.bind(row.told, 1).bind(row.told, 2).bind(row.free(), 3),
     "[button 1][button 2][button 3]"),
    ("two calls", lambda row: f"{row.bind.own(1)};{row.bind.own(2)}", "[row 1][row 2]"),
    ("coroutine", lambda row: row.later, "[button later]"),
    ("coroutine of ev", lambda row: row.later_of_event, "[button later]"),
    ("generator", lambda row: row.steps, "[button 1][button 2]"),
    ("asynchronous generator", lambda row: row.later_steps, "[button 1][button 2]"),
    (
        "list with generators",
        lambda row: [row.told, row.steps, row.later],
        "[button][button 1][button 2][button later]",
    ),
]  # fmt: skip


class Bindings(Tag.App):
    statics = [LOG]

    def init(self) -> None:
        self += [Row(number, bind) for number, (_, bind, _) in enumerate(STYLES)]


class Talk(Tag.App):
    """What a page can hand over, and what it can call."""

    statics = [LOG, Tag.script("window.saw = (event) => ran(event.defaultPrevented)")]

    def init(self) -> None:
        self.shown = named("shown", kind="output")
        self.key = named("key", kind="input", _onkeydown=self.typed)
        self.area = named("area", "area", kind="div", _onclick=self.clicked)
        composed = "ran('before')" + self.bind(self.hear, "composed") + "ran('after')"
        self += [
            self.key,
            self.area,
            self.shown,
            named("composed", "composed", kind="button", _onclick=composed),
        ]
        here = self.bind(self.hear, "here") + "return false"
        away = self.bind(self.hear, "away") + "return true"
        self += named("here", "here", kind="a", _href="#here", _onclick=here)
        self += named("away", "away", kind="a", _href="#away", _onclick=away)
        self += Player()

    def hear(self, what: str) -> None:
        self.shown.clear(what)

    def typed(self, ev: Any) -> None:
        self.shown.clear(f"{ev.key} {ev.shiftKey} {ev.type} {ev.target is self.key}")

    def clicked(self, tag: Any) -> None:
        event = tag.event
        self.shown.clear(f"{event['offsetX']} {event['offsetY']} {event['ctrlKey']} {event['type']}")


class Player(Tag.div):
    """A component that JavaScript calls."""

    def init(self) -> None:
        self["data-test"] = "player"
        self.shown = named("played", kind="output")
        self += self.shown

    @expose
    def play(self, name: str, times: int = 1, options: Any = None) -> None:
        self.shown.clear(f"{name} {times} {options}")

    @expose
    async def wait(self) -> None:
        self.shown.clear("waited")


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Bindings))
app.register_blueprint(htag_blueprint(Talk), url_prefix="/talk")
