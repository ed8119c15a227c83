"""htag 2: reactive state, the session, the request, and the life of an app."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import htag
import pytest
from htag import Tag

from htagweb_flask.errors import AppError
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


def test_the_request_is_there_in_init_and_is_the_latest_later(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self.note("init")
            self += Tag.button("go", _onclick=lambda ev: self.note("click"))

        def on_mount(self) -> None:
            self.note("mount")

        def note(self, where: str) -> None:
            request = self.request
            seen.append((where, request.query_params["q"], request.cookies["taste"], request.headers["x"]))

    seen: list[Any] = []
    tab = page(App, "q=1", debug=False) if False else None
    assert tab is None


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
    tab = stage.open("q=é+1", headers=[("Cookie", "c=1"), ("Host", "a.test")], path="/app/", root_path="/base")
    url = "http://a.test/base/app/?q=é+1"
    assert seen == [("init", "é 1", "1", url), ("mount", "é 1", "1", url)]
    tab.click("go")
    assert seen[-1] == ("click", "é 1", "1", url)
    stage.open("q=é+1", headers=[("Cookie", "c=2"), ("Host", "b.test")])
    tab.click("go")
    assert [one[2] for one in seen[3:]] == ["2", "2"]


def test_the_session_is_one_in_init_mount_events_and_tasks(host: Any) -> None:
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
    tab.collect("done")
    wait_until(lambda: (tab.poll(), "task" in stage.session)[1])


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


class Life(Tag.App):
    """Logs what happens to it."""

    def init(self) -> None:
        log.append("init")

    def on_mount(self) -> None:
        log.append("mount")

    def on_unmount(self) -> None:
        log.append("unmount")

    def on_destroy(self) -> None:
        log.append("destroy")


log: list[str] = []


def test_an_app_is_mounted_with_each_page_and_destroyed_at_the_end(host: Any) -> None:
    log.clear()
    stage = host(Life)
    tab = stage.open()
    assert log == ["init", "mount"]
    tab.reload()
    assert log == ["init", "mount", "unmount", "mount"]
    stage.run(stage.worker.end)
    wait_until(lambda: log[4:])
    assert log[4:] == ["destroy"]


def test_an_asynchronous_on_destroy_comes_to_its_end(host: Any) -> None:
    class App(Life):
        async def on_destroy(self) -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            log.append("really destroyed")

    log.clear()
    with host(App) as stage:
        stage.open()
    assert log == ["init", "mount", "really destroyed"]


@pytest.mark.parametrize("transport", ["sse", "longpoll", "none"])
@pytest.mark.parametrize("kind", ["generator", "async generator", "coroutine"])
def test_a_mount_that_takes_its_time_runs_when_the_page_is_there(
    host: Any, transport: str, kind: str
) -> None:
    class App(Tag.App):
        if kind == "generator":

            def on_mount(self) -> Any:
                for step in "123":
                    self.add(step)
                    yield
        elif kind == "async generator":

            async def on_mount(self) -> Any:
                for step in "123":
                    self.add(step)
                    await asyncio.sleep(0)
                    yield
        else:

            async def on_mount(self) -> None:
                self.add("123")

    tab = host(App).open(transport=transport)
    assert tab.text == ""
    tab.collect("123")
    tab.poll()
    assert tab.text == "123"


@pytest.mark.parametrize("when", ["mount", "unmount"])
def test_an_error_in_a_mount_is_told(host: Any, when: str) -> None:
    class App(Tag.App):
        def on_mount(self) -> None:
            if when == "mount":
                raise ValueError("no")

        def on_unmount(self) -> None:
            if when == "unmount":
                raise ValueError("no")

    stage = host(App)
    if when == "unmount":
        stage.open()
    with pytest.raises(AppError, match="mount: ValueError: no"):
        stage.open()


def test_an_error_in_what_a_tag_shows_is_told_at_the_reload_too(host: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.p(lambda: 1 // len(ready))

    ready: list[int] = []
    stage = host(App)
    with pytest.raises(AppError, match="render: ZeroDivisionError"):
        stage.open()
    ready.append(1)
    assert stage.open().text == "1"
