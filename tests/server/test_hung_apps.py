"""Handlers that never come to their end: their user gets a new instance, other users notice nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http_client import Page
from tests.http_session import Refused
from tests.server.desk import QUICK, SOON, Anywhere, meanwhile, message, press
from tests.servers import Server, alive, serve
from tests.support import wait_until

TIMEOUT = 1.5
#: Seconds within which any click of the other user has to be answered.
LATENCY = 1.0
SITE = "tests.apps.hung:app"


def environment(folder: Path) -> dict[str, str]:
    return {
        **QUICK,
        "HTAG_WORKERS": "1",
        "HTAG_INTERACTION_TIMEOUT": str(TIMEOUT),
        "HUNG_FILE": str(folder / "file"),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker for all users."""
    env = environment(tmp_path_factory.mktemp("hung"))
    with serve("gunicorn-gevent", SITE, workers=2, env=env, options=SOON) as running:
        yield running


def pid(page: Page) -> int:
    found = re.search(r"in (\d+)", page.text)
    assert found is not None
    return int(found[1])


def threads(page: Page) -> int:
    press(page, "threads")
    found = re.search(r"(\d+) threads", page.text)
    assert found is not None
    return int(found[1])


class Other:
    """Another user in the same process, who clicks until it is over and notices nothing."""

    def __init__(self, server: Server) -> None:
        self.page = Anywhere(server.url).open("/")
        self.over = False
        self.slowest = 0.0

    def click(self) -> int:
        clicks = 0
        while not self.over:
            start = time.monotonic()
            assert press(self.page, "hit")["done"] is True
            self.slowest = max(self.slowest, time.monotonic() - start)
            clicks += 1
            time.sleep(0.02)
        return clicks

    def check(self, clicks: int) -> None:
        assert clicks > 20
        assert self.slowest < LATENCY
        assert self.page.has(f"kept {clicks} ")
        self.page.assert_nothing_lost()


@pytest.mark.parametrize("way", ["spin", "swallow", "logs", "later"])
@pytest.mark.parametrize("collect", ["stream", "polling"])
def test_a_loop_without_end_ends_its_instance_alone(server: Server, way: str, collect: str) -> None:
    other = Other(server)
    page = Anywhere(server.url).open("/")
    press(page, "hit")
    before = threads(other.page)
    with meanwhile(other.click) as clicks:
        start = time.monotonic()
        with page.stream() if collect == "stream" else page.polling():
            press(page, way)
            wait_until(lambda: page.gone)
        assert TIMEOUT * 0.9 < time.monotonic() - start < TIMEOUT + 3
        again = page.user.open("/")
        assert again.has(f"kept {2 if way in ('spin', 'later') else 1} ")
        assert pid(again) == pid(other.page)
        press(again, "hit")
        other.over = True
    other.check(*clicks)
    wait_until(lambda: threads(other.page) <= before)
    assert f"in {way if way != 'later' else 'spin'}\n" in server.log_text()  # the log tells where


def test_where_nothing_is_pushed_the_click_itself_is_told(server: Server) -> None:
    page = Anywhere(server.url).open("/none")
    body = {"seq": 1, "cursor": page.cursor, "message": message(page, "spin")}
    answer = page.post("call", body)
    assert (answer.status, answer.json()) == (410, {"error": "gone"})
    assert page.user.open("/none").has("kept 1 ")


def test_an_await_without_end_is_cancelled_and_the_instance_lives(server: Server) -> None:
    other = Other(server)
    page = Anywhere(server.url).open("/")
    with meanwhile(other.click) as clicks:
        with page.stream():
            assert press(page, "wait")["done"] is False
            page.wait_for(lambda: page.errors)
            press(page, "hit")
            assert page.has("kept 2 ")
        assert len(page.errors) == 1
        assert "Traceback" not in page.errors[0]
        assert not page.gone
        page.assert_nothing_lost()
        other.over = True
    other.check(*clicks)
    assert "in wait\n" in server.log_text()


def test_where_nothing_is_pushed_an_await_without_end_is_answered(server: Server) -> None:
    page = Anywhere(server.url).open("/none")
    assert press(page, "wait")["done"] is True
    assert f"longer than {TIMEOUT:g} s" in page.errors[0]
    assert "in wait\n" in page.errors[0]  # in debug
    press(page, "hit")
    assert page.has("kept 2 ")


def test_a_handler_that_awaits_what_is_cancelled_is_answered(server: Server) -> None:
    page = Anywhere(server.url).open("/none")
    assert press(page, "cancel")["done"] is True
    assert "CancelledError" in page.errors[0]
    press(page, "hit")
    assert page.has("kept 1 ")


