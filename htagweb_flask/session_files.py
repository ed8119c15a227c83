"""Session files: one for each session, in a folder.

A file has two slots of one size, and each write goes into the slot that does not hold the newest version: a
process that is killed in the middle, or a disk that is full, leaves that version as it was. A version that
does not fit into a slot goes into a new file, which replaces the old one. (To replace the file each time, as
is usual, takes 1.2 ms on ext4, which flushes such a file at once; this takes 10 µs.)

Who reads needs no lock; of those who write the same session, one at a time may do so.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator
from datetime import timedelta
from io import FileIO
from typing import Any, NamedTuple

from cachelib.base import BaseCache

from .errors import StoreError
from .session import pack_foreign, read_session

__all__ = ["SessionFiles"]

logger = logging.getLogger(__name__)

DRAFT = 3600.0
"""Seconds after which a half-written file is of nobody any more."""

_DRAFT = "draft-"
"""How their names begin."""

_PAGE = 4096
"""Bytes of the smallest slot: what file systems read and write as one."""

_HEAD = struct.Struct("<4sQdII")
"""Of a slot: magic, number of the version, when it expires (Unix time), bytes and CRC-32 of what follows."""

_MAGIC = b"htg1"


class _Version(NamedTuple):
    number: int
    expires: float
    data: bytes


class SessionFiles(BaseCache):
    """A cachelib cache, as far as Flask-Session uses one. Nothing but its age removes a file.

    Raises StoreError when the folder or a file cannot be read or written.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """The session stored as *key*; None when there is none, when it has expired, or when its file is
        garbage, of which a line in the log tells."""
        path = self._path(key)
        try:
            with open(path, "rb", buffering=0) as file:
                version = _newest(file)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"the session file {path} cannot be read: {error.strerror}") from error
        if version is None:
            logger.warning("the session file %s is damaged: the session starts afresh", path)
            return None
        return read_session(version.data) if version.expires > time.time() else None

    def left(self, key: str) -> float | None:
        """Seconds until the session stored as *key* expires; None when there is none."""
        with contextlib.suppress(FileNotFoundError), open(self._path(key), "rb", buffering=0) as file:
            version = _newest(file)
            return version.expires - time.time() if version else None
        return None

    def set(self, key: str, value: Any, timeout: float | timedelta | None = None) -> bool:
        """Stores *value* as *key* for *timeout* seconds."""
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        expires = time.time() + (self.default_timeout if seconds is None else seconds)
        data, path = pack_foreign(value), self._path(key)
        try:
            if not self._renew(path, expires, data):
                self._replace(path, _slot(_Version(1, expires, data)))
        except OSError as error:
            raise StoreError(f"the session file cannot be written: {error.strerror}") from error
        return True

    def delete(self, key: str) -> bool:
        """Removes the session stored as *key*. False when there is none."""
        try:
            os.unlink(self._path(key))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"the session file cannot be removed: {error.strerror}") from error
        return True

    def expired(self) -> Iterator[str]:
        """The keys' digests of what has expired, and may be removed by :meth:`remove`. Half-written files of
        processes that were killed are removed on the way."""
        now = time.time()
        for entry in os.scandir(self.folder):
            with contextlib.suppress(FileNotFoundError):
                if entry.name.startswith(_DRAFT):
                    if now - entry.stat().st_mtime > DRAFT:
                        os.unlink(entry)
                elif self._has_expired(entry.path, now):
                    yield entry.name

    def remove(self, digest: str) -> bool:
        """Removes the session with this digest, if it has expired: whether it has. Only who may write it may
        call this."""
        path = os.path.join(self.folder, digest)
        with contextlib.suppress(FileNotFoundError):
            if self._has_expired(path, time.time()):
                os.unlink(path)
                return True
        return False

    def _has_expired(self, path: str, now: float) -> bool:
        with open(path, "rb", buffering=0) as file:
            version = _newest(file)
            written = os.fstat(file.fileno()).st_mtime
        return version.expires <= now if version else now - written > DRAFT

    def _path(self, key: str) -> str:
        return os.path.join(self.folder, digest(key))

    def _renew(self, path: str, expires: float, data: bytes) -> bool:
        """Writes into the file that is there. False when there is none, or none with room."""
        with contextlib.suppress(FileNotFoundError), open(path, "r+b", buffering=0) as file:
            content = file.read()
            size = len(content) // 2
            if _HEAD.size + len(data) > size:
                return False
            first, second = _versions(content)
            number = max(first.number if first else 0, second.number if second else 0)
            at = size if first and first.number == number else 0
            _write(file, _slot(_Version(number + 1, expires, data)), at)
            return True
        return False

    def _replace(self, path: str, slot: bytes) -> None:
        size = _PAGE
        while size < 1.5 * len(slot):  # with room to grow
            size *= 2
        descriptor, draft = tempfile.mkstemp(prefix=_DRAFT, dir=self.folder)
        try:
            with open(descriptor, "wb", buffering=0) as file:
                _write(file, slot, 0)
                file.truncate(2 * size)
            os.replace(draft, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise


def digest(key: str) -> str:
    """The name of the file of *key*: 64 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()


def _slot(version: _Version) -> bytes:
    head = _HEAD.pack(_MAGIC, version.number, version.expires, len(version.data), 0)
    crc = zlib.crc32(version.data, zlib.crc32(head))
    return head[:-4] + struct.pack("<I", crc) + version.data


def _version(slot: bytes) -> _Version | None:
    """What stands in *slot*; None for nothing, or less than the whole of it."""
    if len(slot) < _HEAD.size:
        return None
    magic, number, expires, size, crc = _HEAD.unpack_from(slot)
    data = slot[_HEAD.size : _HEAD.size + size]
    head = slot[: _HEAD.size - 4] + bytes(4)
    if magic != _MAGIC or len(data) != size or zlib.crc32(data, zlib.crc32(head)) != crc:
        return None
    return _Version(number, expires, data)


def _versions(content: bytes) -> tuple[_Version | None, _Version | None]:
    size = len(content) // 2
    return _version(content[:size]), _version(content[size:])


def _newest(file: FileIO) -> _Version | None:
    """The newest version in *file*. While it is read, two may be written: then both slots can be torn."""
    for _ in range(3):
        file.seek(0)
        found = [version for version in _versions(file.read()) if version]
        if found:
            return max(found)
    return None


def _write(file: FileIO, data: bytes, at: int) -> None:
    """All of *data*: a disk that is full takes a part, and says so at the next attempt."""
    file.seek(at)
    left = memoryview(data)
    while left:
        left = left[file.write(left) or 0 :]
