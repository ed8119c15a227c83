"""htag 2: reactive state, the session and the request."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import htag
import pytest
from htag import Tag

from htagweb_flask.pool import sessions
from tests.support import wait_until

pytestmark = pytest.mark.htag2


class Counter(Tag.App):
    """A number that tags show by themselves."""

    def init(self) -> None:
        self.number = htag.State(0)
        self += Tag.p(lambda: f"n={self.number}")
        self += Tag.button("task", _onclick=self.task)
        self += Tag.button("thread", _onclick=self.thread)
        self += Tag.button("hundred", _onclick=self.hundred)

    def task(self, ev: Any) -> None:
        async def work() -> None:
            await asyncio.sleep(0)
            self.number += 1

        self.running = asyncio.ensure_future(work())

    def thread(self, ev: Any) -> None:
        threads.append(threading.Thread(target=lambda: self.number.set(7)))
        threads[-1].start()

    def hundred(self, ev: Any) -> None:
        async def work() -> None:
            for _ in range(100):
                self.number += 1
                await asyncio.sleep(0)

        self.running = asyncio.ensure_future(work())


threads: list[threading.Thread] = []


def test_a_state_that_is_changed_in_a_task_shows_itself(page: Any) -> None:
    tab = page(Counter)
    tab.click("task")
    tab.collect("n=1")


def test_a_state_that_is_changed_in_a_thread_shows_itself(page: Any) -> None:
    tab = page(Counter)
    tab.click("thread")
    tab.collect("n=7")
    threads.pop().join()


def test_many_changes_are_few_messages_and_the_last_arrives(page: Any) -> None:
    tab = page(Counter)
    before = tab.cursor
    tab.click("hundred")
    tab.collect("n=100")
    assert tab.cursor - before < 20


def test_update_may_be_called_in_a_thread(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("go", _onclick=self.go)

        def go(self, ev: Any) -> None:
            threads.append(threading.Thread(target=self.work))
            threads[-1].start()

        def work(self) -> None:
            self.add("from a thread")
            self.update()

    tab = page(App)
    tab.click("go")
    tab.collect("from a thread")
    threads.pop().join()


def test_query_cookies_and_headers_are_those_of_the_last_page(host: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self.note("init")
            self += Tag.button("go", _onclick=lambda ev: self.note("click"))

        def on_mount(self) -> None:
            self.note("mount")

        def note(self, where: str) -> None:
            request = self.request
            seen.append((where, request.query_params["q"], request.cookies["c"], str(request.url)))

    seen: list[Any] = []
    stage = host(App)
    first = {"headers": [("Cookie", "c=1"), ("Host", "a.test")], "path": "/app/", "root_path": "/base"}
    tab = stage.open("q=%C3%A9+1", **first)
    url = "http://a.test/base/app/?q=%C3%A9+1"
    assert seen == [("init", "é 1", "1", url), ("mount", "é 1", "1", url)]
    tab.click("go")
    assert seen[-1] == ("click", "é 1", "1", url)
    stage.open("q=%C3%A9+1", headers=[("Cookie", "c=2"), ("Host", "b.test")])
    tab.click("go")
    assert [one[2] for one in seen[3:]] == ["2", "2"]


def test_the_session_is_one_in_init_mount_events_and_tasks(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "BACKGROUND", 0.01)

    class App(Tag.App):
        def init(self) -> None:
            self.request.session["init"] = [1]
            self += Tag.button("event", _onclick=self.event)
            self += Tag.button("task", _onclick=self.task)

        def on_mount(self) -> None:
            self.request.session["mount"] = self.request.session["site"]

        async def event(self, ev: Any) -> None:
            self.request.session["init"].append(2)
            del self.request.session["site"]

        def task(self, ev: Any) -> None:
            self.running = asyncio.ensure_future(self.work())

        async def work(self) -> None:
            self.request.session["task"] = 1
            self.add("done")
            self.update()

    stage = host(App)
    stage.session["site"] = "from a view"
    tab = stage.open()
    assert stage.session == {"site": "from a view", "init": [1], "mount": "from a view"}
    tab.click("event")
    assert stage.session == {"init": [1, 2], "mount": "from a view"}
    tab.click("task")
    wait_until(lambda: "task" in stage.session, what="what no request has asked for is stored")


def test_tag_state_is_in_the_session_by_class_as_on_htag_1(host: Any) -> None:
    class Part(Tag.div):
        def init(self) -> None:
            self.state["n"] = self.state.get("n", 0) + 1

    class App(Tag.App):
        def init(self) -> None:
            self += Part()
            self += Tag.button("go", _onclick=self.go)

        def go(self, ev: Any) -> None:
            self.state["list"] = [1]
            self.state["list"].append(2)
            self.root.state["more"] = True

    stage = host(App)
    stage.open().click("go")
    stage.open("again")
    keys = {key.rpartition(".")[2]: value for key, value in stage.session.items()}
    assert keys == {"Part": {"n": 2}, "App": {"list": [1, 2], "more": True}}
    assert all(key.startswith(f"{__name__}.") for key in stage.session)


def test_tag_state_is_a_dict_with_what_htag_1_adds(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            state = self.state
            state.load({"a": 1, "b": 2})
            state["c"] = 3
            del state["a"]
            assert "a" not in state
            assert (len(state), sorted(state), state.get("x", 9)) == (2, ["b", "c"], 9)
            assert state.export() == dict(state.items()) == {"b": 2, "c": 3}
            with pytest.raises(KeyError):
                del state["a"]
            state.clear()
            assert dict(state) == dict(self.request.session) == {}

    page(App)


@pytest.mark.parametrize("where", ["instance", "class", "property"])
def test_an_app_with_a_state_of_its_own_keeps_it(host: Any, where: str) -> None:
    class App(Tag.App):
        if where == "class":
            state = "own"
        elif where == "property":
            state = property(lambda self: "own")

        def init(self) -> None:
            if where == "instance":
                self.state = "own"
            self += f"{self.state}"

    stage = host(App)
    assert stage.open().text == "own"
    assert stage.session == {}


def test_a_tag_in_no_tree_has_no_state(page: Any) -> None:
    page(Counter)
    assert not hasattr(Tag.div(), "state")
