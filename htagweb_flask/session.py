"""The user's session as the pool sees it: a dict that knows what changed in it.

A session travels to the pool as a snapshot (packed values by key) and comes back as a :class:`Delta`, which
is merged into what is stored then. A dict that was changed inside is merged by its own keys: ``tag.state`` is
such a dict.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import Any

import msgspec

from .protocol import Delta, Part
from .values import MAX_VALUE, check, pack, pack_foreign, same, unpack

logger = logging.getLogger(__name__)

__all__ = [
    "MAX_VALUE",
    "PEER",
    "PREFIX",
    "Snapshot",
    "check",
    "merge",
    "pack",
    "pack_all",
    "pack_foreign",
    "read_session",
    "same",
    "unpack",
]

PREFIX = "_htag"
"""Session keys that begin so are the host's own: apps never see them."""

PEER = f"{PREFIX}_peer"
"""Parano: the static key of the session's browser, which whoever has a copy of the cookie does not have."""

_OTHER = msgspec.Raw(b"\xc7\x00\x7f")
"""An image that no value has."""

_EMPTY = b"\x80"
"""An empty dict."""

_encoder = msgspec.msgpack.Encoder()
_packed_values = msgspec.msgpack.Decoder(dict[str, bytes])
_images = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])


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


def read_session(data: bytes, *readers: Callable[[bytes], Any]) -> dict[str, Any] | None:
    """The session that stands in *data*; None, with a warning, when that is no session."""
    for read in readers or (unpack,):
        with contextlib.suppress(ValueError, msgspec.DecodeError):
            found = read(data)
            if isinstance(found, dict):
                return found
    logger.warning("a stored session is damaged: it starts afresh")
    return None


def merge(values: MutableMapping[str, Any], delta: Delta) -> None:
    """Puts the changes of *delta* into *values*."""
    _merge(values, delta)
    for key, part in delta.inside.items():
        value = values.get(key)
        inner = dict(value) if isinstance(value, dict) else {}
        _merge(inner, part)
        values[key] = inner


def _merge(values: MutableMapping[str, Any], part: Part) -> None:
    for key, packed in part.put.items():
        values[key] = unpack(packed)
    for key in part.drop:
        values.pop(key, None)


