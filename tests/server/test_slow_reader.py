"""Who opens a stream and does not read it takes no memory, no time, and no place for long from the others."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, done, press, word
from tests.server.test_cycles import MEGABYTE, resident
from tests.servers import Server
from tests.support import wait_until

Live = Callable[..., Server]

READERS = 3
PAYLOADS, SIZE = 150, 100_000
"""15 MB for each reader: more than an outbox keeps, 2 MB."""

#: Megabytes that a web process may grow by: copies of what an outbox keeps. waitress buffers some more.
KINDS = {"gunicorn-gevent": 7 * READERS, "gunicorn-gthread": 7 * READERS, "waitress": 13 * READERS}


class Reader:
    """A stream whose reader takes as little as a socket can."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.connection = page.user.connect(20)
        tcp = socket.socket()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before it connects, or it is more
        tcp.settimeout(20)
        tcp.connect((self.connection.host, self.connection.port))
        self.connection.sock = tcp
        body = {"cursor": page.cursor}
        self.answer = page.user.send(self.connection, "POST", page.urls["stream"], body, page.headers())
        if self.answer.status == 200:
            assert self.answer.readline() == b"event: hello\n"

    def close(self) -> None:
        self.answer.close()
        self.connection.close()

    def read(self) -> None:
        """Applies what comes, until all is there that was poured. A stream that ends first is an error."""
        for batch in self._batches():
            self.page.take(batch, "stream")
            if word(self.page, "poured") == f"poured {PAYLOADS}":
                return
        raise AssertionError(f"the stream ended at {word(self.page, 'poured')!r}")

    def is_cut(self) -> bool:
        """Whether the stream breaks when it is read on, in place of its end."""
        try:
            while self.answer.readline():
                pass
        except (OSError, http.client.HTTPException):
            return True
        return False

    def _batches(self) -> Iterator[dict[str, Any]]:
        name = b""
        for line in self.answer:
            if line.startswith(b"event: "):
                name = line[7:].strip()
            elif line.startswith(b"data: ") and name == b"batch":
                yield json.loads(line[6:])


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, live: Live) -> Server:
    options: Any = {"options": SOON} if request.param.startswith("gunicorn") else {}
    return live(request.param, "tests.apps.visits:app", workers=1, env=QUICK, **options)


@pytest.mark.slow
def test_a_slow_reader_hurts_nobody_and_misses_nothing(server: Server) -> None:
    pages = [Anywhere(server.url).open("/") for _ in range(READERS)]
    other = Anywhere(server.url).open("/")
    press(other, "hit", n=0)
    (web,) = server.worker_pids()
    before = most = resident(web)
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(contextlib.closing(Reader(page))) for page in pages]
        for page in pages:
            press(page, "pour", n=PAYLOADS, size=SIZE)
        for number in range(1, 41):
            clicked = time.monotonic()
            press(other, "hit", n=number)
            assert time.monotonic() - clicked < 1
            assert word(other, "shown") == f"hit {number}"
            most = max(most, resident(web))
            time.sleep(0.04)  # a second and a half in all, in which all is poured
        assert (most - before) / MEGABYTE < KINDS[server.kind]
        for reader in readers:
            reader.read()
            reader.page.assert_nothing_lost()
            if not reader.page.inbox.resets:
                assert done(reader.page, "poured") == list(range(1, PAYLOADS + 1))


@pytest.mark.slow
def test_its_place_is_free_after_a_while(live: Live) -> None:
    """As that of a browser that has gone without a word is, by the same timer of the kernel."""
    env = {**QUICK, "VISITS_PATIENCE": "2", "HTAG_STREAMS": "1"}
    server = live("gunicorn-gevent", "tests.apps.visits:app", workers=1, env=env, options=SOON)
    page, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    with contextlib.closing(Reader(page)) as reader, other.polling(1):
        press(page, "pour", n=PAYLOADS, size=SIZE)
        with contextlib.closing(Reader(other)) as refused:
            assert refused.answer.status == 503
        wait_until(lambda: has_a_stream(other), 15, "there is room", every=0.5)
        assert reader.is_cut()


def has_a_stream(page: Page) -> bool:
    with contextlib.closing(Reader(page)) as reader:
        return reader.answer.status == 200
