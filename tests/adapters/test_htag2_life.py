"""htag 2: how an app is mounted, shown again and destroyed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from htag import Tag

from htagweb_flask.errors import AppError
from tests.support import wait_until

pytestmark = pytest.mark.htag2


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
    stage = host(App)
    stage.open()
    stage.run(stage.worker.end)
    wait_until(lambda: log == ["init", "mount", "really destroyed"])


@pytest.mark.parametrize("later", [False, True])
def test_an_error_in_on_destroy_is_in_the_log(
    host: Any, later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    class App(Life):
        def on_destroy(self) -> Any:
            if later:
                return self.fail()
            raise ValueError("not that easy")

        async def fail(self) -> None:
            raise ValueError("not that easy")

    stage = host(App)
    stage.open()
    stage.run(stage.worker.end)
    wait_until(lambda: "not that easy" in caplog.text)


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
