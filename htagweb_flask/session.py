"""The user's session as the pool sees it: a dict that knows what changed in it.

A session travels to the pool as a snapshot (packed values by key) and comes back as a :class:`Delta`. Values
are packed with msgpack; the types that msgpack would change (tuple, set, naive datetime, ...) are packed as
extensions, so that they are the same on every kind of storage.
"""

from __future__ import annotations

import datetime
import decimal
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from .protocol import Delta

logger = logging.getLogger(__name__)

__all__ = ["MAX_VALUE", "PREFIX", "Snapshot", "check", "pack", "pack_all", "pack_foreign", "same", "unpack"]

PREFIX = "_htag"
"""Session keys that begin so are the host's own: apps never see them."""

MAX_VALUE = 8 * 1024 * 1024
"""Bytes of one value, packed. A session is read and written as a whole: more belongs in a database."""

TYPES = (
    "None, bool, int, float, str, bytes, list, tuple, set, frozenset, dict, datetime, date, Decimal and UUID"
)

_encoder = msgspec.msgpack.Encoder()
_packed_values = msgspec.msgpack.Decoder(dict[str, bytes])

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


def pack_all(session: Mapping[str, Any]) -> bytes:
    """A snapshot of *session* for the pool: what apps may see of it, without values that cannot travel."""
    values = {}
    for key, value in session.items():
        if not key.startswith(PREFIX):
            try:
                values[key] = pack(value)
            except (TypeError, ValueError):
                continue  # another extension's own object: it stays in the web processes
    return _encoder.encode(values)


class Snapshot(dict[str, Any]):
    """The session of one user inside the pool: a plain dict for apps, and the changes made to it since
    the last :meth:`delta`, those of nested values included."""

    def __init__(self, packed: bytes = b"\x80") -> None:
        super().__init__()
        self._known: dict[str, bytes] = {}
        self.refresh(packed)

    def refresh(self, packed: bytes) -> None:
        """Takes over what is stored now, except where this copy has changes of its own to store."""
        stored = _packed_values.decode(packed)
        mine = {key for key in {*self, *self._known} if self._changed(key)}
        for key in {*self, *stored} - mine:
            if key not in stored:
                del self[key]
                self._known.pop(key, None)
            elif self._differs(key, stored[key]):
                super().__setitem__(key, unpack(stored[key]))
                self._known[key] = self._image(key)

    def _differs(self, key: str, packed: bytes) -> bool:
        try:
            return key not in self or pack(self[key]) != packed
        except TypeError:  # it cannot be stored, and stays as it is
            return False

    def __setitem__(self, key: str, value: Any) -> None:
        """Raises TypeError and ValueError for what no storage keeps: here is where the mistake is made."""
        if not isinstance(key, str):
            raise TypeError(f"session[{key!r}]: the keys of a session are texts")
        if self.get(key) is not value:  # else it was changed inside: tag.state has looked at what is new
            check(f"session[{key!r}]", value)
        super().__setitem__(key, value)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """See dict."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args: Any, **kwargs: Any) -> None:
        """See dict."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def delta(self) -> Delta | None:
        """The changes since the last call, or None.

        A nested value that was changed into something that cannot be stored is left out, and logged once.
        """
        changed = [key for key in list(self) if self._changed(key)]
        gone = [key for key in self._known if key not in self]
        put: dict[str, bytes] = {}
        for key in changed:
            image = self._image(key)  # first: what changes meanwhile is seen next time
            try:
                put[key] = pack(self[key])
            except TypeError as error:
                logger.error("session[%r] is not stored: %s", key, error)
            self._known[key] = image
        for key in gone:
            del self._known[key]
        return Delta(put, gone) if put or gone else None

    def lost(self, delta: Delta) -> None:
        """*delta* was not stored: the next one has its changes again."""
        for key in delta.put:
            self._known[key] = b""
        for key in delta.drop:
            self._known.setdefault(key, b"")

    def patch(self, delta: Delta) -> None:
        """Takes over changes that were stored by others, except where this copy has changes of its own."""
        for key, value in delta.put.items():
            if not self._changed(key):
                super().__setitem__(key, unpack(value))
                self._known[key] = self._image(key)
        for key in delta.drop:
            if not self._changed(key) and key in self:
                del self[key]
                self._known.pop(key, None)

    def _image(self, key: str) -> bytes:
        # msgspec's own encoding is made in C: comparing it costs a tenth of packing the value.
        try:
            return _encoder.encode(self[key])
        except (TypeError, ValueError, OverflowError, RecursionError):
            pass
        try:
            return pack(self[key])
        except TypeError:  # it cannot be stored: delta() says so, once
            return repr(self[key]).encode()

    def _changed(self, key: str) -> bool:
        if key not in self:
            return key in self._known
        return self._known.get(key) != self._image(key)
