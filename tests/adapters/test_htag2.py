"""htag 2: events and the promises of a page, fields, what is escaped, what is loaded later."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import htag
import pytest
from htag import Tag

from tests.http_client import Refused

pytestmark = pytest.mark.htag2


class Desk(Tag.App):
    """Handlers that return all kinds of things, each a button with its name."""

    def init(self) -> None:
        self.log: list[Any] = []
        for name in ("number", "tag", "nothing", "odd", "wrong", "coroutine", "steps", "many", "bad_steps"):
            self += Tag.button(name, _class=name, _onclick=getattr(self, name))
        self += Tag.button("javascript", _class="javascript", _onclick="alert(1)")
        desks.append(self)

    def number(self, ev: Any) -> Any:
        self.log.append(ev)
        return {"n": [1, None, "é"]}

    def tag(self, ev: Any) -> Any:
        return Tag.b("new")

    def nothing(self, ev: Any) -> None:
        pass

    def odd(self, ev: Any) -> Any:
        return object()

    def wrong(self, ev: Any) -> Any:
        return self.later()

    async def later(self) -> None:
        pass

    async def coroutine(self, ev: Any) -> int:
        await asyncio.sleep(0)
        return 5

    def steps(self, ev: Any) -> Any:
        yield "never shown"
        self += "step"
        yield
        return "end"

    async def many(self, ev: Any) -> Any:
        for _ in range(3):
            self += "."
            yield

    def bad_steps(self, ev: Any) -> Any:
        self += "before"
        yield
        raise ValueError("after")


desks: list[Any] = []


@pytest.fixture
def tab(page: Any) -> Any:
    desks.clear()
    return page(Desk)


def ask(tab: Any, name: str) -> Any:
    """What the promise of a click resolves with."""
    (message,) = tab.messages(tab.find(class_=f"^{name}$").attributes["onclick"])
    tab.call(message)
    return tab.result(message)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("number", {"n": [1, None, "é"]}),
        ("tag", True),
        ("nothing", None),
        ("coroutine", 5),
        ("steps", "end"),
        ("many", None),
    ],
)
def test_the_promise_of_a_page_resolves_with_the_result(tab: Any, name: str, result: Any) -> None:
    assert ask(tab, name) == result
    assert tab.errors == []


@pytest.mark.parametrize("name", ["odd", "wrong", "bad_steps"])
def test_it_resolves_after_an_error_too(tab: Any, name: str) -> None:
    assert ask(tab, name) is None
    assert len(tab.errors) == 1
    assert ask(tab, "coroutine") == 5


@pytest.mark.parametrize("tag", ["button-1", "", "nobody", "body"])
def test_it_resolves_for_a_tag_that_is_not_there(tab: Any, tag: str) -> None:
    message = tab.event(tag, "click")
    tab.call(message)
    assert tab.result(message) is None


def test_an_event_that_was_not_declared_does_nothing(tab: Any) -> None:
    for event in ("dblclick", "", "onclick", "__init__", "init", "number"):
        message = tab.event(desks[0].childs[0].id, event)
        tab.call(message)
        assert tab.result(message) is None
    message = tab.event(desks[0].childs[-1].id, "click")  # JavaScript of the page
    tab.call(message)
    assert desks[0].log == []


@pytest.mark.parametrize(
    "message",
    [
        {"id": "x", "event": "click"},
        {"id": "x", "event": "click", "data": None},
        {"id": "x", "event": "click", "data": []},
        {"id": 5, "event": "click", "data": {}},
        {"action": "reset", "error": "x"},
        {"action": "log_error"},
        {"action": "log_error", "error": {"x": 1}},
    ],
)
def test_what_is_no_event_is_refused(tab: Any, message: Any) -> None:
    with pytest.raises(Refused) as refused:
        tab.call(message)
    assert refused.value.status == 400


def test_an_error_of_the_page_is_in_the_log_and_is_cut(tab: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "htag"):
        tab.call({"action": "log_error", "error": "x is not defined" + "!" * 100_000})
    (record,) = (one for one in caplog.records if "x is not defined" in one.getMessage())
    assert len(record.getMessage()) < 11_000


def test_an_event_holds_what_the_page_found_in_it(tab: Any) -> None:
    fields = {"key": "é", "altKey": True, "clientX": 1.5, "value": {"a": [1]}}
    tab.fire(tab.find(class_="number"), "click", **fields)
    event = desks[0].log[0]
    assert (event.key, event.altKey, event.clientX, event.value["value"]) == ("é", True, 1.5, {"a": [1]})
    assert event.target is desks[0].childs[0]
    assert event.unknown is None


def test_fields_keep_what_was_typed_without_any_handler(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self.name = Tag.input(_type="text", _class="name")
            self.agree = Tag.input(_type="checkbox", _class="agree")
            self += self.name
            self += self.agree
            self += Tag.button("show", _onclick=self.show)

        def show(self, ev: Any) -> None:
            self += f"{self.name['value']} {self.agree['checked']}"

    tab = page(App)
    tab.input("Zoë", class_="name")
    tab.fire(tab.find(class_="agree"), "input", checked=True)
    tab.click("show")
    assert tab.has("Zoë True")


def test_prevent_and_stop_are_written_into_the_handler(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.form(_onsubmit=self.submit)

        @htag.prevent
        @htag.stop
        def submit(self, ev: Any) -> None:
            self += f"{ev.value}"

    tab = page(App)
    code = tab.find(tag="form").attributes["onsubmit"]
    assert "event.preventDefault()" in code
    assert "event.stopPropagation()" in code


def test_text_and_attributes_are_escaped_and_html_is_not(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.p("<i>&", _title='"><script>')
            self += htag.HTML("<u>raw</u>")
            self += Tag.div("late", _onclick=lambda ev: self.add("<i>later"))

    tab = page(App)
    assert tab.find(tag="p").text == "<i>&"
    assert tab.find(tag="p").attributes["title"] == '"><script>'
    assert tab.find(tag="u").text == "raw"
    tab.click("late")
    assert tab.text.endswith("<i>later")


def test_a_tag_with_its_own_id_is_updated(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.p("old", _id="mine")
            self += Tag.button("go", _onclick=lambda ev: self.childs[0].clear("new"))

    tab = page(App)
    tab.click("go")
    assert tab.find(tag="p").text == "new"


def test_statics_of_a_tag_that_comes_later_are_sent_once_with_it(page: Any) -> None:
    class Late(Tag.div):
        statics = [Tag.script("late()"), Tag.style(".late {}")]
        styles = ".in {color: red}"

    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("go", _onclick=lambda ev: self.add(Late("x")))

    tab = page(App)
    assert "late()" not in tab.html
    tab.click("go")
    tab.click("go")
    sent = "".join(static for _, payload in tab.applied for static in payload.get("statics") or [])
    assert (sent.count("late()"), sent.count(".late {}"), sent.count(".htag-Late")) == (1, 1, 1)
    again = tab.reload().html
    assert (again.count("late()"), again.count(".htag-Late .in"), again.count(".htag-Late")) == (1, 1, 1)


def test_a_with_that_is_kept_over_an_await_takes_no_tag_of_another_user(host: Any) -> None:
    """The stack of open tags is one per thread: instances must not share theirs."""
    inside: list[Any] = []

    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("hold", _onclick=self.hold)
            self += Tag.button("make", _onclick=lambda ev: self.add(Tag.b("mine")))

        async def hold(self, ev: Any) -> None:
            gate = asyncio.Event()
            loop = asyncio.get_running_loop()
            inside.append(lambda: loop.call_soon_threadsafe(gate.set))
            with Tag.div() as box:
                self.add(box)
                yield
                await gate.wait()

    first, second = host(App).open(transport="sse"), host(App).open()
    (message,) = first.messages(first.find("hold").attributes["onclick"])
    import threading

    waiting = threading.Thread(target=lambda: first.call(message))
    waiting.start()
    first.collect("")
    second.click("make")
    inside[0]()
    waiting.join(5)
    assert second.text == "holdmakemine"
    assert not first.has("mine")
    assert not first.user.open().has("mine")
