"""Every way in which htag 1 lets an app bind an event: who is called, with what, and what the event holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from htag import Tag

pytestmark = pytest.mark.htag1


class Box(Tag.span):
    """A component with a button, and what its handlers were called with: (event's x, who, args, kwargs)."""

    def init(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.button = Tag.button("press", _class="press")
        self += self.button

    def name(self, tag: Any) -> str:
        return {id(self): "box", id(self.button): "button"}.get(id(tag), "other")

    def note(self, event: Any, tag: Any, args: Any, kwargs: Any) -> None:
        self.heard.append((event, self.name(tag), args, kwargs))

    def own(self, *args: Any, **kwargs: Any) -> None:
        self.note(self.event["x"], self, args, kwargs)

    def told(self, tag: Any, *args: Any, **kwargs: Any) -> None:
        self.note(tag.event["x"], tag, args, kwargs)

    def event_told(self, ev: Any, *args: Any, **kwargs: Any) -> None:
        self.note(ev.x, ev.target, args, kwargs)

    def closure(self) -> Callable[..., None]:
        def told(tag: Any, *args: Any, **kwargs: Any) -> None:
            self.note(tag.event["x"], tag, args, kwargs)

        return told

    def event_closure(self) -> Callable[..., None]:
        def told(ev: Any, *args: Any, **kwargs: Any) -> None:
            self.note(ev.x, ev.target, args, kwargs)

        return told


#: name: (what is bound, who the handler is told to be the source, whether 42 and p="x" are handed over)
STYLES: dict[str, tuple[Callable[[Any], Any], str, bool]] = {
    "box.bind.m()": (lambda box: box.bind.own(), "box", False),
    "box.bind.m(42)": (lambda box: box.bind.own(42, p="x"), "box", True),
    "method": (lambda box: box.told, "button", False),
    "closure": (lambda box: box.closure(), "button", False),
    "lambda": (lambda box: lambda tag: box.told(tag), "button", False),
    "button.bind(method)": (lambda box: box.button.bind(box.told), "button", False),
    "button.bind(closure)": (lambda box: box.button.bind(box.closure()), "button", False),
    "button.bind(method, 42)": (lambda box: box.button.bind(box.told, 42, p="x"), "button", True),
    "button.bind(closure, 42)": (lambda box: box.button.bind(box.closure(), 42, p="x"), "button", True),
    "box.bind(method)": (lambda box: box.bind(box.own), "box", False),
    "box.bind(closure)": (lambda box: box.bind(box.closure()), "box", False),
    "box.bind(method, 42)": (lambda box: box.bind(box.own, 42, p="x"), "box", True),
    "box.bind(closure, 42)": (lambda box: box.bind(box.closure(), 42, p="x"), "box", True),
    "method of ev": (lambda box: box.event_told, "button", False),
    "closure of ev": (lambda box: box.event_closure(), "button", False),
    "lambda of ev": (lambda box: lambda ev: box.event_told(ev), "button", False),
    "button.bind(method of ev)": (lambda box: box.button.bind(box.event_told), "button", False),
    "button.bind(closure of ev)": (lambda box: box.button.bind(box.event_closure()), "button", False),
    "button.bind(method of ev, 42)": (
        lambda box: box.button.bind(box.event_told, 42, p="x"),
        "button",
        True,
    ),
    "button.bind(closure of ev, 42)": (
        lambda box: box.button.bind(box.event_closure(), 42, p="x"),
        "button",
        True,
    ),
    "box.bind(method of ev)": (lambda box: box.bind(box.event_told), "box", False),
    "box.bind(closure of ev)": (lambda box: box.bind(box.event_closure()), "box", False),
    "box.bind(method of ev, 42)": (lambda box: box.bind(box.event_told, 42, p="x"), "box", True),
    "box.bind(closure of ev, 42)": (lambda box: box.bind(box.event_closure(), 42, p="x"), "box", True),
    "button['onclick'].bind(method)": (lambda box: box.button["onclick"].bind(box.told), "button", False),
}


def app_of(*prepare: Callable[[Any], None]) -> tuple[type, list[Any]]:
    """An app with a box that these have prepared, and the list that it will be in."""
    boxes: list[Any] = []

    class App(Tag.body):
        imports = []

        def init(self) -> None:
            box = Box()
            boxes.append(box)
            self += box
            for each in prepare:
                each(box)

    return App, boxes


def bound(make: Callable[[Any], Any]) -> tuple[type, list[Any]]:
    """The same, whose button has on its click what *make* makes."""

    def prepare(box: Any) -> None:
        box.button["onclick"] = make(box)

    return app_of(prepare)


@pytest.mark.parametrize("style", STYLES)
def test_the_handler_gets_its_source_arguments_and_event(page: Any, style: str) -> None:
    make, who, with_arguments = STYLES[style]
    app, boxes = bound(make)
    tab = page(app)
    tab.fire(tab.find(class_="press"), "click", x=7)
    expected = (7, who, (42,), {"p": "x"}) if with_arguments else (7, who, (), {})
    assert boxes[0].heard == [expected]
    assert tab.errors == []


@pytest.mark.parametrize(
    "make",
    [
        lambda box: box.bind.own(b"this.value", [1, {"a": None}], p=b"this.checked"),
        lambda box: box.bind(box.own, b"this.value", [1, {"a": None}], p=b"this.checked"),
        lambda box: box.bind(box.event_told, b"this.value", [1, {"a": None}], p=b"this.checked"),
    ],
)
def test_bytes_are_javascript_and_the_rest_is_data(page: Any, make: Any) -> None:
    app, boxes = bound(make)
    tab = page(app)
    tab.fire(tab.find(class_="press"), "click", x=1, value="typed", checked=True)
    assert boxes[0].heard == [(1, "box", ("typed", [1, {"a": None}]), {"p": True})]


@pytest.mark.parametrize(
    "make",
    [
        lambda box: [box.told, None, box.closure(), box.told],
        lambda box: (box.told, box.told, box.told),
        lambda box: box.button.bind(box.told).bind(box.closure()).bind(None).bind(box.told),
    ],
)
def test_callbacks_of_a_list_or_chain_are_called_in_their_order_by_one_interaction(
    page: Any, make: Any
) -> None:
    app, boxes = bound(make)
    tab = page(app)
    assert len(tab.fire(tab.find(class_="press"), "click", x=3)) == 1
    assert boxes[0].heard == [(3, "button", (), {})] * 3


@pytest.mark.parametrize("old", [False, True])
def test_javascript_before_and_after_stays_where_it_was_put(page: Any, old: bool) -> None:
    app, boxes = bound(
        lambda box: "before('<&>')" + (box.bind.own() if old else box.bind(box.own)) + "return false"
    )
    tab = page(app)
    button = tab.find(class_="press")
    code = button.attributes["onclick"]
    assert code.index("before('<&>')") < code.index("interact(") < code.index("return false")
    tab.fire(button, "click", x=1)
    assert boxes[0].heard == [(1, "box", (), {})]


def test_javascript_alone_is_no_business_of_the_server(page: Any) -> None:
    app, _ = bound(lambda box: "alert(42)")
    assert page(app).find(class_="press").attributes["onclick"] == "alert(42)"


def test_an_event_holds_what_the_page_found_in_it(page: Any) -> None:
    seen: list[Any] = []

    def prepare(box: Any) -> None:
        box.button["onclick"] = lambda ev: seen.append(ev)
        box.button["onkeyup"] = lambda tag: seen.append(tag.event)

    app, boxes = app_of(prepare)
    tab = page(app)
    fields = {"key": "é", "keyCode": 233, "clientX": 1.5, "altKey": True, "isTrusted": False}
    tab.fire(tab.find(class_="press"), "click", **fields)
    tab.fire(tab.find(class_="press"), "keyup", **fields)
    assert (seen[0].key, seen[0].keyCode, seen[0].clientX, seen[0].altKey) == ("é", 233, 1.5, True)
    assert seen[0].target is boxes[0].button
    assert {name: seen[1][name] for name in fields} == fields
