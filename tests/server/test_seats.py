"""What a web process holds open is bounded by what its server can bear: streams and waiting polls never take
the place of pages and clicks, and who closes a page makes room at once."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.http_client import Page
from tests.server.desk import DESK, QUICK, SOON, Anywhere, press, word
from tests.servers import Server
from tests.support import wait_until

Live = Callable[..., Server]

#: Servers of one process, and how many requests each may hold open.
SERVERS = {
    "gthread": ("gunicorn-gthread", {"threads": 6, "options": SOON}, 3),
    "waitress": ("waitress", {"threads": 6}, 3),
    "gevent": ("gunicorn-gevent", {"options": (*SOON, "--worker-connections", "10")}, 8),
    "one thread": ("gunicorn-gthread", {"threads": 1, "options": SOON}, 0),
    "sync": ("gunicorn-sync", {"options": SOON}, 0),
}


@pytest.fixture(params=SERVERS)
def crowded(request: pytest.FixtureRequest, live: Live) -> tuple[Server, int]:
    """A server, and how many requests it may hold open."""
    kind, options, seats = SERVERS[request.param]
    env = {**QUICK, "WAITRESS_LOOKAHEAD": "1"}
    return live(kind, DESK, workers=1, env=env, **options), seats  # type: ignore[arg-type]


def open_stream(page: Page, stack: contextlib.ExitStack) -> http.client.HTTPResponse:
    """Asks for a stream, and reads whether there is one."""
    connection = stack.enter_context(contextlib.closing(page.user.connect(10)))
    answer = page.user.send(connection, "POST", page.urls["stream"], {"cursor": page.cursor}, page.headers())
    stack.callback(answer.close)
    if answer.status == 200:
        assert answer.readline() == b"event: hello\n"
    return answer


def connections(server: Server) -> int:
    """How many the server has not closed yet, the browser's end closed or not."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port, open_or_half_closed = f":{server.port:04X}", ("01", "08")
    return sum(line[1].endswith(port) and line[3] in open_or_half_closed for line in lines)


def test_streams_leave_room_for_pages_and_clicks(crowded: tuple[Server, int]) -> None:
    server, seats = crowded
    pages = [Anywhere(server.url).open("/") for _ in range(seats + 2)]
    with contextlib.ExitStack() as stack:
        answers = [open_stream(page, stack) for page in pages]
        assert [answer.status for answer in answers] == [200] * seats + [503] * 2
        assert int(answers[-1].headers["Retry-After"]) > 1
        began = time.monotonic()
        for page in pages:
            press(page, "hit", n=1)
        late = Anywhere(server.url).open("/")
        press(late, "hit", n=7)
        assert word(late, "numbers") == "7"
        assert late.poll(wait=20)["payloads"] == []
        assert time.monotonic() - began < 5, "nobody waited for a stream to end"


@pytest.mark.parametrize("crowded", ["gthread", "waitress", "gevent"], indirect=True)
def test_a_page_that_is_gone_is_noticed_at_once(crowded: tuple[Server, int]) -> None:
    server, seats = crowded
    pages = [Anywhere(server.url).open("/") for _ in range(seats + 1)]
    with contextlib.ExitStack() as stack:
        *held, refused = [open_stream(page, stack) for page in pages]
        assert [answer.status for answer in held] == [200] * seats
        assert refused.status == 503
        assert connections(server) >= seats
        stack.close()  # without a word, as a browser that is killed
        began = time.monotonic()
        wait_until(lambda: connections(server) == 0, 5, "the streams are closed")
        assert time.monotonic() - began < 1
    wait_until(lambda: statuses(pages) == [200] * seats + [503], 6, "there is room again", every=1)


@pytest.mark.parametrize("crowded", ["gthread", "waitress", "gevent"], indirect=True)
def test_so_is_one_that_waits_for_a_poll(crowded: tuple[Server, int]) -> None:
    server, seats = crowded
    pages = [Anywhere(server.url).open("/") for _ in range(seats)]
    polls = [waiting_poll(page) for page in pages]
    with contextlib.ExitStack() as stack:
        page = Anywhere(server.url).open("/")
        wait_until(lambda: open_stream(page, stack).status == 503, 5, "all seats are taken")
    began = time.monotonic()
    for poll in polls:
        poll.close()
    wait_until(lambda: connections(server) == 0, 5, "the polls are closed")
    assert time.monotonic() - began < 1
    wait_until(lambda: statuses(pages) == [200] * seats, 6, "there is room again", every=1)


def statuses(pages: list[Page]) -> list[int]:
    """What the pages are answered that all want a stream."""
    with contextlib.ExitStack() as stack:
        return [open_stream(page, stack).status for page in pages]


def waiting_poll(page: Page) -> http.client.HTTPConnection:
    """A poll that was sent, and whose answer nobody reads."""
    connection = page.user.connect(10)
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in page.user.cookies)
    body = json.dumps({"cursor": page.cursor, "wait": 20})
    connection.request("POST", page.urls["poll"], body, {**page.headers(), "Cookie": cookie})
    return connection


def test_the_number_can_be_set(live: Live) -> None:
    env = {**QUICK, "HTAG_STREAMS": "1"}
    server = live("gunicorn-gevent", DESK, workers=1, env=env, options=SOON)
    pages = [Anywhere(server.url).open("/") for _ in range(2)]
    with contextlib.ExitStack() as stack:
        assert [open_stream(page, stack).status for page in pages] == [200, 503]


def test_without_a_seat_a_page_begins_with_polls_that_do_not_wait(live: Live) -> None:
    env = {**QUICK, "HTAG_STREAMS": "0"}
    server = live("gunicorn-gevent", DESK, workers=1, env=env, options=SOON)
    page = Anywhere(server.url).open("/")
    assert page.boot["transport"] == "longpoll"
    began = time.monotonic()
    assert page.poll(wait=20)["payloads"] == []
    assert time.monotonic() - began < 5
