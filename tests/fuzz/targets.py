"""What is fuzzed: each target reads bytes, and fails where its reader breaks its promise.

A reader gives what it promises, or raises the errors it promises; all else that it raises is a finding, and
so is a value that another way of reading (``json``, a table of what was granted) does not give.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from itsdangerous import URLSafeSerializer
from itsdangerous.encoding import base64_decode

from htagweb_flask.errors import Altered, BadMessage, Refused, Replayed, TooLarge
from htagweb_flask.noise import encrypt
from htagweb_flask.pool.client import DEPTH, decode_call
from htagweb_flask.protocol import Decoder, Message, encode
from htagweb_flask.seal import Channel, padded
from htagweb_flask.web.guard import Ticket, read_ticket
from tests.support import GENERATION

if GENERATION == 1:
    from htag.tag import BaseCaller

    from htagweb_flask.pool.adapters import htag1
    from htagweb_flask.pool.adapters.htag1_constants import fits, keys, noted, stringify
    from htagweb_flask.pool.adapters.htag1_grants import Grants

__all__ = ["TARGETS", "TOKEN"]

_SIGNER = URLSafeSerializer("k" * 32, salt="htagweb_flask.ticket")
TOKEN: str = _SIGNER.dumps(list("mclsv"))


def frames(data: bytes) -> None:
    """Frames in pieces give what they give in one. The first byte says where they are cut, and whether their
    length goes before the rest, as few inputs begin with it."""
    if not data:
        return
    how, body = data[0], data[1:]
    stream = len(body).to_bytes(4, "big") + body if how & 1 else body
    cut = min(how >> 1, len(stream))
    whole, pieces = _fed(stream), _fed(stream[:cut], stream[cut:])
    assert whole == pieces or whole != whole, "it matters in which pieces"
    for message in whole or ():
        (again,) = Decoder().feed(encode(message))
        assert again == message or message != message, "not the same when it is sent on"


def _fed(*parts: bytes) -> list[Message] | None:
    decoder, found = Decoder(), []
    try:
        for part in parts:
            found += decoder.feed(part)
    except (TooLarge, msgspec.DecodeError):
        return None
    return found


def envelope(data: bytes) -> None:
    """The body of an interaction is JSON of a certain shape."""
    try:
        call = decode_call(data)
    except BadMessage:
        return
    assert call.seq >= 1
    assert call.cursor >= 0
    assert call.at is None or call.at >= 0
    read = json.loads(data.decode("utf-8", "replace"))
    assert (read["seq"], read["cursor"], read.get("at")) == (call.seq, call.cursor, call.at)
    assert set(read) <= {"seq", "cursor", "message", "at"}
    assert _depth(read) <= DEPTH


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def token(data: bytes) -> None:
    """Nothing is a token but what was signed, with its signature, whose last bits may be written in several
    ways (base64, which skips what is none of it). Headers come as latin-1."""
    text = data.decode("latin-1")
    try:
        ticket = read_ticket(_SIGNER, text)
    except Refused:
        return
    assert ticket == Ticket(*"mclsv")
    (signed, signature), (ours, right) = (each.encode().rpartition(b".")[::2] for each in (text, TOKEN))
    assert (signed, base64_decode(signature)) == (ours, base64_decode(right)), "nobody has signed that"


def records(data: bytes) -> None:
    """A record of parano gives what was sealed in it, where that is padded as it should be. The first byte
    says whether the rest is a text to seal, or a record."""
    as_text, rest = data[:1] < b"\x80", data[1:]
    header = bytes([1, 1, *bytes(10)])
    channel = Channel(_KEY, _KEY)
    try:
        number, message = channel.open(header + encrypt(_KEY, 0, header, rest) if as_text else rest)
    except Altered:
        return
    except Replayed:
        raise AssertionError("nothing has come before") from None
    assert as_text, "nobody has sealed that"
    assert (number, rest[4 : 4 + len(message)]) == (0, message)
    assert int.from_bytes(rest[:4], "big") == len(message)
    assert len(rest) == padded(4 + len(message))


_KEY = bytes(32)


def planted(data: bytes) -> None:
    """Has a mistake, to see that it is found."""
    with contextlib.suppress(BadMessage):
        call = decode_call(data)
        assert call.at is None or call.at <= call.cursor, "a planted mistake"


# ---- htag 1: what a page may call


class Dot:
    """Stands for a tag."""

    _hr = _parent = None

    def __init__(self) -> None:
        self._callbacks_: dict[Any, Any] = {}


#: What is granted: the arguments, of which FREE ones may be anything.
FREE = b"this.value"
CALLS: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("act", [], {}),
    ("act", [1], {}),
    ("act", ["1", None, True], {}),
    ("act", [1.5, [2, {"a": "é"}]], {"who": "me"}),
    ("note", [FREE], {}),
    ("note", [2, FREE, "z"], {"n": 0}),
    ("__on__", ["onclick-1"], {}),
]
_dots = [Dot(), Dot()]


def _handler() -> None:
    """Stands for a callback."""


def _granted() -> Any:
    grants = Grants(lambda: 1)
    _dots[0]._callbacks_["onclick-1"] = _handler
    for method, args, kargs in CALLS:
        grants.write(BaseCaller(_dots[0], method, args, kargs))
    grants.settle()
    return grants


_grants = _granted() if GENERATION == 1 else None


def grants(data: bytes) -> None:
    """A message passes if the table has it, and no other. Here tags are numbers: 0 has grants, 1 has none."""
    try:
        call = htag1._decode(data)
    except (ValueError, RecursionError):  # as the adapter does
        return
    if call.method is None:
        return
    args, kargs = call.args or [], call.kargs or {}
    key = id(_dots[call.id]) if call.id in (0, 1) else call.id
    found = _grants.target(None, key, call.method, args, kargs, 1)
    wanted = call.id == 0 and any(
        call.method == method and _same(pattern, [args, kargs])
        for method, *rest in CALLS
        for pattern in [rest]
    )
    assert (found is _dots[0]) is wanted, "granted and refused are mixed up"
    assert found is None or wanted, "a tag that has no grants"


def _same(pattern: Any, value: Any) -> bool:
    """Whether a page may have made *value* of *pattern*, by another rule than that of the grants."""
    if pattern == FREE and isinstance(pattern, bytes):
        return True
    if isinstance(pattern, list):
        return isinstance(value, list) and len(value) == len(pattern) and all(map(_same, pattern, value))
    if isinstance(pattern, dict):
        return (
            isinstance(value, dict)
            and value.keys() == pattern.keys()
            and all(_same(part, value[key]) for key, part in pattern.items())
        )
    return json.dumps(pattern) == json.dumps(value)


def constants(data: bytes) -> None:
    """What a browser sends of constants is what was written, and no other. The constants are the input, as
    JSON; whatever it holds as "<text>" is JavaScript in its place."""
    try:
        values = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return
    if not isinstance(values, list) or _is_too_deep(data, values):
        return
    args = _bound(values) if b'"<' in data else values
    sent = msgspec.json.decode(_sent(json.dumps(values)))
    stringify(args)
    note = noted(7, "act", args, {})
    assert _passes(note, sent, {}), "what a page sends does not fit"
    if any(map(_spreads, args)):
        assert not _passes(note, sent, {"more": 1}), "more than was written"
        return
    at, which = len(data) % max(len(args), 1), sum(data) % 10
    if which < 9 and args[at:] and (args[at] == values[at] or args[at] != args[at]):  # no JavaScript is in it
        other = (None, True, 1, 1.5, "1", [], [sent[at]], {}, {"a": sent[at]})[which]
        same = json.dumps(other) == json.dumps(sent[at])
        assert _passes(note, [*sent[:at], other, *sent[at + 1 :]], {}) is same, "another constant passes"
    else:
        assert not _passes(note, [*sent, 0], {}), "more than was written"


def _passes(note: Any, args: list[Any], kargs: dict[str, Any]) -> bool:
    key, pattern, _ = note
    return key in keys(7, "act", args, kargs) and (pattern is None or fits(pattern, args, kargs))


def _is_too_deep(data: bytes, values: list[Any]) -> bool:
    return data.count(b"[") + data.count(b"{") > DEPTH and _depth(values) > DEPTH


def _bound(value: Any) -> Any:
    if isinstance(value, list):
        return [_bound(each) for each in value]
    if isinstance(value, dict):
        return {key: _bound(each) for key, each in value.items()}
    if isinstance(value, str) and len(value) > 1 and value[0] == "<" and value[-1] == ">":
        return value[1:-1].encode("utf-8", "replace")
    return value


def _spreads(value: Any) -> bool:
    return isinstance(value, bytes) and (b"," in value or b"..." in value)


def _sent(text: str) -> bytes:
    """As JavaScript sends on what it has read: all numbers are doubles, what is none is null, and a whole one
    below 1e21 is written with the digits that tell it from others, and zeros (ECMA-262, Number::toString)."""

    return _write(_read(text)).encode("utf-8", "replace")


def _number(digits: str) -> Any:
    try:
        value = float(digits)
    except OverflowError:
        return None
    if value - value != 0:
        return None
    return int(Decimal(repr(value))) if value.is_integer() and abs(value) < 1e21 else value


_read = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=lambda _: None).decode
_write = json.JSONEncoder(ensure_ascii=False).encode


#: Each is fuzzed with one generation of htag: four of them know nothing of it.
TARGETS: dict[str, Callable[[bytes], None]] = {
    "frames": frames,
    "envelope": envelope,
    "token": token,
    "records": records,
}
if GENERATION == 1:
    TARGETS = {"grants": grants, "constants": constants}
TARGETS["planted"] = planted
