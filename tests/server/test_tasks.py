"""What an app has started ends with it, and what its pages hear of it meanwhile."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http_client import Page
from tests.server.desk import SOON, Anywhere, press, word
from tests.servers import Server, serve
from tests.support import GENERATION, wait_until

LASTING = "tests.apps.lasting:app"
ENV = {"HTAG_WORKERS": "1", "HTAG_POOL_GRACE": "0.5"}


@pytest.fixture
def server() -> Iterator[Server]:
    """A pool of one process, so that one user sees what the instances of another do."""
    with serve("gunicorn-gevent", LASTING, workers=4, env=ENV, options=SOON) as running:
        yield running


def look(page: Page) -> dict[str, Any]:
    press(page, "look")
    found: dict[str, Any] = json.loads(word(page))
    return found


@pytest.mark.parametrize(
    "how", ["/tab/?kind=endless", pytest.param("/?kind=endless&n", marks=pytest.mark.htag2)]
)
def test_ten_instances_after_each_other_leave_one_task(server: Server, how: str) -> None:
    watcher = Anywhere(server.url).open("/tab/" if "tab" in how else "/")
    page = Anywhere(server.url).open(how)
    for _ in range(10):
        page.announce()
        page = page.reload()
    page.announce()
    wait_until(lambda: look(watcher)["running"] == 1, 5, "one task is left")
    found = look(watcher)
    assert (found["running"], found["begun"]) == (1, 11)
    if GENERATION == 2:
        assert len(found["destroyed"]) == 10
    page.leave()
    if "tab" in how:
        wait_until(lambda: look(watcher)["running"] == 0, 5, "none is left")


def test_a_closed_app_that_nobody_opens_again_ends_with_its_tasks(server: Server) -> None:
    """The instance, after HTAG_IDLE_TIMEOUT; whoever comes back finds a new one."""
    watcher = Anywhere(server.url).open("/short/")
    user = Anywhere(server.url)
    page = user.open("/short/?kind=endless")
    with page.stream():
        press(page, "more")
    assert look(watcher)["running"] == 1
    page.leave()
    wait_until(lambda: look(watcher)["running"] == 0, 12, "it has ended", every=0.2)
    wait_until(lambda: len(look(watcher)["destroyed"]) == (GENERATION == 2))
    again = user.open("/short/?kind=endless")
    assert word(again, "count") == "0"
    press(again, "more")
    assert word(again, "count") == "1"


@pytest.mark.htag1
def test_update_tells_whether_a_page_is_there(server: Server) -> None:
    """True before the page is connected, False as soon as the last tab is closed, True when one is back."""
    watcher = Anywhere(server.url).open("/")
    user = Anywhere(server.url)
    one, two = user.open("/?kind=asks"), user.open("/?kind=asks")
    wait_until(lambda: look(watcher)["answers"] == [True])
    with one.stream(), two.stream():
        press(one, "more")
    one.leave()
    assert look(watcher)["answers"] == [True]
    began = time.monotonic()
    two.leave()
    wait_until(lambda: look(watcher)["answers"] == [True, False])
    assert time.monotonic() - began < 2
    again = user.open("/?kind=asks")
    wait_until(lambda: look(watcher)["answers"] == [True, False, True])
    assert word(again, "count") == "1", "it is the same instance"


@pytest.mark.htag1
def test_a_task_that_goes_on_while_somebody_sees_it_uses_nothing_after_that(server: Server) -> None:
    watcher = Anywhere(server.url).open("/")
    user = Anywhere(server.url)
    page = user.open("/?kind=shows")
    with page.stream():
        assert look(watcher)["running"] == 1
    page.leave()
    wait_until(lambda: look(watcher)["running"] == 0, 3, "the task has ended")
    before, began = seconds(server), time.monotonic()
    wait_until(lambda: time.monotonic() - began > 2, 5)
    assert seconds(server) - before <= 0.1


def seconds(server: Server) -> float:
    """What all processes of the pool have computed."""
    ticks = 0
    for pid in server.pool_processes():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.htag2
def test_a_server_that_stops_destroys_its_apps(live: Callable[..., Server], tmp_path: Path) -> None:
    """Once each, whether their pages are open or closed."""
    file = tmp_path / "destroyed"
    env = {**ENV, "LASTING_DESTROYED": str(file)}
    server = live("gunicorn-gevent", LASTING, workers=2, env=env, options=SOON)
    pages = [Anywhere(server.url).open("/?kind=endless") for _ in range(3)]
    for page in pages:
        page.announce()
    pages[0].leave()
    server.stop()
    assert file.read_text().splitlines() == ["destroyed"] * 3
