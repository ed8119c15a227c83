"""The arguments of a call as htag 1 writes them into a page, and whether a message brings the same.

Bytes are JavaScript: what they become is for the page to say. All else are constants, and a message has to
bring them as a browser does: JavaScript has one kind of number, writes ``42.0`` as 42, and NaN as null.
Compared is their JSON, so that True is not 1.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

__all__ = ["Template", "stringify", "text_of", "written"]

text_of = msgspec.json.Encoder(order="deterministic").encode
"""The JSON by which values are compared: the same for equal dicts, whatever the order of their keys."""

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


class Template:
    """Arguments some of which are for the page to say."""

    __slots__ = ("_args", "_kargs")

    def __init__(self, args: list[Any], kargs: dict[str, Any]) -> None:
        self._args = args
        self._kargs = kargs

    def fits(self, args: list[Any], kargs: dict[str, Any]) -> bool:
        """Whether a page may have made these arguments of it."""
        return _fits_list(self._args, args) and _fits_dict(self._kargs, kargs)


def written(args: Sequence[Any] | None, kargs: Mapping[str, Any] | None) -> tuple[bytes, Template | None]:
    """A text that two calls share when they are the same, and the template if there is something free in it.
    Of constants alone it is the :func:`text_of` ``[args, kargs]`` of a message that brings them."""
    args, kargs = args or (), kargs or {}
    if _are_plain(args) and (not kargs or _are_plain(kargs.values())):
        try:
            return text_of([args, kargs]), None
        except UnicodeEncodeError:
            pass  # half of a surrogate pair
    text = _dumps([args, kargs])
    shown = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=lambda _: None)
    free: list[str] = []
    template = _opened(shown, free)
    return (text.encode(), Template(*template)) if free else (text_of(template), None)


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


def _opened(value: Any, free: list[str]) -> Any:
    """*value* with its free places; their code is added to *free*. Texts come as they do from a page."""
    if isinstance(value, list):
        return [_opened(each, free) for each in value]
    if isinstance(value, dict):
        return {_sent(key): _opened(each, free) for key, each in value.items()}
    if not isinstance(value, str):
        return value
    if value.startswith(_OPEN) and value.endswith(_CLOSE):
        free.append(value[len(_OPEN) : -len(_CLOSE)])
        return _Free(free[-1])
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
    return text_of(template) == text_of(value)


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
