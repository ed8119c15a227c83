"""What nobody looks at is given back: pages that no browser runs, closed tabs, instances without any."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from htag import Tag

from htagweb_flask.protocol import Poll
from tests.adapters.stage import Stage
from tests.http_client import Refused
from tests.server.desk import Anywhere
from tests.servers import Server
from tests.support import wait_until


class Room(Tag.App):
    def init(self) -> None:
        self += Tag.p("room")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A worker in this process, that looks every now and then, and has little patience."""
    monkeypatch.setattr("htagweb_flask.pool.worker.SWEEP", 0.02)
    monkeypatch.setattr("htagweb_flask.pool.instance.CLIENT_GRACE", 0.3)
    monkeypatch.setattr("htagweb_flask.pool.instance.HIDDEN_GRACE", 1.5)
    with Stage(Room) as running:
        yield running


def instances(stage: Stage) -> list[Any]:
    return [one for one in stage.worker._instances if not one.ended]


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


def test_a_tab_that_nobody_looks_at_may_be_silent_for_longer(stage: Stage) -> None:
    """Browsers hold back what it asks."""
    hidden, shown = stage.open(), stage.open()
    hidden.post("poll", {"cursor": hidden.cursor, "wait": 0, "hidden": True})
    shown.poll()
    wait_until(lambda: clients(stage) == 1)
    hidden.poll()  # it is looked at again
    wait_until(lambda: not clients(stage))


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


def test_an_instance_that_has_ended_is_held_by_nobody(stage: Stage) -> None:
    """Its tree may be large: it goes when it ends, not when the last poll would have had its answer."""
    page = stage.open()
    stage.tell(Poll(page.token, page.cursor, 20))
    (held,) = map(weakref.ref, instances(stage))
    stage.run(stage.worker.end)
    wait_until(lambda: not gc.collect() and held() is None, 15)  # the watchdog looks every 5 s


def test_polls_that_are_answered_before_their_time_leave_no_timers(stage: Stage) -> None:
    """As where an app pushes often: each push is the answer of a poll."""
    page = stage.open()
    for _ in range(500):
        stage.tell(Poll(page.token, page.cursor, 20))
    page.poll()
    assert stage.run(lambda: len(stage._loop._scheduled)) < 250


def test_head_makes_no_instance(server: Server) -> None:
    user = Anywhere(server.url)
    for path in ("/", "/debug/", "/none/"):
        answer = user.request("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Cache-Control"] == "no-store"
    assert server.pool_processes() == {}
    assert list(user.cookies) == []
