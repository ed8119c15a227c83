"""The arguments of a call as htag 1 writes them into a page, and whether a message brings the same.

Bytes are JavaScript: what they become is for the page to say. All else are constants, and a message has to
bring them as a browser does: JavaScript has one kind of number, writes ``42.0`` as 42, and NaN as null.
Compared is their JSON, so that True is not 1.

Many calls are written for one that comes back, so little is done when they are written: of what JavaScript
leaves as it is, the text of the call is the key by which a message finds it; of all else a copy is kept, and
taken apart when a message comes.
"""

from __future__ import annotations

import functools
import json
import math
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from json.encoder import encode_basestring_ascii as _quote
from typing import Any

import msgspec

__all__ = ["Pattern", "fits", "keys", "noted", "stringify"]

Pattern = tuple[Any, ...] | str
"""The arguments of a call: as they are, if they never change, or as JSON in which JavaScript is marked."""

KNOWN = 1_000
"""So many texts are remembered as they were taken apart, those that messages have asked for last."""

_text_of = msgspec.json.Encoder(order="deterministic").encode
"""The JSON by which values are compared: the same for equal dicts, whatever the order of their keys."""

_UNCHANGING = {type(None), bool, int, float, str, bytes}

_WORDS = {None: "null", True: "true", False: "false"}

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
) -> tuple[str, Pattern | None, str | None]:
    """What is kept of a call that is written: one of the :func:`keys` of the messages that bring it; the
    pattern that their arguments have to fit, if the key is not all of them; and the text that htag writes, if
    it is known."""
    is_usual = args is not None and kargs is not None  # of None htag writes null
    args, kargs = args or (), kargs or {}
    plain = _plain(args)
    if plain is not None and not kargs:
        text = _call(target, method, plain)
        return text, None, text if is_usual else None
    if plain is not None and (key := _named(target, method, args, kargs)) is not None:
        return key, None, None
    first = _vague(target, method, _plain(args[:1]) if args else None)
    if not kargs and _UNCHANGING.issuperset(map(type, args)):
        code = _plain(args, javascript=True) if is_usual else None
        return first, tuple(args), None if code is None else _call(target, method, code)
    return first, _dumps([args, kargs]), None


def keys(target: int, method: str, args: list[Any], kargs: dict[str, Any]) -> Iterator[str]:
    """The keys under which a call may have been noted that has become this message."""
    plain = _plain(args)
    if plain is not None:
        exact = _named(target, method, args, kargs) if kargs else _call(target, method, plain)
        if exact is not None:
            yield exact
    if args and (first := _plain(args[:1])) is not None:
        yield _vague(target, method, first)
    yield _vague(target, method, None)


def _call(target: int, method: str, args: str) -> str:
    """The text that htag writes of a call with these arguments, and no others."""
    return (
        f'try{{interact( {{"id": {target}, "method": {_quote(method)}, "args": [{args}], "kargs": {{}}, '
        '"event": jevent(event)} );} catch(e) {_error(e,"JS")}'
    )


def _named(target: int, method: str, args: Sequence[Any], kargs: Mapping[str, Any]) -> str | None:
    """The key of a call that has names, in whatever order, if JavaScript leaves all of it as it is."""
    if any(type(name) is not str for name in kargs) or _plain([*kargs, *kargs.values()]) is None:
        return None
    return _text_of((target, method, args, kargs)).decode()


def _vague(target: int, method: str, first: str | None) -> str:
    return f"{target} {_quote(method)} {first or ''}"


def _plain(values: Iterable[Any], javascript: bool = False) -> str | None:
    """What htag writes of *values*, if JavaScript leaves them all as they are; with *javascript*, whatever it
    makes of them."""
    texts = []
    for value in values:
        kind = type(value)
        if kind is str and (value.isascii() or javascript or _is_whole(value)):
            texts.append(_quote(value))
        elif kind is int and (javascript or -_EXACT < value < _EXACT):
            texts.append(f"{value}")
        elif value is None or kind is bool:
            texts.append(_WORDS[value])
        elif kind is bytes and javascript:
            texts.append(_quote(value.decode())[1:-1])
        else:
            return None
    return ", ".join(texts)


def _is_whole(text: str) -> bool:
    """Whether no half of a surrogate pair is in it, which a browser cannot send."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def fits(pattern: Pattern, args: list[Any], kargs: dict[str, Any]) -> bool:
    """Whether a page may have made these arguments of what was noted as *pattern*."""
    if isinstance(pattern, tuple):
        return not kargs and _fits_list(list(map(_place, pattern)), args)
    bound, named = _template(pattern)
    return _fits_list(bound, args) and _fits_dict(named, kargs)


def _place(value: Any) -> Any:
    """*value* as a page sends it."""
    if type(value) is bytes:
        return _Free(value.decode())
    return value if _plain((value,)) is not None else _template(_dumps(value))


@functools.lru_cache(KNOWN)
def _template(text: str) -> Any:
    shown = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=lambda _: None)
    return _opened(shown)


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
