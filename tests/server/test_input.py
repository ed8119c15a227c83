"""What no page of ours sends is refused, soon, and harms nothing; what is large but allowed passes."""

from __future__ import annotations

import http.client
import json
import time

import pytest

from tests.http_client import Page
from tests.server.desk import Anywhere, message, press, word
from tests.servers import Server
from tests.support import GENERATION

MB = 1024 * 1024
LIMIT = 4096  # of the mount "/small"


def nested(levels: int, bracket: str = "[]") -> str:
    return (
        f"{bracket[0] * levels}{bracket[1] * levels}"
        if bracket == "[]"
        else '{"a":' * levels + "1" + "}" * levels
    )


def envelope(inner: str, seq: str = "1", cursor: str = "1") -> str:
    return f'{{"seq":{seq},"cursor":{cursor},"message":{inner}}}'


def in_data(page: Page, value: str) -> str:
    """The message of a click whose event holds *value* as JSON."""
    text = json.dumps(message(page, "hit", n="VALUE"))
    return text.replace('"VALUE"', value)


#: Bodies that no JSON parser, or no page, makes.
BROKEN = {
    "nothing": b"",
    "text": b"hello",
    "cut": b'{"seq": 1, "cursor": 1, "mess',
    "two": b'{"seq":1,"cursor":1,"message":{}}{}',
    "not utf-8": b'{"seq":1,"cursor":1,"message":{"id":"\xff\xfe"}}',
    "a list": b"[1, 1, {}]",
    "null": b"null",
    "a number": b"7",
    "nothing in it": b"{}",
    "unknown key": b'{"seq":1,"cursor":1,"message":{},"more":1}',
    "no message": b'{"seq":1,"cursor":1}',
    "seq of text": b'{"seq":"1","cursor":1,"message":{}}',
    "seq of float": b'{"seq":1.5,"cursor":1,"message":{}}',
    "seq of bool": b'{"seq":true,"cursor":1,"message":{}}',
    "negative": b'{"seq":-1,"cursor":1,"message":{}}',
    "negative cursor": b'{"seq":1,"cursor":-1,"message":{}}',
    "huge cursor": envelope("{}", cursor="9" * 400).encode(),
    "very huge": envelope("{}", seq="9" * 100_000).encode(),
    "nan": b'{"seq":NaN,"cursor":1,"message":{}}',
    "infinity": b'{"seq":1,"cursor":Infinity,"message":{}}',
    "zeros": b"\0" * 1000,
    "5,000 levels": envelope(nested(5_000)).encode(),
    "100,000 levels": envelope(nested(100_000)).encode(),
    "100,000 objects": envelope(nested(100_000, "{}")).encode(),
    "100,000 levels at the top": nested(100_000).encode(),
    "100,000 open": b"[" * 100_000,
}


def assert_bad(server: Server, page: Page, verb: str, body: bytes) -> None:
    before = server.log_text().count("Traceback")
    start = time.monotonic()
    answer = page.user.request("POST", page.urls[verb], body, page.headers())
    assert time.monotonic() - start < 5
    assert (answer.status, answer.json()) == (400, {"error": "bad"})
    assert server.log_text().count("Traceback") == before
    unharmed(page)


def unharmed(page: Page) -> None:
    """The instance has not heard of it, and serves its user."""
    again = page.user.open("/")
    press(again, "hit", n=1)
    assert word(again, "numbers") == "1"


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("verb", ["call", "poll", "stream"])
def test_a_broken_body_is_refused(server: Server, page: Page, verb: str, name: str) -> None:
    assert_bad(server, page, verb, BROKEN[name])


MESSAGES = {
    "null": "null",
    "a list": "[]",
    "text": '"x"',
    "empty": "{}",
    "unknown keys": '{"a": 1}',
    "id is a list": '{"id": [1]}',
    "nan": '{"id": NaN}',
    "huge id": '{"id": %s, "event": "click"}' % ("9" * 400),
    "id of no tag": '{"id": 7, "method": "__on_event__", "args": ["x"]}',
    "id is an object": '{"id": {}, "event": "click", "data": {}}',
    "unknown action": '{"action": "exit", "error": "x"}',
    "5,000 levels": f'{{"id": 1, "args": {nested(5_000)}}}',
    "100,000 levels": f'{{"id": "x", "event": "click", "data": {nested(100_000, "{}")}}}',
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_no_page_sends_is_refused(server: Server, page: Page, name: str) -> None:
    before = server.log_text().count("Traceback")
    start = time.monotonic()
    answer = page.user.request("POST", page.urls["call"], envelope(MESSAGES[name]).encode(), page.headers())
    assert time.monotonic() - start < 5
    stale = name == "id of no tag" and GENERATION == 1  # htag 2 has other messages
    expected = (410, {"error": "stale"}) if stale else (400, {"error": "bad"})
    assert (answer.status, answer.json()) == expected
    assert server.log_text().count("Traceback") == before
    unharmed(page)


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "9" * 100_000, nested(5_000), nested(100_000)],
    ids=lambda value: f"{value[:9]} of {len(value)}",
)
def test_odd_values_in_an_event_are_refused_or_taken(server: Server, page: Page, value: str) -> None:
    """JSON has numbers of any size, and Python reads them: what matters is that nothing breaks."""
    before = server.log_text().count("Traceback")
    start = time.monotonic()
    body = envelope(in_data(page, value)).encode()
    answer = page.user.request("POST", page.urls["call"], body, page.headers())
    assert time.monotonic() - start < 5
    if value in ("1e999", "9" * 400):
        assert answer.status in (200, 400)
    else:
        assert answer.status == 400
    assert server.log_text().count("Traceback") == before
    assert Anywhere(server.url).open("/").title == "Desk"


