"""A thousand pages: what was opened by nobody, and what was closed, is given back."""

from __future__ import annotations

import itertools
import json
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
LONG = 6.0

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
    env = {"HTAG_WORKERS": "1", "LASTING_PATIENCE": f"{PATIENCE}", "HTAG_POOL_GRACE": "0.5"}
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
def test_a_second_thousand_of_closed_pages_takes_no_more_memory_than_the_first(
    server: Server, paths: list[str], who: Callable[[Server], Callable[[int], User]]
) -> None:
    user = who(server)

    def come(number: int) -> None:
        visit(user(number // len(paths)), paths[number % len(paths)])

    many(100, come)

    def freed() -> bool:
        """What has ended and is in a cycle waits for enough of it and a quiet second: see Heap."""
        if all(alive(server, path) < MANY / 2 for path in paths):
            return True
        many(MANY // 4, come)
        return False

    def come_and_go() -> int:
        before = settled(server)
        many(MANY, come)
        gone = "threads and files of what was closed are given back"
        wait_until(lambda: given_back(use(server), before), 60, gone, every=0.2)
        wait_until(freed, 120, "trees are freed", every=2)
        return use(server).kilobytes

    first = come_and_go()  # the most garbage that there ever is stays as room for more
    assert come_and_go() - first < 20_000


def given_back(now: Use, before: Use) -> bool:
    return now.threads <= before.threads and now.files <= before.files + 20


def alive(server: Server, path: str) -> int:
    """How many trees of this mount there are."""
    page = Anywhere(server.url).open(path)
    press(page, "look")
    found: int = json.loads(word(page))["alive"]
    return found


def settled(server: Server) -> Use:
    """What is in use when all that has ended is given back: nothing has changed for a while."""
    now, since = use(server), time.monotonic()
    deadline = since + LONG

    def settles() -> bool:
        nonlocal now, since
        last, now = now, use(server)
        if (last.threads, last.files) != (now.threads, now.files) or last.kilobytes - now.kilobytes > 500:
            since = time.monotonic()
        return time.monotonic() - since > 1.7 or time.monotonic() > deadline

    wait_until(settles, 2 * LONG, every=0.1)
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
