"""SIGKILL of one process or of several: who is told, what is kept, and that nothing of the dead is left.

In the table of docs/architecture.md: a worker of the pool, the supervisor, web processes, everything at once.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, done, message, number, press, together, word
from tests.servers import Server, alive, serve
from tests.support import wait_until

SITE = "tests.apps.faulty:app"

#: Seconds within which a page hears that its instance is gone, and has another one.
SOON_TOLD = 5.0

PUSHES = 60
"""One every 20 ms and more: what is done to the server falls among them."""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app writes what it has begun."""
    return tmp_path_factory.mktemp("faulty") / "file"


@pytest.fixture(scope="module")
def server(trace: Path, way: dict[str, str]) -> Iterator[Server]:
    """One worker for all users, or one for each."""
    env = {**QUICK, **way, "HTAG_WORKERS": "1", "FAULTY_FILE": str(trace)}
    with serve("gunicorn-gevent", SITE, workers=2, env=env, options=SOON) as running:
        yield running


def supervisor(server: Server, pages: list[Page]) -> set[int]:
    return set(server.pool_pids())


def workers(server: Server, pages: list[Page]) -> set[int]:
    return {number(page, "pid") for page in pages}


def both(server: Server, pages: list[Page]) -> set[int]:
    return workers(server, pages) | supervisor(server, pages)


def assert_mended(server: Server, page: Page, kept: int) -> Page:
    """Another instance with the same state, in another process."""
    again = page.user.open("/")
    assert number(again, "pid") != number(page, "pid")
    assert (word(again, "hits"), word(again, "kept")) == ("hits 0", f"kept {kept}")
    press(again, "hit")
    assert word(again, "kept") == f"kept {kept + 1}"
    return again


@pytest.mark.parametrize("victims", [workers, supervisor, both])
def test_pages_are_told_and_find_their_state(server: Server, victims: Callable[..., set[int]]) -> None:
    """By the stream, by the poll that waits, by the next click: whichever a page has."""
    pages = [Anywhere(server.url).open("/") for _ in range(3)]
    for page in pages:
        press(page, "hit")
    streaming, polling, silent = pages
    old = set(server.pool_processes())
    with streaming.stream(), polling.polling():
        start = time.monotonic()
        killed = victims(server, pages)
        for pid in sorted(killed, reverse=True):  # the supervisor last: others leave without it
            server.kill(pid)
        wait_until(lambda: streaming.gone and polling.gone)
        assert time.monotonic() - start < SOON_TOLD
    body = {"seq": 2, "cursor": silent.cursor, "message": message(silent, "hit")}
    assert silent.post("call", body).status == 410
    again = [assert_mended(server, page, 1) for page in pages]
    wait_until(lambda: old & set(server.pool_processes()) == (old - killed if victims is workers else set()))
    assert len(server.pool_processes()) <= len(old)
    assert all(map(alive, workers(server, again)))
    assert not any(map(alive, killed))


def test_what_was_in_the_middle_is_told_and_not_repeated(server: Server, trace: Path) -> None:
    """Nobody knows how far it came. The browser would send its POST again where a connection breaks."""
    trace.unlink(missing_ok=True)
    page = Anywhere(server.url).open("/")
    press(page, "hit")
    with page.stream():
        assert press(page, "hold")["done"] is False
        assert trace.read_text() == "held "
        server.kill(number(page, "pid"))
        wait_until(lambda: page.gone)
    body = {"seq": 2, "cursor": page.cursor, "message": message(page, "hold")}
    assert page.post("call", body).status == 410
    assert_mended(server, page, 1)
    assert trace.read_text() == "held "


def test_a_click_that_waits_for_its_answer_is_told(server: Server, trace: Path) -> None:
    trace.unlink(missing_ok=True)
    page = Anywhere(server.url).open("/")
    body = {"seq": 1, "cursor": page.cursor, "message": message(page, "hold")}

    def kill() -> None:
        wait_until(trace.exists, every=0.005)
        server.kill(number(page, "pid"))

    answer, _ = together([partial(page.post, "call", body), kill])
    if answer.status == 200:  # it was answered before it was done, as it took 0.4 s
        answer = page.post("call", body)
    assert (answer.status, answer.headers["X-Htag"]) == (410, "gone")
    assert trace.read_text() == "held "


def assert_nobody_noticed(server: Server, harm: Callable[[], None]) -> None:
    """Pages whose pushes come by streams and polls, while *harm* is done to the web processes."""
    pages = [Anywhere(server.url).open("/") for _ in range(6)]
    pids = [number(page, "pid") for page in pages]
    with contextlib.ExitStack() as stack:
        for index, page in enumerate(pages):
            stack.enter_context(page.polling() if index % 3 == 2 else page.stream())
            press(page, "tick", n=PUSHES)
        harm()
        for page in pages:
            page.wait_for(lambda page=page: done(page, "pushed")[-1:] == [PUSHES], 20, "all pushes")
            press(page, "hit")
    for page in pages:
        assert done(page, "pushed") == list(range(1, PUSHES + 1))
        page.assert_nothing_lost()
        assert not page.gone
        assert word(page, "hits") == "hits 1"
    assert [number(page.user.open("/"), "pid") for page in pages] == pids


def test_streams_and_polls_go_on_where_web_processes_are_killed(server: Server) -> None:
    """One after the other, and all at once."""

    def kill(pids: list[int]) -> None:
        for pid in pids:
            server.kill(pid)
        wait_until(lambda: len(server.worker_pids()) == 2 and not set(pids) & set(server.worker_pids()))

    def harm() -> None:
        for pid in server.worker_pids():
            kill([pid])
        kill(server.worker_pids())

    assert_nobody_noticed(server, harm)


def test_streams_and_polls_go_on_over_a_reload_of_the_server(server: Server) -> None:
    def harm() -> None:
        first = set(server.worker_pids())
        server.hup()
        wait_until(lambda: len(server.worker_pids()) == 2 and not first & set(server.worker_pids()))

    assert_nobody_noticed(server, harm)


def test_everything_at_once(live: Callable[..., Server], way: dict[str, str], trace: Path) -> None:
    """As by a loss of power: what is found of it, sockets and locks above all, disturbs nobody."""
    env = {**QUICK, **way, "HTAG_WORKERS": "2", "FAULTY_FILE": str(trace)}
    server = live("gunicorn-gevent", SITE, workers=2, env=env, options=SOON)
    pages = [Anywhere(server.url).open("/") for _ in range(6)]
    for page in pages:
        press(page, "hit")
    pool = server.pool_pids()
    for pid in sorted(server.pool_processes(), reverse=True):
        server.kill(pid)  # the supervisor last: without it the others would leave, and tidy up
    server.kill()
    wait_until(lambda: not server.pool_processes())
    left = {path.name for path in server.run_dir.iterdir()}
    assert {"pool.sock", "pool.pid", "secret", "start.lock"} < left
    server.stop()  # reaps it
    server.start()
    for page in pages:
        assert page.post("poll", {"cursor": page.cursor}).status == 410
        assert_mended(server, page, 1)
    assert server.pool_pids() != pool
    server.stop()
    assert [path.name for path in server.run_dir.iterdir() if path.suffix != ".lock"] == []
