"""htag 1: handlers that take their time, functions of a node, and calls that scripts make."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from htag import Tag

from tests.adapters.test_htag1_bindings import Box

pytestmark = pytest.mark.htag1


class Kinds(Box):
    """Handlers that take their time."""

    async def coroutine(self, tag: Any) -> None:
        await asyncio.sleep(0)
        self.told(tag)

    def generator(self, tag: Any) -> Any:
        yield
        self.told(tag)
        yield

    async def async_generator(self, tag: Any) -> Any:
        await asyncio.sleep(0)
        yield
        self.told(tag)

    async def coroutine_of_ev(self, ev: Any) -> None:
        await asyncio.sleep(0)
        self.event_told(ev)

    def generator_of_ev(self, ev: Any) -> Any:
        yield
        self.event_told(ev)

    async def async_generator_of_ev(self, ev: Any) -> Any:
        yield
        await asyncio.sleep(0)
        self.event_told(ev)


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("kind", [name for name in vars(Kinds) if "oroutine" in name or "generator" in name])
def test_handlers_may_take_their_time(page: Any, kind: str, chained: bool) -> None:
    boxes = []

    class App(Tag.body):
        imports = []

        def init(self) -> None:
            box = Kinds()
            boxes.append(box)
            self += box
            handler = getattr(box, kind)
            box.button["onclick"] = [handler, handler] if chained else handler

    tab = page(App)
    tab.fire(tab.find(class_="press"), "click", x=1)
    assert boxes[0].heard == [(1, "button", (), {})] * (2 if chained else 1)
    assert tab.errors == []


def test_an_exposed_method_is_a_function_of_its_node(page: Any) -> None:
    from htag import expose

    heard = []

    class App(Tag.body):
        imports = []

        @expose
        def hear(self, *args: Any) -> None:
            heard.append(args)

        @expose
        async def hear_later(self, number: int) -> None:
            heard.append(number)

    tab = page(App)
    script = next(one for one in tab.scripts if "self.hear =" in one)
    assert "self.hear_later = function(_)" in script
    (root,) = (one for one in tab.dom.walk() if one.tag == "body")
    tab.call(tab.method(int(root.attributes["id"]), "hear", 1, "two", [3]))
    tab.call(tab.method(int(root.attributes["id"]), "hear_later", 5))
    assert heard == [(1, "two", [3]), 5]


def test_call_runs_once_and_js_at_each_drawing(page: Any) -> None:
    heard = []

    class App(Tag.body):
        imports = []

        def init(self) -> None:
            self.js = self.bind.size(b"this.value", "js")
            self.call.size(b"this.value", "call")
            self += Tag.button("draw", _onclick=lambda tag: self.add("x"))

        def size(self, value: Any, how: str) -> None:
            heard.append((value, how))

    def run(tab: Any, scripts: list[str]) -> None:
        for script in scripts:
            for message in tab.messages(script, {"value": 5}):
                tab.call(message)

    tab = page(App)
    run(tab, list(tab.scripts))
    assert sorted(heard) == [(5, "call"), (5, "js")]
    known = len(tab.scripts)
    tab.click("draw")
    run(tab, tab.scripts[known:])
    assert sorted(heard) == [(5, "call"), (5, "js"), (5, "js")]
