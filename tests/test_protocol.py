"""What goes between web processes and the pool: every message, in any pieces, and what is none."""

from __future__ import annotations

import struct
import types
import typing
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htagweb_flask import errors, protocol
from htagweb_flask.errors import BadMessage, HtagError, TooLarge, from_wire
from htagweb_flask.placement import address_file, may_hold, mount_of, own_slot_of, slot_of
from htagweb_flask.protocol import Batch, Decoder, Done, Failure, Hello, Interact, Poll, encode, failure

KINDS: tuple[type, ...] = typing.get_args(protocol.Message)
quick = settings(max_examples=40, deadline=None, database=None)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type, as far as messages use types."""
    plain: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(-(2**63), 2**64 - 1),
        float: st.floats(allow_nan=False),
        str: st.text(max_size=20),
        bytes: st.binary(max_size=50),
        bool: st.booleans(),
        type(None): st.none(),
    }
    if hint in plain:
        return plain[hint]
    args = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(arg) for arg in args])
    if origin is list:
        return st.lists(values(args[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(args[0]), values(args[1]), max_size=3)
    if origin is tuple:
        return st.tuples(*map(values, args))
    return messages_of(hint)


def messages_of(kind: type) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{field.name: values(field.type) for field in msgspec.structs.fields(kind)})


any_message = st.sampled_from(KINDS).flatmap(messages_of)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_arrives_as_it_was_sent(kind: type) -> None:
    @given(messages_of(kind))
    @settings(max_examples=20, deadline=None, database=None)
    def check(message: Any) -> None:
        (received,) = Decoder().feed(encode(message))
        assert received == message
        assert type(received) is kind

    check()


@given(st.lists(any_message, max_size=5), st.data())
@quick
def test_it_does_not_matter_in_which_pieces(messages: list[Any], data: Any) -> None:
    stream = b"".join(map(encode, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    decoder = Decoder()
    received = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += decoder.feed(stream[start:end])
    assert received == messages


def test_a_message_is_there_with_its_last_byte_and_not_before() -> None:
    decoder = Decoder()
    frame = encode(Interact("client", b"{}"))
    for index in range(len(frame) - 1):
        assert decoder.feed(frame[index : index + 1]) == []
    assert decoder.feed(frame[-1:]) == [Interact("client", b"{}")]
    assert decoder.feed(b"") == []


@given(st.lists(st.binary(max_size=40), max_size=5))
@quick
def test_garbage_is_refused_or_waits_for_more(pieces: list[bytes]) -> None:
    decoder = Decoder()
    for piece in pieces:
        try:
            decoder.feed(piece)
        except (TooLarge, msgspec.DecodeError):
            return


@given(st.binary(max_size=40))
@quick
def test_a_frame_of_garbage_is_refused(body: bytes) -> None:
    try:
        received = Decoder().feed(struct.pack(">I", len(body)) + body)
    except msgspec.DecodeError:
        return
    assert all(isinstance(message, KINDS) for message in received)


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        "Hello",
        [],
        ["Hello"],
        ["Hello", 5],
        ["Unknown", "x"],
        {"type": "Hello"},
        ["Hello", b"\xff", 1, 1, 1],
        ["Done", "5"],
    ],
    ids=repr,
)
def test_what_is_no_message_of_ours_is_refused(value: Any) -> None:
    body = msgspec.msgpack.encode(value)
    with pytest.raises(msgspec.DecodeError):
        Decoder().feed(struct.pack(">I", len(body)) + body)


def test_text_that_is_not_utf_8_is_refused() -> None:
    body = msgspec.msgpack.encode(["Hello", "xx"]).replace(b"xx", b"\xff\xff")
    with pytest.raises(msgspec.DecodeError):
        Decoder().feed(struct.pack(">I", len(body)) + body)


def test_a_frame_over_the_limit_is_refused_by_its_length_alone() -> None:
    with pytest.raises(TooLarge):
        Decoder().feed(struct.pack(">I", protocol.MAX_FRAME + 1))
    assert Decoder().feed(struct.pack(">I", protocol.MAX_FRAME)) == []


def test_a_message_over_the_limit_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(encode(Interact("c", b"x" * 100))) - 4
    monkeypatch.setattr(protocol.frames, "MAX_FRAME", size)
    assert encode(Interact("c", b"x" * 100))
    with pytest.raises(TooLarge, match=f"^a message of {size + 1} bytes is over the limit of {size}$"):
        encode(Interact("c", b"x" * 101))


def test_a_greeting_tells_the_version() -> None:
    assert Hello("secret").version == protocol.VERSION


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HtagError)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_arrives_as_what_it_was(kind: type[HtagError]) -> None:
    (sent,) = Decoder().feed(encode(failure(kind("what é", "Traceback ...", 2.5))))
    received = from_wire(sent.code, sent.text, sent.trace, sent.retry)
    assert type(received) is kind
    assert (str(received), received.trace, received.retry) == ("what é", "Traceback ...", 2.5)


def test_every_error_has_a_code_of_its_own_and_a_status_of_an_error() -> None:
    assert max(Counter(kind.code for kind in ERRORS).values()) == 1
    assert all(400 <= kind.status < 600 for kind in ERRORS)
    assert sorted(errors.__all__) == sorted([*(kind.__name__ for kind in ERRORS), "from_wire", "trace_of"])


def test_an_error_that_is_not_ours_tells_its_kind() -> None:
    assert failure(KeyError("x")) == Failure("error", "KeyError: 'x'")
    assert type(from_wire("of a later version", "text")) is HtagError


def test_messages_are_equal_by_their_content() -> None:
    assert Done(5) == Done(5) != Done(6)


# ---- where an instance lives


@given(st.text(max_size=10), st.text(max_size=30), st.integers(1, 64))
@quick
def test_a_session_has_one_worker_of_those_there_are(mount: str, link: str, workers: int) -> None:
    slot = slot_of(mount, link, workers)
    assert slot == slot_of(mount, link, workers)
    assert slot in {f"{mount}-{number}" for number in range(workers)}


@pytest.mark.parametrize("workers", [2, 3, 4, 16])
def test_sessions_are_spread_evenly(workers: int) -> None:
    count = Counter(slot_of("app", f"session {number}", workers) for number in range(2000 * workers))
    assert len(count) == workers
    assert max(count.values()) < 2000 * 1.15
    assert min(count.values()) > 2000 * 0.85


def test_another_app_is_spread_in_its_own_way() -> None:
    numbers = [(slot_of("a", str(n), 8)[-1], slot_of("b", str(n), 8)[-1]) for n in range(400)]
    assert len(set(numbers)) == 64


@given(st.text(max_size=10), st.text(max_size=30), st.text(max_size=30))
@quick
def test_a_session_may_have_a_slot_of_its_own(mount: str, link: str, other: str) -> None:
    slot = own_slot_of(mount, link)
    assert mount_of(slot) == mount
    assert may_hold(slot, link)
    assert may_hold(slot, other) is (link == other)
    assert own_slot_of(mount, other) != slot or link == other
    assert may_hold(slot_of(mount, link, 4), other)


def test_each_kind_of_socket_has_its_own_file() -> None:
    assert address_file("/run/x", "pool", "unix") != address_file("/run/x", "pool", "tcp")
    assert address_file("/run/x", "pool", "unix").startswith("/run/x/pool")


@pytest.mark.parametrize(
    ("body", "cursor", "wait", "hidden"),
    [
        (b'{"cursor":0}', 0, 0.0, False),
        (b'{"cursor":9007199254740991,"wait":3,"hidden":true}', 2**53 - 1, 3.0, True),
        (b'{"cursor":7,"wait":99.5}', 7, 25.0, False),
        (b'{"cursor":7,"wait":-1}', 7, 0.0, False),
    ],
)
def test_a_page_says_what_it_knows_and_how_long_it_waits(
    body: bytes, cursor: int, wait: float, hidden: bool
) -> None:
    assert Poll.read("c", body, 25.0) == Poll("c", cursor, wait, fresh=True, hidden=hidden)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"cursor":-1}',
        b'{"cursor":9007199254740992}',
        b'{"cursor":"1"}',
        b'{"cursor":1,"x":2}',
        b"[" * 100_000,
    ],
)
def test_a_page_that_asks_for_nothing_that_is_known_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage, match=r"\S"):
        Poll.read("c", body, 25.0)


def test_who_has_asked_is_told_that_there_is_nothing() -> None:
    assert Batch(b"", 4).answer == b'{"first":5,"payloads":[]}'
    assert Batch(b"{}", 4).answer == b"{}"
