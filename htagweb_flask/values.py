"""What a session may hold: the types of values, and their bytes.

Values are packed with msgpack; the types that msgpack would change (tuple, set, naive datetime, ...) are
packed as extensions, so that they are the same on every kind of storage.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

__all__ = ["MAX_VALUE", "check", "pack", "pack_foreign", "same", "unpack"]

MAX_VALUE = 8 * 1024 * 1024
"""Bytes of one value, packed. A session is read and written as a whole: more belongs in a database."""

TYPES = (
    "None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict, datetime, date, Decimal and UUID"
)

_encoder = msgspec.msgpack.Encoder()

# Codes are written to storage: never reuse one.
_COLLECTIONS: dict[type, int] = {tuple: 1, set: 2, frozenset: 3}
_EXTENSIONS: dict[type, tuple[int, Callable[[Any], str], Callable[[str], Any]]] = {
    datetime.datetime: (4, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    datetime.date: (5, datetime.date.isoformat, datetime.date.fromisoformat),
    decimal.Decimal: (6, str, decimal.Decimal),
    uuid.UUID: (7, str, uuid.UUID),
    int: (8, str, int),  # beyond 64 bits only
}
_DICT = 9  # with keys that are extensions themselves: a list of pairs
_LOADERS = {code: kind for kind, code in _COLLECTIONS.items()} | {_DICT: dict}
_READERS = {code: read for code, _, read in _EXTENSIONS.values()}


def _portable(value: Any, lenient: bool = False) -> Any:
    """*value* with every type that msgpack does not keep replaced by an extension."""
    kind = type(value)
    if kind in (str, bytes, bool, float, type(None)):
        return value
    if kind is int:
        return value if -(2**63) <= value < 2**64 else _extension(kind, value)
    if kind is list:
        return [_portable(item, lenient) for item in value]
    if kind is dict:
        keys = [_portable(key, lenient) for key in value]
        if any(type(key) is msgspec.msgpack.Ext for key in keys):  # tuples, dates, ...
            items = [[key, _portable(item, lenient)] for key, item in zip(keys, value.values(), strict=True)]
            return msgspec.msgpack.Ext(_DICT, _encoder.encode(items))
        return dict(zip(keys, (_portable(item, lenient) for item in value.values()), strict=True))
    if kind in _COLLECTIONS:
        items = [_portable(item, lenient) for item in value]
        return msgspec.msgpack.Ext(_COLLECTIONS[kind], _encoder.encode(items))
    if kind in _EXTENSIONS:
        return _extension(kind, value)
    if lenient:
        return str.__str__(value) if isinstance(value, str) else value  # Markup of flash(), say
    raise TypeError(f"a value of type {kind.__qualname__!r} cannot be kept in a session")


def _extension(kind: type, value: Any) -> msgspec.msgpack.Ext:
    code, write, _ = _EXTENSIONS[kind]
    return msgspec.msgpack.Ext(code, write(value).encode())


def _read_extension(code: int, data: memoryview) -> Any:
    if code in _LOADERS:
        return _LOADERS[code](unpack(bytes(data)))
    if code in _READERS:
        return _READERS[code](bytes(data).decode())
    raise ValueError(f"unknown extension {code} in a session")


_decoder = msgspec.msgpack.Decoder(ext_hook=_read_extension)


def pack(value: Any) -> bytes:
    """*value* as bytes. Raises TypeError for a value that no storage keeps."""
    try:
        return _encoder.encode(_portable(value))
    except (ValueError, RecursionError) as error:  # half of a surrogate pair; a list in itself
        raise TypeError(f"a value cannot be kept in a session: {error}") from None


def pack_foreign(value: Any) -> bytes:
    """As :func:`pack`, for what views keep: other types become what msgspec makes of them (an Enum its value,
    a dataclass a dict), as with Flask-Session. Raises TypeError for the rest."""
    return _encoder.encode(_portable(value, lenient=True))


def unpack(data: bytes) -> Any:
    """The value that :func:`pack` packed. Raises ValueError for anything else."""
    try:
        return _decoder.decode(data)
    except (TypeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"not a packed value: {error}") from None


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same types all the way down: 1, 1.0 and True are three."""
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, list | tuple):
        return all(map(same, one, other))
    if isinstance(one, dict):
        return all(same(value, other[key]) for key, value in one.items())
    return True


def check(name: str, value: Any) -> None:
    """Raises TypeError or ValueError, with the cure, when *value* cannot be kept in a session as *name*."""
    try:
        size = len(pack(value))
    except TypeError as error:
        raise TypeError(f"{name}: {error}: keep {TYPES} only, or what identifies the object") from None
    if size > MAX_VALUE:
        raise ValueError(f"{name}: {size} bytes are over the limit of {MAX_VALUE} for a value of a session")
