"""Processes of the pool that are stopped, as by a debugger or a machine that has no memory: they live, and do
not react. Who waits for them is told in time, and all goes on when they do, or have been replaced.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_client import Answer, Page
from tests.server.desk import QUICK, SOON, Anywhere, meanwhile, message, number, press, word
from tests.servers import Server, alive, serve
from tests.support import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

START = 6.0
"""Seconds that the pool has to answer a page: less than those after which a worker is killed."""
IN_TIME = 30
"""Seconds: a worker that does not react for 10 s is killed, and this machine may be busy."""


@pytest.fixture(scope="module")
def server(either: dict[str, str]) -> Iterator[Server]:
    env = {
        **QUICK,
        **either,
        "HTAG_WORKERS": "2",
        "HTAG_INTERACTION_TIMEOUT": "1",
        "HTAG_POOL_START": f"{START}",
    }
    with serve("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=SOON) as running:
        yield running


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def apart(server: Server) -> list[Page]:
    """Pages in the two processes of the app."""
    found: dict[int, Page] = {}

    def both() -> bool:
        page = Anywhere(server.url).open("/")
        found.setdefault(number(page, "pid"), page)
        return len(found) == 2

    wait_until(both)
    return list(found.values())


def assert_comes_again(answer: Answer) -> None:
    """It is no page, and the browser asks for it once more. The script of a sealed page knows that itself."""
    assert answer.status == 503
    assert 'http-equiv="refresh"' in answer.text or answer.body == b""


def test_a_worker_that_is_stopped_for_a_moment_loses_nothing(server: Server) -> None:
    page, other = apart(server)
    press(page, "hit")
    with page.stream():
        with meanwhile(lambda: press(page, "hit")) as answers, stopped(number(page, "pid")):
            press(other, "hit")
            threading.Event().wait(3)
        assert answers
        press(page, "hit")
    assert (word(page, "hits"), word(page, "kept"), word(other, "hits")) == ("hits 3", "kept 3", "hits 1")
    page.assert_nothing_lost()


def test_a_worker_that_is_stopped_for_good_is_replaced(server: Server) -> None:
    page, other = apart(server)
    old = number(page, "pid")
    press(page, "hit")
    click = {"seq": page.seq + 1, "cursor": page.cursor, "message": message(page, "hit")}
    with stopped(old):
        began = time.monotonic()
        with meanwhile(lambda: page.post("call", click)) as answers:
            answer = page.user.visit(page.url)
            if answer.status != 200:  # a new connection may wait until there is another process
                assert_comes_again(answer)
            press(other, "hit")
            wait_until(lambda: answers, IN_TIME, "the click is answered")
        assert answers[0].status == 410
        assert time.monotonic() - began < IN_TIME
        wait_until(lambda: not alive(old), 5, "it ends")  # its sockets have closed a moment before
        wait_until(lambda: page.user.visit(page.url).status == 200, IN_TIME, "there is another process")
        again = page.user.open(page.url)
    assert number(again, "pid") not in (old, number(other, "pid"))
    assert (word(again, "hits"), word(again, "kept")) == ("hits 0", "kept 1")
    press(other, "hit")
    assert word(other, "hits") == "hits 2"


def test_a_supervisor_that_is_stopped_stops_no_page_that_is_there(server: Server) -> None:
    page, other = apart(server)
    with page.stream(), stopped(server.pool_pids()[0]):
        press(page, "hit")
        again = other.user.open("/")
        press(again, "hit")
        began = time.monotonic()
        assert_comes_again(page.user.visit("/second/"))  # whose process has to be started
        assert time.monotonic() - began < IN_TIME
    wait_until(lambda: page.user.visit("/second/").status == 200, IN_TIME, "its process is there")
    second = page.user.open("/second/")
    for each in (page, again, second):
        press(each, "hit")
    assert [word(each, "hits") for each in (page, again, second)] == ["hits 2", "hits 2", "hits 1"]
    page.assert_nothing_lost()
