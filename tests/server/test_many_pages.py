"""A thousand pages: what was opened by nobody, and what was closed, is given back."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.http_client import User
from tests.server.desk import SOON, Anywhere, press, together, word
from tests.servers import Server, serve
from tests.support import wait_until

LASTING = "tests.apps.lasting:app"
MANY = 1000
HANDS = 8
PATIENCE = 3.0
REST = 2.0
ROOM, MORE = 30_000, 5_000
"""Kilobytes that may stay after a thousand pages, hundreds of them at a time, and after another thousand: a
piece of memory goes back when all of it is free, and is used again when it is not."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux"),
]


@dataclass
class Use:
    """What the processes of the pool have taken from the machine."""

    kilobytes: int
    threads: int
    files: int


def use(server: Server) -> Use:
    total = Use(0, 0, 0)
    for pid in server.pool_processes():
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total.kilobytes += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        total.threads += len(list(Path(f"/proc/{pid}/task").iterdir()))
        total.files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return total


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    env = {
        "HTAG_WORKERS": "1",
        "LASTING_PATIENCE": f"{PATIENCE}",
        "LASTING_REST": f"{REST}",
        "HTAG_POOL_GRACE": "0.5",
    }
    # One process for each mount: each can tell what is in it.
    with serve("gunicorn-gevent", LASTING, workers=2, env=env, options=SOON) as running:
        yield running


def many(times: int, work: Callable[[int], None]) -> None:
    """Does it so many times, by several hands."""
    numbers = itertools.count()

    def hand() -> None:
        while (number := next(numbers)) < times:
            work(number)

    together([hand] * HANDS)


def visit(user: User, path: str) -> None:
    """As a browser: loads the page, connects, and leaves it by a beacon."""
    page = user.open(path)
    page.announce()
    assert page.leave().status == 204


def regulars(server: Server) -> Callable[[int], User]:
    """Users who come again and again."""
    users = [User(server.url) for _ in range(HANDS)]
    for one in users:
        visit(one, "/")  # for the cookie
    return lambda number: users[number % HANDS]


@pytest.mark.parametrize(
    ("paths", "who"),
    [
        (["/", "/tab/"], regulars),
        (["/short/?kind=still"], lambda server: lambda _: User(server.url)),
    ],
    ids=["users who come again", "users who never come again"],
)
def test_a_thousand_closed_pages_leave_the_pool_as_it_was_after_a_hundred_and_the_next_do_too(
    server: Server, paths: list[str], who: Callable[[Server], Callable[[int], User]]
) -> None:
    user = who(server)

    def come(number: int) -> None:
        visit(user(number // len(paths)), paths[number % len(paths)])

    many(100, come)
    before = rested(server)
    many(MANY, come)
    after = given_back(server, before, ROOM)
    many(MANY, come)
    given_back(server, after, MORE)


def given_back(server: Server, before: Use, room: int) -> Use:
    """Waits until no more is in use than before, but for that many kilobytes."""
    now = before

    def restored() -> bool:
        nonlocal now
        now = use(server)
        files = now.files <= before.files + 20  # connections that web processes keep
        return files and now.threads <= before.threads and now.kilobytes <= before.kilobytes + room

    try:
        wait_until(restored, 60, "all is given back", every=0.5)
    finally:
        print(f"{before} before, {now} after")
    return now


def rested(server: Server) -> Use:
    """What is in use when what has ended was looked for: nothing has changed for longer than that takes."""
    now, since = use(server), time.monotonic()

    def rests() -> bool:
        nonlocal now, since
        last, now = now, use(server)
        if (last.threads, last.files) != (now.threads, now.files) or last.kilobytes - now.kilobytes > 500:
            since = time.monotonic()
        return time.monotonic() - since > 2 * REST

    wait_until(rests, 60, every=0.1)
    return now


def test_a_thousand_pages_without_a_cookie_disturb_nobody_and_are_forgotten(server: Server) -> None:
    for _ in range(20):  # so that all processes of the pool are there
        visit(User(server.url), "/short/")
    page = Anywhere(server.url).open("/short/")
    processes = set(server.pool_processes())
    before = use(server)
    answers: list[int] = []
    times: list[float] = []
    highest = before
    over = threading.Event()

    def crawl(_: int) -> None:
        answers.append(User(server.url, keep_alive=False).get("/short/").status)

    def crawlers() -> None:
        try:
            many(MANY, crawl)
        finally:
            over.set()

    def click() -> None:
        nonlocal highest
        while not over.is_set():
            began = time.monotonic()
            press(page, "more")
            times.append(time.monotonic() - began)
            highest = max(highest, use(server), key=lambda one: one.kilobytes)
            over.wait(0.05)

    together([crawlers, click])
    assert answers == [200] * MANY
    assert word(page, "count") == f"{len(times)}"
    assert len(times) > 10
    assert sorted(times)[len(times) * 9 // 10] < 0.5, "nine of ten clicks"
    assert highest.kilobytes - before.kilobytes < 60 * MANY
    assert set(server.pool_processes()) == processes
    with page.stream():
        wait_until(lambda: use(server).threads <= before.threads + 2, 3 * PATIENCE, "they are forgotten")
        assert use(server).files <= before.files + 20
        press(page, "more")
