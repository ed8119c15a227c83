"""Every WSGI server does it: page, click, pushes by the ways that it has, and the right headers."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest

from tests.http_client import Page
from tests.server.desk import DESK, QUICK, SOON, done, press, word
from tests.servers import KINDS, Server, serve

STREAMING = ("gunicorn-gevent", "gunicorn-gthread", "waitress", "werkzeug")


@pytest.fixture(scope="module", params=[*KINDS, "tcp"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each kind; and one that reaches its pool over TCP, as where there are no unix sockets."""
    kind = "gunicorn-gevent" if request.param == "tcp" else request.param
    env = {**QUICK, "HTAG_BROKER": "tcp" if request.param == "tcp" else "auto"}
    options = SOON if kind.startswith("gunicorn") else ()
    with serve(kind, DESK, workers=2, env=env, options=options) as running:
        yield running


def test_page_and_clicks(server: Server, page: Page) -> None:
    assert page.title == "Desk"
    for number in range(5):
        assert press(page, "hit", n=number)["done"] is True
    assert word(page, "numbers") == "0 1 2 3 4"
    assert word(page.reload(), "numbers") == "0 1 2 3 4"


def test_the_transport_is_one_that_the_server_can_do(server: Server, page: Page) -> None:
    assert page.boot["transport"] == ("sse" if server.kind in STREAMING else "longpoll")


def test_pushes_by_long_polls(page: Page) -> None:
    with page.polling():
        press(page, "tick", n=5)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3, 4, 5])
    page.assert_nothing_lost()


@pytest.mark.parametrize("server", [*STREAMING, "tcp"], indirect=True)
def test_pushes_by_a_stream(page: Page) -> None:
    with page.stream() as stream:
        press(page, "tick", n=5)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3, 4, 5])
        press(page, "hit", n=1)
    assert [name for _, name in stream.events][:1] == ["hello"]
    page.assert_nothing_lost()


@pytest.mark.parametrize("server", [*STREAMING, "tcp"], indirect=True)
def test_the_first_byte_of_a_stream_comes_at_once(page: Page) -> None:
    """Before there is anything to say, with all that a proxy and a browser have to know."""
    connection = page.user.connect(5)
    headers = {**page.headers(), "Accept": "text/event-stream"}
    response = page.user.send(connection, "POST", page.urls["stream"], {"cursor": page.cursor}, headers)
    assert response.status == 200
    assert response.readline() == b"event: hello\n"
    assert response.headers["Content-Type"].startswith("text/event-stream")
    assert response.headers["X-Accel-Buffering"] == "no"
    assert {"no-cache", "no-store", "no-transform"} <= set(response.headers["Cache-Control"].split(", "))
    assert "Set-Cookie" not in response.headers
    assert response.headers["Content-Length"] is None
    connection.close()


def test_headers_of_page_and_answers(page: Page) -> None:
    assert page.answer.headers["Cache-Control"] == "no-store"
    assert page.answer.headers["X-Content-Type-Options"] == "nosniff"
    assert page.answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for verb in ("call", "poll"):
        answer = page.post(verb, {"cursor": 1})
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"
        assert "Set-Cookie" not in answer.headers
    answer = page.leave()
    assert (answer.status, answer.body) == (204, b"")


def test_the_cookie_of_the_session(page: Page) -> None:
    (cookie,) = page.user.cookies
    assert page.answer.headers["Set-Cookie"].count("HttpOnly") == 1
    assert cookie.value not in page.html
    assert page.answer.headers["Vary"].count("Cookie") == 1


def test_two_requests_on_one_connection(server: Server, page: Page) -> None:
    """Whatever is left of one must not meet the next: answers, errors, a page."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for verb, status in [("poll", 200), ("call", 400), ("poll", 200), ("leave", 403), ("poll", 200)]:
        body = {"cursor": page.cursor, "wait": 0}
        response = page.user.send(connection, "POST", page.urls[verb], body, page.headers())
        told = json.loads(response.read())
        assert response.status == status
        assert ("error" in told) is (status != 200)
        if response.will_close:
            connection.close()
    connection.close()
