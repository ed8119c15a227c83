"""Whatever comes over a wire is read, or refused with the error that its reader promises, and at once."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from htagweb_flask.errors import BadMessage, Refused, TooLarge
from htagweb_flask.pool.client import DEPTH, Client, decode_call
from htagweb_flask.protocol import Decoder, Done, encode
from htagweb_flask.session import Snapshot, pack_all
from htagweb_flask.web.guard import Ticket, read_ticket

SIGNER = URLSafeSerializer("k" * 32, salt="htagweb_flask.ticket")
TOKEN = SIGNER.dumps(list("mclsv"))

#: Pieces of what is meant, cut and mixed: random bytes alone seldom come far.
pieces = st.sampled_from(
    [b'{"seq":', b'"cursor":', b'"message":', b'"at":', b"1", b"-1", b"{}", b"[", b"]", b"{", b"}", b",",
     b'"', b"\\", b'\\"', b"null", b"NaN", b"1e999", b"9" * 50, b"\xff", b"\\ud800", b"true",
     b'{"seq":1,"cursor":0,"message":{}}']
)  # fmt: skip
bodies = st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=60).map(b"".join))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@settings(max_examples=300)
@given(bodies)
@example(b'{"seq":1,"cursor":0,"message":"\\ud800"}')
def test_an_envelope_is_read_or_refused(body: bytes) -> None:
    try:
        call = decode_call(body)
    except BadMessage:
        return
    assert call.seq >= 1
    assert call.cursor >= 0
    read = json.loads(body.decode("utf-8", "replace"))
    assert read["seq"] == call.seq
    assert depth(read) <= DEPTH


@given(values, st.integers(1, 2**62), st.integers(0, 2**62))
def test_a_message_that_a_page_can_send_is_read(message: Any, seq: int, cursor: int) -> None:
    body = json.dumps({"seq": seq, "cursor": cursor, "message": message}, allow_nan=True).encode()
    with contextlib.suppress(ValueError):
        json.dumps(message, allow_nan=False)  # no page sends what JSON has not
        assert decode_call(body).seq == seq


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60), max_size=6), st.booleans())
def test_frames_are_read_or_refused(parts: list[bytes], begun: bool) -> None:
    decoder = Decoder()
    try:
        if begun:
            assert decoder.feed(encode(Done())) == [Done()]
        for part in parts:
            decoder.feed(part)
    except (TooLarge, msgspec.DecodeError):
        return


@settings(max_examples=300)
@given(
    st.text(max_size=60) | st.lists(st.sampled_from([*TOKEN, ".", "=", "é", "\0"]), max_size=80).map("".join)
)
@example("")
@example("..")
@example(TOKEN[:-1])
def test_no_text_but_ours_is_a_token(text: str) -> None:
    try:
        ticket = read_ticket(SIGNER, text)
    except Refused:
        return
    signed, _, signature = TOKEN.rpartition(".")
    assert ticket == Ticket(*"mclsv")
    letters = re.sub(r"[^\w-]", "", text.rpartition(".")[2], flags=re.ASCII)  # base64 skips all others
    assert text.rpartition(".")[0] == signed
    assert letters[:-1] == signature[:-1]  # and has several letters for the last bits


@given(st.binary(max_size=80))
def test_a_session_of_bytes_is_read_or_refused(data: bytes) -> None:
    try:
        read = Snapshot(data)
    except (msgspec.DecodeError, ValueError, TypeError):
        return
    assert Snapshot(pack_all(dict(read))) == read or read != read


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=120), st.integers(0, 200))
def test_what_a_client_has_seen_is_known(steps: list[tuple[bool, int]], cursor: int) -> None:
    """Against a table of all: what is still known is right, what is not counts as never seen."""
    client, emission = Client("c", "sse"), 1
    table = {0: 0}
    for gets_it, others in steps:
        emission += others
        if gets_it:
            table[client.outbox.put(b"{}")] = emission
            client.mark(client.outbox.last, emission)
            emission += 1
    seen = client.seen(cursor)
    expected = table[min(cursor, client.outbox.last)]
    assert seen in (expected, 0)
    if not any(others for _, others in steps) and expected:
        assert seen == expected  # one page, that gets all there is
