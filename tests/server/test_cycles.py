"""A thousand streams, opened and cut, leave nothing behind: no socket, thread, instance, client or memory."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, press, together, word
from tests.servers import Server, serve
from tests.support import wait_until

BROWSERS = 10
EARLY, ALL = 30, 100
"""Streams of each browser: after the early ones, memory may not grow any more."""

PATIENCE = 4.0
"""Seconds after which a page is forgotten that is not heard of."""

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    env = {**QUICK, "VISITS_PATIENCE": str(PATIENCE), "HTAG_SESSION_INSTANCES": "1000"}
    with serve("gunicorn-gevent", "tests.apps.visits:app", workers=2, env=env, options=SOON) as running:
        yield running


class Visitor:
    """A browser that opens a stream again and again. Its pages are left in every way there is."""

    def __init__(self, url: str) -> None:
        self.user = Anywhere(url)
        self.page: Page | None = None
        self.streams = 0

    def visit(self, times: int) -> None:
        for _ in range(times):
            self.page = self.page or self.user.open("/")
            self.streams += 1
            self.stream(self.page, self.streams)

    def stream(self, page: Page, number: int) -> None:
        with contextlib.closing(page.user.connect(20)) as connection:
            connection.connect()
            tcp = connection.sock
            if number % 2:  # a reset, as from a process that is killed with something unread
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            body = {"cursor": page.cursor}
            with contextlib.closing(
                page.user.send(connection, "POST", page.urls["stream"], body, page.headers())
            ) as answer:
                assert answer.status == 200
                assert answer.readline() == b"event: hello\n"
                if number % 3 == 0:
                    press(page, "hit", n=number)
                    assert word(page, "shown") == f"hit {number}"
                if number % 10 == 5:
                    self.leave()
                    assert ends(answer)
        if number % 10 == 0:
            self.page = None  # without a word

    def leave(self) -> None:
        if self.page:
            assert self.page.leave().status == 204
        self.page = None


def ends(answer: http.client.HTTPResponse) -> bool:
    """Whether the stream tells that the page is gone, and ends by itself."""
    return b"event: gone\n" in answer.read()


def descriptors(pid: int) -> Counter[str]:
    """The open descriptors of a process by kind."""
    kinds: Counter[str] = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            kinds[os.readlink(entry).partition(":")[0]] += 1
    return kinds


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def connections(server: Server) -> int:
    """Those of browsers that the server has not closed yet."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(f":{server.port:04X}") and line[3] in ("01", "08") for line in lines)


def held(page: Page) -> str:
    """What the worker of the pool holds."""
    press(page, "count")
    return word(page, "shown")


@pytest.mark.slow
def test_a_thousand_streams_leave_nothing_behind(server: Server) -> None:
    witness = Anywhere(server.url).open("/")
    with witness.polling(2):
        wait_until(lambda: held(witness) == "1 instances, 1 clients", 3 * PATIENCE)
        web, pool = server.worker_pids(), list(server.pool_processes())
        before = {pid: (descriptors(pid), threads(pid)) for pid in web + pool}

        visitors = [Visitor(server.url) for _ in range(BROWSERS)]
        together(partial(visitor.visit, EARLY) for visitor in visitors)
        early = {pid: resident(pid) for pid in web + pool}
        together(partial(visitor.visit, ALL - EARLY) for visitor in visitors)
        together(visitor.leave for visitor in visitors)

        wait_until(
            lambda: held(witness) == "1 instances, 1 clients", 10 * PATIENCE, "all is forgotten", every=0.2
        )
        wait_until(lambda: connections(server) <= 1, 5, "all streams are closed")  # but the witness' poll
        assert (server.worker_pids(), list(server.pool_processes())) == (web, pool), "nobody was restarted"
        for pid in web + pool:
            found, (former, count) = descriptors(pid), before[pid]
            # What web processes keep open to the pool: a stream and a click of each browser, at most.
            kept = 2 * BROWSERS * (1 if pid in web else len(web))
            assert found.pop("socket") <= former.pop("socket") + kept
            assert found == former
            assert threads(pid) == count
            grown = (resident(pid) - early[pid]) / MEGABYTE
            assert grown < (2 if pid in web else 12), (
                "12: of instances that are not left, and forgotten later"
            )
