"""The HTTP client of the tests follows the rules it is used to prove."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dom import parse
from tests.htag_js import js_calls, js_events
from tests.http_client import ProtocolError, Refused, User
from tests.inbox import Inbox
from tests.proxy import Proxy
from tests.servers import Server, serve
from tests.support import wait_until


class Box(Inbox):
    """An inbox that keeps what it applies."""

    def __init__(self, cursor: int = 0) -> None:
        self.got: list[Any] = []
        super().__init__(cursor, lambda number, payload: self.got.append((number, payload)))


def test_payloads_are_applied_once_and_in_order() -> None:
    box = Box()
    box.take({"first": 2, "payloads": ["b", "c"]})
    assert box.got == []
    assert box.held_since
    box.take({"first": 1, "payloads": ["a"]})
    box.take({"first": 1, "payloads": ["a", "b"]})
    assert box.got == [(1, "a"), (2, "b"), (3, "c")]
    assert (box.duplicates, box.held, box.held_since) == (2, {}, 0.0)


def test_a_reset_jumps_over_a_gap_and_drops_what_was_held_below_it() -> None:
    box = Box(3)
    box.take({"first": 6, "payloads": ["f"]})
    box.take({"first": 9, "payloads": ["i"]})
    box.take({"first": 8, "payloads": ["all"], "reset": True})
    assert box.got == [(8, "all"), (9, "i")]
    assert box.resets == [8]


def test_a_number_given_to_two_payloads_is_an_error() -> None:
    box = Box()
    box.take({"first": 1, "payloads": ["a"]})
    with pytest.raises(ProtocolError, match="number 1 was given twice"):
        box.take({"first": 1, "payloads": ["b"]})


def test_calls_are_read_from_the_handlers_of_htag_1() -> None:
    plain = 'try{interact( {"id": 7, "args": [3, this.value], "kargs": {}, "event": jevent(event)} );}'
    values = {"this.value": "it's", "jevent(event)": {"key": "a"}}
    assert js_calls(plain, values) == [{"id": 7, "args": [3, "it's"], "kargs": {}, "event": {"key": "a"}}]
    composed = (
        'a("x");interact( {"id":1,"args":["<b>\\"q\\"", [1,2], f(1, "}")]} );interact({"id":2,"args":[]});'
    )
    assert js_calls(composed, {'f(1, "}")': 5}) == [
        {"id": 1, "args": ['<b>"q"', [1, 2], 5]},
        {"id": 2, "args": []},
    ]
    with pytest.raises(AssertionError, match=r"cannot evaluate 'window\.x'"):
        js_calls("interact({'id': window.x})".replace("'", '"'), {})


def test_events_are_read_from_the_handlers_of_htag_2() -> None:
    code = "event.preventDefault(); htag_event('button-12', 'click', event)"
    assert js_events(code) == [("button-12", "click")]


def test_the_document_is_changed_as_by_the_browser() -> None:
    dom = parse(
        '<body id="1"><p id=2>a<b>b</b></p><input name="x" id="3"></input><i data-htag-id="4">c</i></body>'
    )
    first, second = dom.by_id("2"), dom.by_id("4")
    assert first is not None
    assert second is not None
    first.replace('<p id="2">A<br/>B</p>')
    second.append("<u>d</u>")
    assert [one.tag for one in dom.walk()] == ["#document", "body", "p", "br", "input", "i", "u"]
    assert dom.text == "ABcd"
    assert [one.tag for one in dom.find_all("d")] == ["u"]
    assert [one.tag for one in dom.find_all(name="^x$")] == ["input"]


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    with serve("gunicorn-gthread", workers=2) as server:
        yield server


@pytest.mark.parametrize("keep_alive", [True, False])
def test_cookies_and_headers_are_those_of_a_page_of_the_same_origin(plain: Server, keep_alive: bool) -> None:
    with User(plain.url, keep_alive=keep_alive) as user:
        assert user.get("/cookie").json() == {"seen": ""}
        assert user.get("/cookie").json() == {"seen": "value"}
        told = user.post("/echo", {"a": 1}).json()
        assert told["body"] == '{"a": 1}'
        assert told["headers"] == {
            "Origin": plain.url,
            "Sec-Fetch-Site": "same-origin",
            "X-Htag": None,
            "Content-Type": "application/json",
            "Cookie": "name=value",
        }
        told = user.post("/echo", b"", {"Origin": "http://evil.example", "Sec-Fetch-Site": None}).json()
        assert told["headers"]["Origin"] == "http://evil.example"
        assert told["headers"]["Sec-Fetch-Site"] is None


def test_a_kept_connection_that_the_server_closed_is_replaced(plain: Server) -> None:
    with User(plain.url) as user:
        assert user.get("/").status == 200
        first = plain.worker_pids()
        for pid in first:
            plain.kill(pid)
        assert user.get("/").status == 200


def test_without_kept_connections_every_worker_is_reached(plain: Server) -> None:
    user = User(plain.url, keep_alive=False)
    seen: set[int] = set()

    def all_seen() -> bool:
        seen.add(user.get("/who").json()["pid"])
        return seen >= set(plain.worker_pids())

    wait_until(all_seen, every=0)


@pytest.fixture
def wire() -> Iterator[Server]:
    with serve("werkzeug", "tests.apps.wire:app") as server:
        yield server


def test_a_page_calls_and_collects(wire: Server) -> None:
    page = User(wire.url).open("/")
    assert page.title == "wire"
    assert page.text.split() == ["booted", "press"]
    page.click("press")
    assert "['v']" in page.text
    page.click_matching('id="9"', value="w")
    assert "['w']" in page.text
    assert page.poll()["payloads"] == []
    page.call({"do": "busy"})
    assert page.retries == 2
    page.resend(3, {"do": "busy"})
    assert [number for number, _ in page.applied] == [1, 2, 3, 4]
    page.assert_nothing_lost()


@pytest.mark.parametrize("way", ["stream", "polling"])
def test_a_page_gets_the_pushes_of_others_through_cuts(wire: Server, way: str) -> None:
    with Proxy(wire.port) as proxy, User(proxy.url) as user:
        writer = User(wire.url).open("/")
        page = user.open("/")
        collector = page.stream() if way == "stream" else page.polling()
        with collector:
            writer.call({"do": "one"})
            page.wait_text("one")
            proxy.cut()
            writer.call({"do": "two"})
            proxy.restore()
            page.wait_text("two")
            collector.cut()
            writer.call({"do": "three"})
            page.wait_text("three")
    assert [number for number, _ in page.applied] == [1, 2, 3, 4]


def test_a_proxy_that_buffers_holds_back_streams_alone(wire: Server) -> None:
    with Proxy(wire.port, hold_streams=True) as proxy, User(proxy.url) as user:
        page = user.open("/")
        assert page.call({"do": "x"})["done"]
        connection = user.connect(timeout=0.5)
        with pytest.raises(TimeoutError):
            user.send(connection, "POST", page.urls["stream"], {"cursor": 1}, page.headers())
        connection.close()


def test_many_threads_use_one_page(wire: Server) -> None:
    page = User(wire.url).open("/")
    threads = [threading.Thread(target=lambda: [page.call({"do": "x"}) for _ in range(20)]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert page.seq == 100
    assert [number for number, _ in page.applied] == list(range(1, 102))


def test_a_refusal_is_told_with_its_status(wire: Server) -> None:
    page = User(wire.url).open("/")
    with pytest.raises(Refused) as refused:
        page.call({"do": "x"}, headers={"Origin": "http://evil.example"})
    assert refused.value.status == 403
    assert page.post("call", {}, {"X-Htag": None}).status == 403
    page.leave()
    with pytest.raises(Refused):
        page.poll()
    assert page.gone
