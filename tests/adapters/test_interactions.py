"""Interactions: what a page may ask, what it gets, and what the other pages see of it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from htag import Tag

from tests.http_client import Refused
from tests.support import GENERATION


class Steps(Tag.App):
    """Handlers of every kind, each a button with its name."""

    def init(self) -> None:
        self.log: list[str] = []
        self.out = Tag.p("")
        self += self.out
        for name in ("plain", "coroutine", "generator", "async_generator", "nothing", "late"):
            self += Tag.button(name, _class=name, _onclick=getattr(self, name))

    def show(self, text: str) -> None:
        self.out += f"[{text}]"

    def plain(self, ev: Any) -> None:
        self.show("plain")

    async def coroutine(self, ev: Any) -> None:
        await asyncio.sleep(0)
        self.show("coroutine")

    def generator(self, ev: Any) -> Any:
        for step in "123":
            self.show(step)
            yield

    async def async_generator(self, ev: Any) -> Any:
        for step in "abc":
            self.show(step)
            yield
            await asyncio.sleep(0)

    def nothing(self, ev: Any) -> None:
        pass

    def late(self, ev: Any) -> Any:
        self.show("before")
        yield
        raise ValueError("too late")


def output(tab: Any) -> str:
    found: str = tab.find(tag="p").text
    return found


def shown(tab: Any) -> list[str]:
    """What the output was after each payload that drew it."""
    found = []
    for _, payload in tab.applied:
        for html in (payload.get("update") or payload.get("updates") or {}).values():
            found.append(html.rpartition("[")[2].partition("]")[0])
    return found


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_a_click_changes_the_page(page: Any, kind: str) -> None:
    tab = page(Steps)
    tab.click(class_=kind)
    tab.click(class_=kind)
    assert output(tab) == f"[{kind}]" * 2
    tab.assert_nothing_lost()


@pytest.mark.parametrize(("kind", "steps"), [("generator", "123"), ("async_generator", "abc")])
def test_each_yield_is_a_payload_of_its_own(page: Any, kind: str, steps: str) -> None:
    tab = page(Steps)
    tab.click(class_=kind)
    assert shown(tab) == list(steps)
    assert output(tab) == "".join(f"[{step}]" for step in steps)


def test_only_what_changed_is_drawn(page: Any) -> None:
    tab = page(Steps)
    tab.click(class_="plain")
    drawn = [payload.get("update") or payload.get("updates") for _, payload in tab.applied[-1:]]
    assert [len(tags) for tags in drawn] == [1]
    assert all(html.startswith("<p") for tags in drawn for html in tags.values())


def test_nothing_changed_is_nothing_drawn(page: Any) -> None:
    tab = page(Steps)
    other = tab.user.open()
    before = other.cursor
    tab.click(class_="nothing")
    assert shown(tab) == []
    if GENERATION == 1:
        other.poll()
        assert other.cursor == before


def test_what_a_click_changed_is_seen_by_every_page(page: Any) -> None:
    tab = page(Steps)
    other = tab.user.open()
    tab.click(class_="plain")
    other.poll()
    assert output(other) == output(tab) == "[plain]"


def test_an_error_is_told_to_the_page_that_asked_and_the_next_click_works(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("bad", _onclick=lambda ev: 1 / 0)
            self += Tag.button("good", _onclick=lambda ev: self.add("fine"))

    tab = page(App)
    other = tab.user.open()
    tab.click("bad")
    assert len(tab.errors) == 1
    assert "Traceback" not in tab.errors[0]
    tab.click("good")
    assert tab.has("fine")
    other.poll()
    assert other.errors == []


def test_in_debug_an_error_comes_with_its_traceback(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("bad", _onclick=self.bad)

        async def bad(self, ev: Any) -> None:
            raise LookupError("lost")

    tab = page(App, debug=True)
    tab.click("bad")
    assert "Traceback" in tab.errors[0]
    assert "LookupError: lost" in tab.errors[0]


def test_an_error_after_a_yield_shows_what_came_before(page: Any) -> None:
    tab = page(Steps)
    tab.click(class_="late")
    assert output(tab) == "[before]"
    assert len(tab.errors) == 1
    tab.click(class_="plain")
    assert output(tab) == "[before][plain]"


def test_an_error_while_drawing_is_told(page: Any) -> None:
    broken = []

    class Part(Tag.div):
        def __str__(self) -> str:
            if broken:
                raise RuntimeError("torn")
            return super().__str__()

    class App(Tag.App):
        def init(self) -> None:
            self.part = Part()
            self += self.part
            self += Tag.button("break", _onclick=self.tear)

        def tear(self, ev: Any) -> None:
            broken.append(1)
            self.part += "x"

    tab = page(App)
    tab.click("break")
    assert len(tab.errors) == 1


def test_sys_exit_in_a_handler_ends_no_process(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("bad", _onclick=self.bad)
            self += Tag.button("good", _onclick=lambda ev: self.add("fine"))

        def bad(self, ev: Any) -> None:
            raise SystemExit(3)

    tab = page(App)
    tab.click("bad")
    tab.click("good")
    assert tab.has("fine")


def test_two_runs_of_a_generator_do_not_mix(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self.out = Tag.p("")
            self += self.out
            self += Tag.button("go", _onclick=self.go)

        def go(self, ev: Any) -> Any:
            self.runs = run = getattr(self, "runs", 0) + 1
            for step in "ab":
                self.out += f"[{run}{step}]"
                yield

    tab = page(App)
    (message,) = tab.messages(tab.find(tag="button").attributes["onclick"])
    tab.call(message, follow=False)
    tab.call(message, follow=False)
    tab.follow()
    order = ["1a", "2a", "1b", "2b"] if GENERATION == 1 else ["1a", "1b", "2a", "2b"]
    assert output(tab) == "".join(f"[{step}]" for step in order)


def test_every_call_of_an_instance_runs_in_the_same_thread(page: Any) -> None:
    threads = set()

    class App(Tag.App):
        def init(self) -> None:
            self.note()
            self += Tag.button("go", _onclick=self.note)

        def note(self, ev: Any = None) -> None:
            threads.add(threading.current_thread())
            asyncio.get_running_loop()

    tab = page(App)
    tab.click("go")
    tab.user.open("").click("go")
    (thread,) = threads
    assert thread is not threading.main_thread()


def test_ending_an_instance_cancels_its_tasks(host: Any) -> None:
    ended = threading.Event()

    class App(Tag.App):
        def init(self) -> None:
            self.task = asyncio.ensure_future(self.work())

        async def work(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    stage = host(App)
    tab = stage.open()
    stage.run(stage.worker.end)
    assert ended.wait(5)
    with pytest.raises(Refused) as refused:
        tab.poll()
    assert refused.value.status == 410