def test_a_handler_that_shows_what_it_does_may_take_its_time(server: Server) -> None:
    page = Anywhere(server.url).open("/")
    with page.stream():
        start = time.monotonic()
        press(page, "steps")
        page.wait_text("step 9")
        press(page, "hit")
        assert time.monotonic() - start > 1.5 * TIMEOUT
    assert page.errors == []
    assert page.has("kept 1 ")


def test_an_await_that_heeds_no_cancellation_ends_its_instance(server: Server) -> None:
    page, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    press(page, "hit")
    before = threads(other)
    with page.stream():
        press(page, "stubborn")
        wait_until(lambda: page.gone, TIMEOUT + 10)
    assert page.user.open("/").has("kept 1 ")
    wait_until(lambda: threads(other) <= before, 15)


def test_an_init_without_end_gives_an_error_page_in_time(live: Callable[..., Server], tmp_path: Path) -> None:
    server = live("gunicorn-gevent", SITE, workers=2, env=environment(tmp_path), options=SOON)
    for way in ("spin", "sleep"):
        other = Other(server)
        user = Anywhere(server.url)
        with meanwhile(other.click) as clicks:
            start = time.monotonic()
            with pytest.raises(Refused) as refused:
                user.open(f"/?{way}")
            assert time.monotonic() - start < TIMEOUT + 3
            assert refused.value.answer.status == 503
            assert "HTAG_INTERACTION_TIMEOUT" in refused.value.answer.text
            assert user.open(f"/?{way}").has("kept 1 ")
            other.over = True
        other.check(*clicks)
        (tmp_path / "file").unlink()


@pytest.mark.parametrize("way", ["sleep", "immune"])
def test_a_thread_that_cannot_be_ended_ends_with_its_process(
    live: Callable[..., Server], tmp_path: Path, way: str
) -> None:
    """Its user gets a new instance at once; the process makes room for a new one when nobody uses it."""
    server = live("gunicorn-gevent", SITE, workers=2, env=environment(tmp_path), options=SOON)
    other = Other(server)
    page = Anywhere(server.url).open("/")
    with meanwhile(other.click) as clicks:
        with page.stream():
            press(page, "hit")
            press(page, way)
            wait_until(lambda: page.gone)
        again = page.user.open("/")
        assert again.has(f"kept {2 if way == 'sleep' else 1} ")
        press(again, "hit")
        wait_until(lambda: "cannot be ended" in server.log_text())
        other.over = True
    other.check(*clicks)
    old = pid(other.page)
    assert pid(again) == old
    for each in (again, other.page):
        each.leave()
    wait_until(lambda: not alive(old), 15)
    renewed = page.user.open("/")
    assert renewed.has(f"kept {3 if way == 'sleep' else 2} ")
    assert pid(renewed) != old
    press(renewed, "hit")
    assert threads(renewed) == 1


def test_many_threads_that_cannot_be_ended_end_their_process(
    live: Callable[..., Server], tmp_path: Path
) -> None:
    server = live("gunicorn-gevent", SITE, workers=2, env=environment(tmp_path), options=SOON)
    other = Anywhere(server.url).open("/")
    press(other, "hit")
    old = pid(other)
    with other.stream():
        for page in [Anywhere(server.url).open("/") for _ in range(8)]:
            press(page, "sleep")
        wait_until(lambda: other.gone, 20)
    again = other.user.open("/")
    assert again.has("kept 1 ")
    assert pid(again) != old
    wait_until(lambda: not alive(old))


def test_a_process_in_which_nothing_runs_any_more_is_replaced(
    live: Callable[..., Server], tmp_path: Path
) -> None:
    server = live("gunicorn-gevent", SITE, workers=2, env=environment(tmp_path), options=SOON)
    page, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    press(other, "hit")
    old = pid(other)
    with other.stream(), page.stream():
        body = {"seq": 1, "cursor": page.cursor, "message": message(page, "regex")}
        assert page.post("call", body).status == 410
        wait_until(lambda: other.gone and not alive(old), 30)
    again = other.user.open("/")
    assert again.has("kept 1 ")
    assert pid(again) != old


def test_the_end_of_a_pool_waits_for_no_stuck_thread(live: Callable[..., Server], tmp_path: Path) -> None:
    server = live("gunicorn-gevent", SITE, workers=2, env=environment(tmp_path), options=SOON)
    for way in ("sleep", "spin", "immune"):
        press(Anywhere(server.url).open("/"), way)
    server.stop()