@pytest.mark.htag1
@pytest.mark.parametrize("method", ["__setattr__", "add", "__init__", "hit", "exit", "bind", "_callbacks_"])
def test_a_method_that_the_page_does_not_offer_is_refused(page: Page, method: str) -> None:
    tag = message(page, "hit")["id"]
    for args in ([], ["numbers", "1"], ["x"]):
        page.seq += 1
        body = {"seq": page.seq, "cursor": page.cursor, "message": page.method(tag, method, *args)}
        answer = page.post("call", body)
        assert (answer.status, answer.json()) == (410, {"error": "stale"})
    press(page, "hit", n=1)
    assert word(page, "numbers") == "1"


@pytest.mark.parametrize("verb", ["call", "poll", "stream", "leave"])
def test_a_body_over_the_limit_is_refused(server: Server, verb: str) -> None:
    page = Anywhere(server.url).open("/small/")
    for size in (LIMIT + 1, 10 * MB):
        answer = page.user.request("POST", page.urls[verb], b" " * size, page.headers())
        assert (answer.status, answer.json()) == (413, {"error": "large"})
    press(page, "hit", n=1)
    assert word(page, "numbers") == "1"


def raw(page: Page, verb: str, headers: dict[str, str]) -> http.client.HTTPConnection:
    """A connection with a request whose headers are sent, and nothing else."""
    connection = page.user.connect(10)
    connection.putrequest("POST", page.urls[verb][len(page.user.base) :], skip_accept_encoding=True)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in page.user.cookies)
    for name, value in {**page.headers(), "Cookie": cookies, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def test_a_length_far_over_the_limit_is_refused_before_the_body_comes(server: Server) -> None:
    page = Anywhere(server.url).open("/small/")
    connection = raw(page, "call", {"Content-Length": str(2**40)})
    answer = connection.getresponse()
    assert answer.status == 413
    connection.close()


@pytest.mark.parametrize("pieces", [3, 2000])
def test_a_chunked_body_over_the_limit_is_refused(server: Server, pieces: int) -> None:
    page = Anywhere(server.url).open("/small/")
    connection = raw(page, "call", {"Transfer-Encoding": "chunked"})
    for _ in range(pieces):
        connection.send(b"800\r\n" + b" " * 0x800 + b"\r\n")
    connection.send(b"0\r\n\r\n")
    answer = connection.getresponse()
    assert answer.status == 413
    connection.close()


def test_a_chunked_body_within_the_limit_is_taken(server: Server) -> None:
    page = Anywhere(server.url).open("/small/")
    body = json.dumps({"seq": 1, "cursor": 1, "message": message(page, "hit", n=1)}).encode()
    connection = raw(page, "call", {"Transfer-Encoding": "chunked"})
    for byte in (body[:10], body[10:]):
        connection.send(b"%x\r\n%s\r\n" % (len(byte), byte))
    connection.send(b"0\r\n\r\n")
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("way", ["call", "poll", "stream"])
def test_three_megabytes_up_and_down(page: Page, way: str) -> None:
    press(page, "take", text="ü" * (3 * MB // 2))
    assert word(page) == f"took {3 * MB // 2}"
    if way == "call":
        press(page, "give", n=3 * MB)
    elif way == "poll":
        page.post("call", {"seq": 2, "cursor": page.cursor, "message": message(page, "give", n=3 * MB)})
        page.poll()
    else:
        with page.stream():
            press(page.user.open("/"), "give", n=3 * MB)  # in another tab
            page.wait_for(lambda: len(word(page)) == 3 * MB)
    assert word(page) == "g" * (3 * MB)
    page.assert_nothing_lost()


def test_the_default_limit_is_sixteen_megabytes(page: Page) -> None:
    press(page, "take", text="x" * (15 * MB))
    assert word(page) == f"took {15 * MB}"
    assert page.post("call", b" " * (16 * MB + 1)).status == 413
