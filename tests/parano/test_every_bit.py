"""One bit of a record is turned over on its way, whichever it is and whichever way the record goes: refused.

Whole records of the real exchange over HTTP: what a click asks, what it is answered, and a line of a stream.
What comes to the page is given to its real script, in Node. The other parts, long records and the messages of
the handshake among them, are turned over in tests/seal.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from htagweb_flask.errors import Altered
from htagweb_flask.pool.line import FAILURES
from tests.apps.markers import SECRETS
from tests.http_client import User
from tests.http_page import Packed
from tests.http_sealed import OCTETS, Sealed, SealedPage, enter
from tests.seal.page import NodePage
from tests.servers import Server


def turned(record: bytes) -> Iterator[tuple[int, bytes]]:
    """The record with each of its bits turned over, and which byte it is in."""
    for bit in range(len(record) * 8):
        changed = bytearray(record)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit // 8, bytes(changed)


@pytest.fixture(scope="module")
def isolation() -> str:
    """Which process opens a record makes no difference to its bits; test_attacks.py has both."""
    return "shared"


@pytest.fixture
def tab(site: Server) -> Iterator[SealedPage]:
    """A page whose part is played by the real script."""
    with NodePage() as script:
        yield enter(User(site.url), side=script)


def refuses_each_bit(tab: SealedPage, asked: Sealed, record: bytes) -> bytes:
    """What *record* says to the page that has asked so, once all that it was turned into was refused."""
    for at, changed in turned(record):
        try:
            asked.opened(changed)
        except Altered:
            continue
        pytest.fail(f"a bit of byte {at} was turned over")
    return asked.opened(record)


def test_what_a_page_asks(site: Server) -> None:
    """The server closes a channel after so many of them, so each page has its share."""
    done, size = 0, 1
    while done < size:
        tab = enter(User(site.url))
        record = tab.record(tab.message("more"))
        share, size = list(turned(record))[done : done + FAILURES - 1], len(record) * 8
        for at, changed in share:
            answer = tab.send("call", changed)
            # A number may have become that of the record that came first.
            expected = {(400, "altered"), (425, "replayed")} if at == 11 else {(400, "altered")}
            assert (answer.status, answer.headers["X-Htag"]) in expected, f"a bit of byte {at}"
            assert answer.body == b""
        assert tab.send("call", record).status == 200
        assert tab.count == "1", "it was done once, and nothing else was"
        done += len(share)


def test_what_a_page_is_answered(tab: SealedPage) -> None:
    asked = tab.pack(tab.message("more"))
    assert isinstance(asked, Sealed)
    answer = tab.deliver("call", Packed(asked.body, OCTETS))
    assert answer.status == 200
    assert SECRETS["answer"].encode() in refuses_each_bit(tab, asked, answer.body)


def test_what_a_page_is_pushed(tab: SealedPage) -> None:
    """What stands around it in the stream says nothing: what is lost by that is asked for again."""
    asked = tab.pack({"cursor": tab.cursor})
    assert isinstance(asked, Sealed)
    connection = tab.user.connect()
    sent = {**tab.headers(), **asked.headers}
    stream = tab.user.send(connection, "POST", tab.urls["stream"], asked.body, sent)
    tab.click("later")
    said = b""
    while SECRETS["push"].encode() not in said:
        line = stream.readline()
        assert line, "the stream has ended"
        if line.startswith(b'data: "'):
            said = refuses_each_bit(tab, asked, base64.b64decode(json.loads(line[6:])))
    connection.close()
