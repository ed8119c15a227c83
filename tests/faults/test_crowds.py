"""Many at once: a thousand pages that come back at the same time, connections of which one end has gone.

In the table of docs/architecture.md: reconnects, half-open connections. Readers that are slow are in
tests/server/test_slow_reader.py, pages that nobody runs in tests/server/test_many_pages.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.http_page import Packed, Page
from tests.server.desk import SOON, Anywhere, done, opened, press, together
from tests.servers import Server, serve
from tests.support import wait_until

USERS, TABS = 25, 40
PUSHES = 3
PATIENCE = 90.0

TCP_REPAIR = 19
"""With it, Linux closes a connection without a word to the other end. For root only."""


@pytest.fixture(scope="module")
def server(either: dict[str, str]) -> Iterator[Server]:
    env = {**either, "HTAG_POOL_GRACE": "0.5", "HTAG_WORKERS": "2"}
    options = (*SOON, "--worker-connections", "2000")
    with serve("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=options) as running:
        yield running


class Tab:
    """A page that listens to its stream, in a loop that it shares with many."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.streams = 0
        self.over = False

    async def listen(self) -> None:
        """Connects again, as a page does, until it is over."""
        pause = 0.0
        while not self.over:
            await asyncio.sleep(pause)
            try:
                await self._stream()
                pause = 0.05
            except (OSError, asyncio.IncompleteReadError):
                pause = min(1.0, 2 * pause + 0.05)

    async def _stream(self) -> None:
        page = self.page
        host, port = page.user.base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            packed = page.pack({"cursor": page.cursor})
            writer.write(self._request(packed))
            status = await reader.readline()
            if b" 200 " not in status:
                raise ConnectionError(status)
            name = ""
            while (line := (await reader.readline()).decode()) and not self.over:
                if line.startswith("event: "):
                    name = line[7:].strip()
                    self.streams += name == "hello"
                elif line.startswith("data: ") and name == "batch":
                    page.take(json.loads(packed.event(line[6:])), "stream")
        finally:
            writer.close()

    def _request(self, packed: Packed) -> bytes:
        page, body = self.page, packed.body
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {
            **page.headers(),
            "Host": "localhost",
            "Content-Length": str(len(body)),
            "Content-Type": "application/json",
            **packed.headers,
            "Cookie": "; ".join(f"{one.name}={one.value}" for one in page.user.cookies),
        }
        lines = [f"{name}: {value}" for name, value in headers.items()]
        path = page.urls["stream"].removeprefix(page.user.base)
        return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode() + body


@pytest.mark.slow
def test_a_thousand_pages_come_back_at_once(server: Server) -> None:
    """When all web processes have been killed. Each is told what it has missed, once and in order."""

    def come() -> list[Tab]:
        user = Anywhere(server.url)
        return [Tab(opened(user, PATIENCE)) for _ in range(TABS)]

    users: list[list[Tab]] = together([come] * USERS)
    with many_files():
        asyncio.run(crowd(server, users))
    for tab in itertools.chain(*users):
        tab.page.assert_nothing_lost()
        assert done(tab.page, "pushed") == list(range(1, PUSHES + 1))


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    """As many descriptors as the system allows: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def crowd(server: Server, users: list[list[Tab]]) -> None:
    tabs = list(itertools.chain(*users))
    tasks = [asyncio.create_task(tab.listen()) for tab in tabs]
    await until(lambda: all(tab.streams for tab in tabs), "all listen")
    for pid in server.worker_pids():
        server.kill(pid)
    await asyncio.to_thread(together, [partial(press, mine[0].page, "tick", n=PUSHES) for mine in users])
    await until(lambda: all(tab.streams > 1 for tab in tabs), "all are back")
    await until(lambda: all(len(done(tab.page, "pushed")) >= PUSHES for tab in tabs), "all have been told")
    for tab, task in zip(tabs, tasks, strict=True):
        tab.over = True
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


HALVES = {
    "nothing": b"",
    "a line": b"POST /_htag/call HTTP/1.1\r\nHost: localhost\r\n",
    "a body": b"POST /_htag/call HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
}


def test_who_says_half_of_it_holds_up_nobody(server: Server) -> None:
    """Fifty connections of each kind, that wait for the rest."""
    page = Anywhere(server.url).open("/")
    with contextlib.ExitStack() as stack:
        for half in list(HALVES.values()) * 50:
            tcp = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            tcp.sendall(half)
        with page.stream():
            press(page, "tick", n=PUSHES)
            page.wait_for(lambda: done(page, "pushed") == list(range(1, PUSHES + 1)))
        for _ in range(20):
            began = time.monotonic()
            press(page, "hit")
            assert time.monotonic() - began < 1
            assert Anywhere(server.url).get("/").status == 200
    wait_until(lambda: connections(server) == 0, 15, "what was closed is closed")


def connections(server: Server) -> int:
    """Those that the server takes for open."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(f":{server.port:04X}") and line[3] in ("01", "08") for line in lines)


def may_vanish() -> bool:
    """Whether this process may close a connection without a word to the other end."""
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        except (OSError, AttributeError):
            return False
    return True


@pytest.mark.skipif(not may_vanish(), reason="needs Linux, and the right to administer its network")
def test_connections_whose_other_end_has_vanished_are_closed(
    live: Callable[..., Server], either: dict[str, str]
) -> None:
    """As of a machine that was switched off. Known by the next heartbeat, as is that the page has gone."""
    env = {**either, "HTAG_POOL_GRACE": "0.5", "VISITS_PATIENCE": "3"}
    server = live("gunicorn-gevent", "tests.apps.visits:app", workers=1, env=env, options=SOON)
    witness, held = Anywhere(server.url).open("/"), 0
    with witness.polling(1):
        for _ in range(20):
            page = Anywhere(server.url).open("/")
            connection = page.user.connect(20)
            packed = page.pack({"cursor": 1})
            sent = {**page.headers(), **packed.headers}
            answer = page.user.send(connection, "POST", page.urls["stream"], packed.body, sent)
            assert answer.readline() == b"event: hello\n"
            raw = socket.socket(fileno=os.dup(answer.fileno()))
            raw.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            raw.close()
            answer.close()
            connection.close()
            held = max(held, connections(server))  # the first ones may be known before the last ones are made
        assert held > 5
        wait_until(lambda: connections(server) <= 1, 20, "they are closed")

        def forgotten() -> bool:
            press(witness, "count")
            return witness.has("1 instances, 1 clients")

        wait_until(forgotten, 30, "their instances are forgotten", every=0.3)
