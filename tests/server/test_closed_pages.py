"""What nobody looks at is given back: pages that no browser runs, closed tabs, instances without any."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from htag import Tag

from tests.adapters.stage import Stage
from tests.http_client import Refused
from tests.server.desk import DESK, QUICK, SOON, Anywhere
from tests.servers import Server, serve
from tests.support import wait_until


class Room(Tag.App):
    def init(self) -> None:
        self += Tag.p("room")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A worker in this process, that looks every now and then, and has little patience."""
    monkeypatch.setattr("htagweb_flask.pool.worker.SWEEP", 0.02)
    monkeypatch.setattr("htagweb_flask.pool.instance.CLIENT_GRACE", 0.3)
    with Stage(Room) as running:
        yield running


def instances(stage: Stage) -> list[Any]:
    return [one for one in stage.worker._instances.values() if not one.ended]


def clients(stage: Stage) -> int:
    return len(stage.worker._clients)


def test_a_page_that_no_browser_runs_is_forgotten_with_its_instance(stage: Stage) -> None:
    """As from a crawler: it reads the page, and does not run it."""
    stage.open()
    assert (len(instances(stage)), clients(stage)) == (1, 1)
    wait_until(lambda: not stage.worker._instances and not clients(stage))


def test_a_tab_that_is_closed_is_forgotten_at_once_and_its_instance_is_kept(stage: Stage) -> None:
    page = stage.open()
    page.poll()
    page.leave()
    assert clients(stage) == 0
    assert len(instances(stage)) == 1
    with pytest.raises(Refused, match="410"):
        page.poll()


def test_a_tab_that_falls_silent_is_forgotten_and_its_instance_is_kept(stage: Stage) -> None:
    stage.open().poll()
    wait_until(lambda: not clients(stage))
    assert len(instances(stage)) == 1


def test_a_tab_that_waits_for_news_is_not_silent(stage: Stage) -> None:
    page = stage.open()
    page.poll(1)  # three times longer than the patience
    assert clients(stage) == 1
    page.poll()


def test_an_instance_without_pages_ends_after_the_idle_timeout(stage: Stage) -> None:
    """Its state is kept, what it held in memory is not; a page that is open keeps its instance."""
    stage.worker._config = dataclasses.replace(stage.worker._config, idle_timeout=0.2)
    page = stage.open()
    page.poll()
    (first,) = instances(stage)
    page.poll(0.25)
    assert instances(stage) == [first]
    page.leave()
    wait_until(lambda: not stage.worker._instances)
    assert first.ended
    stage.open().poll()
    assert instances(stage) != [first]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve("gunicorn-gevent", DESK, workers=2, env=QUICK, options=SOON) as running:
        yield running


def test_head_makes_no_instance(server: Server) -> None:
    user = Anywhere(server.url)
    for path in ("/", "/debug/", "/none/"):
        answer = user.request("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Cache-Control"] == "no-store"
    assert server.pool_processes() == {}
    assert list(user.cookies) == []
