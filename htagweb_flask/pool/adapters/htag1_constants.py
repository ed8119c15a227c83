"""The arguments of a call as htag 1 writes them into a page, and whether a message brings the same.

Bytes are JavaScript: what they become is for the page to say. All else are constants, and a message has to
bring them as a browser does: JavaScript has one kind of number, writes ``42.0`` as 42, and NaN as null.
Compared is their JSON, so that True is not 1.

Many calls are written for one that comes back, so little is done when they are written: what JavaScript
leaves as it is goes into the key by which a message finds its call; of all else a copy is kept, and taken
apart when a message comes.
"""

from __future__ import annotations

import functools
import json
import math
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

__all__ = ["Pattern", "fits", "keys", "noted", "stringify"]

Pattern = bytes | str
"""A copy of the arguments of a call: packed, or as JSON in which JavaScript is marked."""

KNOWN = 1_000
"""So many patterns are remembered as they were taken apart, those that messages have asked for last."""

_text_of = msgspec.json.Encoder(order="deterministic").encode
"""The JSON by which values are compared: the same for equal dicts, whatever the order of their keys."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode

_PACKED = {type(None), bool, int, float, str, bytes}
"""What is the same after it was packed."""

_EXACT = 2**53
"""The integers below are numbers of JavaScript."""

_MARK = secrets.token_hex(8)
"""Tells JavaScript from texts in what is written; no text of a user can hold it."""

_OPEN, _CLOSE = f"<{_MARK}:", f":{_MARK}>"
_BEFORE, _AFTER = f'"{_OPEN}', f'{_CLOSE}"'


def stringify(value: Any) -> str:
    """htag's function of that name: *value* as JavaScript. htag itself takes texts for bytes that begin and
    end in a certain way, and such a text may be a user's."""
    return _dumps(value).replace(_BEFORE, "").replace(_AFTER, "")


def _javascript(value: Any) -> str | None:
    return f"{_OPEN}{value.decode()}{_CLOSE}" if isinstance(value, bytes) else None


_dumps = json.JSONEncoder(default=_javascript).encode  # json.dumps makes an encoder each time: 2 µs


class _Free:
    """The place of bytes. With *many*, they may be any number of arguments: "...arguments", or "a, b"."""

    __slots__ = ("many",)

    def __init__(self, code: str) -> None:
        self.many = code.lstrip().startswith("...") or "," in code


def noted(
    target: int, method: str, args: Sequence[Any] | None, kargs: Mapping[str, Any] | None
) -> tuple[bytes, Pattern | None]:
    """What is kept of a call that is written: one of the :func:`keys` of the messages that bring it, and the
    pattern that their arguments have to fit, if the key is not all of them."""
    args, kargs = args or (), kargs or {}
    if _are_plain(args) and (not kargs or _are_plain(kargs.values())):
        try:
            return _text_of((target, method, args, kargs)), None
        except UnicodeEncodeError:
            pass  # half of a surrogate pair
    pattern = _copy(args, kargs)
    try:
        if args and _are_plain(args[:1]):
            return _text_of((target, method, args[0])), pattern
    except UnicodeEncodeError:
        pass
    return _text_of((target, method)), pattern


def keys(target: int, method: str, args: list[Any], kargs: dict[str, Any]) -> Iterator[bytes]:
    """The keys under which a call may have been noted that has become this message."""
    yield _text_of((target, method, args, kargs))
    if args:
        yield _text_of((target, method, args[0]))
    yield _text_of((target, method))


def fits(pattern: Pattern, args: list[Any], kargs: dict[str, Any]) -> bool:
    """Whether a page may have made these arguments of what was noted as *pattern*."""
    bound, named = _template(pattern)
    return _fits_list(bound, args) and _fits_dict(named, kargs)


def _copy(args: Sequence[Any], kargs: Mapping[str, Any]) -> Pattern:
    if _PACKED.issuperset(map(type, args)) and (not kargs or _PACKED.issuperset(map(type, kargs.values()))):
        try:
            return _pack([args, kargs])
        except (UnicodeEncodeError, OverflowError):
            pass
    return _dumps([args, kargs])


@functools.lru_cache(KNOWN)
def _template(pattern: Pattern) -> Any:
    text = pattern if isinstance(pattern, str) else _dumps(_unpack(pattern))
    shown = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=lambda _: None)
    return _opened(shown)


def _are_plain(values: Iterable[Any]) -> bool:
    """Whether JavaScript leaves them all as they are."""
    for value in values:
        kind = type(value)
        if kind is str or value is None or kind is bool or (kind is int and -_EXACT < value < _EXACT):
            continue
        return False
    return True


def _number(text: str) -> Any:
    """A number of JSON as JavaScript would write it."""
    try:
        value = float(text)
    except OverflowError:
        return None
    if not math.isfinite(value):
        return None
    whole = value.is_integer() and abs(value) < 1e21
    return msgspec.json.decode(str(int(Decimal(repr(value)))) if whole else repr(value))


def _opened(value: Any) -> Any:
    """*value* with its free places. Texts come as they do from a page."""
    if isinstance(value, list):
        return [_opened(each) for each in value]
    if isinstance(value, dict):
        return {_sent(key): _opened(each) for key, each in value.items()}
    if not isinstance(value, str):
        return value
    if value.startswith(_OPEN) and value.endswith(_CLOSE):
        return _Free(value[len(_OPEN) : -len(_CLOSE)])
    return _sent(value)


def _sent(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _fits(template: Any, value: Any) -> bool:
    if isinstance(template, _Free):
        return True
    if isinstance(template, list):
        return isinstance(value, list) and _fits_list(template, value)
    if isinstance(template, dict):
        return isinstance(value, dict) and _fits_dict(template, value)
    return _text_of(template) == _text_of(value)


def _fits_list(template: list[Any], values: list[Any]) -> bool:
    """Each place of its own; "many" takes what the others leave. Of several "many", the first takes it."""
    spare = len(values) - len(template)
    at = 0
    for part in template:
        if isinstance(part, _Free) and part.many and spare:
            at += 1 + spare
            spare = 0
        elif at < len(values) and _fits(part, values[at]):
            at += 1
        else:
            return False
    return at == len(values)


def _fits_dict(template: dict[str, Any], values: dict[str, Any]) -> bool:
    """JavaScript leaves out what is undefined."""
    return not values.keys() - template.keys() and all(
        _fits(part, values[key]) if key in values else isinstance(part, _Free)
        for key, part in template.items()
    )
