"""Sessions by their id, outside of any request: load, and merge changes key by key.

On top of Flask-Session's backends, whose own saving writes a whole session as it was when its request began.
All use of Flask-Session's internals (0.8) is in this file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, BinaryIO, cast

import msgspec
from cachelib.file import FileSystemCache
from flask_session.base import ServerSideSessionInterface
from flask_session.cachelib import CacheLibSessionInterface

from .protocol import Delta
from .session import pack, unpack

if sys.platform != "win32":
    import fcntl

__all__ = ["SessionStore", "file_sessions"]


class _PackedFiles:
    """A cachelib serializer that never unpickles: what stands in a file is data."""

    def dump(self, value: Any, file: BinaryIO) -> None:
        """See cachelib."""
        file.write(self.dumps(value))

    def dumps(self, value: Any) -> bytes:
        """See cachelib."""
        return pack(value)

    def load(self, file: BinaryIO) -> Any:
        """See cachelib."""
        return self.loads(file.read())

    def loads(self, data: bytes) -> Any:
        """See cachelib. None, as for a file that is not there, when the file is garbage."""
        with contextlib.suppress(ValueError, msgspec.DecodeError):
            return unpack(data)
        return None


class _SessionFiles(FileSystemCache):
    """Session files that nothing but their age removes: by default cachelib keeps 500 of them."""

    serializer = cast(Any, _PackedFiles())

    def __init__(self, folder: str) -> None:
        super().__init__(folder, threshold=0, mode=0o600)


def file_sessions(folder: str) -> ServerSideSessionInterface:
    """A Flask-Session interface that keeps sessions as files in *folder*."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return CacheLibSessionInterface(client=_SessionFiles(folder))


class SessionStore:
    """The sessions that a Flask-Session interface keeps, by id."""

    def __init__(
        self, interface: ServerSideSessionInterface, lock_dir: str, lifetime: Callable[[], timedelta]
    ) -> None:
        self._interface = interface
        self._lock_dir = lock_dir
        self._lifetime = lifetime

    def load(self, sid: str) -> dict[str, Any] | None:
        """The session *sid*, or None when there is none (any more)."""
        data = self._interface._retrieve_session_data(self._interface._get_store_id(sid))
        return None if data is None else dict(data)

    def patch(self, sid: str, delta: Delta, create: bool = False) -> bool:
        """Merges *delta* into what is stored now. False when the session has been deleted meanwhile, which
        is not undone (it was a logout); *create* makes a session that is not there."""
        with self._locked(sid):
            data = self.load(sid)
            if data is None and not create:
                return False
            data = data or {}
            data.update({key: unpack(value) for key, value in delta.put.items()})
            for key in delta.drop:
                data.pop(key, None)
            session = cast(Any, self._interface.session_class)(data, sid)
            self._interface._upsert_session(self._lifetime(), session, self._interface._get_store_id(sid))
        return True

    @contextlib.contextmanager
    def _locked(self, sid: str) -> Iterator[None]:
        # A lock that waits in the kernel would stop all greenlets of a gevent worker.
        name = hashlib.sha256(sid.encode()).hexdigest()[:2]
        with open(os.path.join(self._lock_dir, f"session-{name}.lock"), "w") as file:
            pause = 0.0005
            while sys.platform != "win32":
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    time.sleep(pause)
                    pause = min(2 * pause, 0.01)
            yield