def _image(value: Any) -> bytes:
    """What is compared to see whether *value* has changed: MessagePack, as fast as it can be made (a tenth of
    the time of packing it), which tells no list from a tuple."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    try:
        return pack(value)
    except TypeError:  # it cannot be stored: delta() says so, once
        pass
    if type(value) is dict and all(type(key) is str for key in value):
        return _encoder.encode({key: msgspec.Raw(_image(item)) for key, item in value.items()})
    return _encoder.encode(repr(value))


def _images_in(image: bytes) -> dict[str, msgspec.Raw] | None:
    """The images of the values in a dict, by key; None when *image* is that of something else."""
    try:
        return _images.decode(image)
    except msgspec.DecodeError:
        return None


class Snapshot(dict[str, Any]):
    """The session of one user inside the pool: a plain dict for apps, and the changes made to it since
    the last :meth:`delta`, those of nested values included.

    An app may change it while another thread looks for changes: RuntimeError and KeyError then say that one
    has to look again.
    """

    def __init__(self, packed: bytes = _EMPTY) -> None:
        super().__init__()
        self._known: dict[str, bytes] = {}  # images of what is stored; b"": of something else
        self.refresh(packed)

    # ---- what apps do ------------------------------------------------------------------------------------

    def __setitem__(self, key: str, value: Any) -> None:
        """Raises TypeError and ValueError for what no storage keeps: here is where the mistake is made."""
        if not isinstance(key, str):
            raise TypeError(f"session[{key!r}]: the keys of a session are texts")
        former = self.get(key)
        if former is not value:  # else it was changed inside: tag.state has looked at what is new
            check(f"session[{key!r}]", value)
            if key in self._known and not same(former, value):
                self._known[key] = b""
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

    def assign(self, key: str, inner: str, value: Any) -> None:
        """``self[key][inner] = value``, for ``tag.state``. Raises TypeError and ValueError as above."""
        check(f"tag.state[{inner!r}]", value)
        if key not in self:
            super().__setitem__(key, {})
            self._known.setdefault(key, _EMPTY)  # another app may begin the same dict right now
        values = self[key]
        former, values[inner] = values.get(inner), value
        if _image(former) == _image(value) and not same(former, value):
            known = _images_in(self._known.get(key, b""))
            if known:  # (1,) in the place of [1]: nobody would see it
                self._known[key] = _encoder.encode({**known, inner: _OTHER})

    # ---- to the store ------------------------------------------------------------------------------------

    def delta(self) -> Delta | None:
        """The changes since the last call, or None.

        A nested value that was changed into something that cannot be stored is left out, and logged once.
        """
        delta = Delta({}, [key for key in list(self._known) if key not in self])
        seen: dict[str, bytes] = {}
        for key in list(self):
            image = _image(self[key])  # first: what changes meanwhile is seen next time
            if image != self._known.get(key):
                seen[key] = image
                self._add(delta, key)
        self._known.update(seen)  # last: whoever changes the session meanwhile makes us begin again
        for key in delta.drop:
            del self._known[key]
        return delta if delta.put or delta.drop or delta.inside else None

    def _add(self, delta: Delta, key: str) -> None:
        known, value = _images_in(self._known.get(key, b"")), self[key]
        if known is None or type(value) is not dict or not all(type(inner) is str for inner in value):
            try:
                delta.put[key] = pack(value)
                return
            except TypeError as error:
                if type(value) is not dict or not all(type(inner) is str for inner in value):
                    logger.error("session[%r] is not stored: %s", key, error)
                    return
                known = {}  # what can be stored of it
        changes = self._inside(key, known, value)
        if changes.put or changes.drop:
            delta.inside[key] = changes

    def _inside(self, key: str, known: Mapping[str, msgspec.Raw], value: dict[str, Any]) -> Part:
        changes = Part({}, [inner for inner in known if inner not in value])
        for inner, item in list(value.items()):
            if inner not in known or _image(item) != bytes(known[inner]):
                try:
                    changes.put[inner] = pack(item)
                except TypeError as error:
                    logger.error("session[%r][%r] is not stored: %s", key, inner, error)
        return changes

    def lost(self, delta: Delta) -> None:
        """*delta* was not stored: the next one has its changes again."""
        for key in delta.put:
            self._known[key] = b""
        for key in delta.drop:
            self._known.setdefault(key, b"")
        for key, part in delta.inside.items():
            known = _images_in(self._known.get(key, b""))
            if known is not None:
                changed = dict.fromkeys([*part.put, *part.drop], _OTHER)
                self._known[key] = _encoder.encode({**known, **changed})

    # ---- from the store ----------------------------------------------------------------------------------

    def refresh(self, packed: bytes, but: Collection[str] = ()) -> None:
        """Takes over what is stored, except where this copy has changes of its own to store, and for the
        keys *but*."""
        stored = _packed_values.decode(packed)
        mine = {key for key in {*self, *self._known} if key in but or self._changed(key)}
        for key in {*self, *stored} - mine:
            if key not in stored:
                self._forget(key)
            elif self._differs(key, stored[key]):
                self._take(key, unpack(stored[key]))

    def patch(self, delta: Delta) -> None:
        """Takes over changes that were stored by others, except where this copy has changes of its own."""
        for key, packed in delta.put.items():
            if not self._changed(key) and self._differs(key, packed):
                self._take(key, unpack(packed))
        for key in delta.drop:
            if not self._changed(key) and key in self:
                self._forget(key)
        for key, part in delta.inside.items():
            self._patch_inside(key, part)

    def _patch_inside(self, key: str, part: Part) -> None:
        if key not in self and key not in self._known:
            self._take(key, {})
        known, value = _images_in(self._known.get(key, b"")), self.get(key)
        if known is None or type(value) is not dict:
            return
        own = self._inside(key, known, value)
        for inner, packed in part.put.items():
            if inner not in own.put and inner not in own.drop:
                item = unpack(packed)
                if inner not in value or not same(value[inner], item):
                    value[inner] = item
                known[inner] = msgspec.Raw(_image(value[inner]))
        for inner in part.drop:
            if inner not in own.put:
                value.pop(inner, None)
                known.pop(inner, None)
        self._known[key] = _encoder.encode(known)

    def _take(self, key: str, value: Any) -> None:
        """Takes over *value*: into the dict that is there, as an app may be about to change it."""
        former = self.get(key)
        if type(former) is dict and type(value) is dict:
            for gone in former.keys() - value.keys():
                former.pop(gone, None)
            for inner, item in value.items():
                if inner not in former or not same(former[inner], item):
                    former[inner] = item
        else:
            super().__setitem__(key, value)
        self._known[key] = _image(self[key])

    def _forget(self, key: str) -> None:
        self.pop(key, None)
        self._known.pop(key, None)

    def _differs(self, key: str, packed: bytes) -> bool:
        try:
            return key not in self or (pack(self[key]) != packed and not same(self[key], unpack(packed)))
        except TypeError:  # it cannot be stored, and stays as it is
            return False

    def changed(self) -> bool:
        """Whether :meth:`delta` would have something to say."""
        return any(self._changed(key) for key in {*self, *self._known})

    def _changed(self, key: str) -> bool:
        if key not in self:
            return key in self._known
        return self._known.get(key) != _image(self[key])
