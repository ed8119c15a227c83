"""Sessions by their id, outside of any request: load, and merge changes key by key.

On top of Flask-Session's backends, whose own saving writes a whole session as it was when its request began.
All use of Flask-Session's internals (0.8) is in this file.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

import msgspec
from cachelib.base import BaseCache
from flask_session.base import ServerSideSessionInterface
from flask_session.cachelib import CacheLibSessionInterface

from .errors import StoreError
from .locks import lock
from .protocol import Delta
from .session import merge, pack_foreign, read_session, same, unpack
from .session_files import SessionFiles, digest
from .session_redis import RedisSessions

__all__ = ["SessionStore", "cached_sessions", "changes", "file_sessions"]

logger = logging.getLogger(__name__)

Values = dict[str, Any]
Edit = Callable[["Values | None"], "Values | None"]
"""What becomes of a session. It may be called several times; None is for no session."""

_BEFORE = "_htag_before"
"""Attribute of a session in a request: its id and its values as they were when the request began, and when
they were read."""


class _Serializer:
    """In place of Flask-Session's, which tries pickle on what it cannot read, and turns tuples into lists."""

    def encode(self, session: Mapping[str, Any]) -> bytes:
        """See Flask-Session."""
        return pack_foreign(dict(session))

    def decode(self, data: bytes) -> dict[str, Any]:
        """See Flask-Session. JSON is read, too: what the site has stored in its former format."""
        return read_session(data, unpack, msgspec.json.decode) or {}

    dumps, loads = encode, decode  # their names after 0.8


_serializer = _Serializer()


def file_sessions(folder: str) -> ServerSideSessionInterface:
    """A Flask-Session interface that keeps sessions as files in *folder*."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return CacheLibSessionInterface(client=cast(Any, SessionFiles(folder)))


def cached_sessions(cache: BaseCache) -> ServerSideSessionInterface:
    """A Flask-Session interface that keeps sessions in *cache*."""
    return CacheLibSessionInterface(client=cache)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(values that are new or different, keys that are gone). 1, 1.0 and True are different."""
    put = {key: value for key, value in after.items() if key not in before or not same(before[key], value)}
    return put, [key for key in before if key not in after]


class SessionStore:
    """The sessions that a Flask-Session interface keeps, by id.

    The interface is changed: from now on it merges what a request has changed into what is stored then.
    Every method raises StoreError when the storage fails.
    """

    def __init__(
        self, interface: ServerSideSessionInterface, lock_dir: str, lifetime: Callable[[], timedelta]
    ) -> None:
        self._interface = interface
        self._lock_dir = lock_dir
        self._lifetime = lifetime
        self._renewed: dict[str, str] = {}  # sessions that are about to get a new id: new one, former
        if hasattr(interface, "sql_session_model"):
            _apart(interface)
        self._redis = RedisSessions(interface.client) if _is_redis(interface) else None
        self._write = interface._upsert_session
        self._delete = interface._delete_session
        interface._upsert_session = self._merge
        interface._delete_session = self._end
        interface.regenerate = self._renew
        interface.serializer = _serializer

    @property
    def cure(self) -> str:
        """What to do when it fails."""
        cache = getattr(self._interface, "cache", None)
        if isinstance(cache, SessionFiles):
            return f"check the folder {cache.folder}: can it be written, is the disk full?"
        name = type(self._interface).__name__
        return f"check the server behind {name} (SESSION_TYPE): does it run, can it be reached?"

    def load(self, sid: str) -> dict[str, Any] | None:
        """The session *sid*, or None when there is none (any more)."""
        with _failing():
            data = self._interface._retrieve_session_data(self._interface._get_store_id(sid))
        return None if data is None else dict(data)

    def patch(self, sid: str, delta: Delta, create: bool = False, prolong: bool = True) -> bool:
        """Merges *delta* into what is stored now. False when the session has been deleted meanwhile, which
        is not undone (it was a logout); *create* makes a session that is not there. Its lifetime begins anew,
        unless no user has done something: not *prolong*."""

        def edit(stored: Values | None) -> Values | None:
            if stored is None and not create:
                return None
            values = stored or {}
            merge(values, delta)
            return values

        store_id = self._interface._get_store_id(sid)
        with _failing(), self._locked(store_id):
            if delta.until and time.monotonic() > delta.until:
                raise StoreError("it took too long until these changes could be stored: others do it")
            return self._change(store_id, edit, self._lifetime(), prolong)

    def _change(
        self, store_id: str, edit: Edit, lifetime: timedelta, prolong: bool = True, to: str = ""
    ) -> bool:
        """Puts what *edit* makes of a record in its place, or in that of *to*; False if that is None. Whoever
        calls holds the lock."""
        if self._redis:
            return self._redis.change(store_id, _of_bytes(edit), lifetime.total_seconds(), prolong, to)
        data = self._interface._retrieve_session_data(store_id)
        values = edit(None if data is None else dict(data))
        if values is None:
            return False
        cache = getattr(self._interface, "cache", None)
        left = getattr(cache, "left", None)  # ours have it; others begin the lifetime anew
        if callable(left) and not prolong and data is not None:
            seconds = left(store_id) or 0.0
            return seconds > 0 and cast(BaseCache, cache).set(store_id, values, cast(Any, seconds)) is True
        self._write(lifetime, self._session("", values), to or store_id)
        if to:
            self._delete(store_id)
        return True

    def touch(self, sid: str) -> bool:
        """Prolongs the session *sid*. False when there is none."""
        return self.patch(sid, Delta({}, []))

    def delete(self, sid: str) -> None:
        """Removes the session *sid*, if there is one."""
        self._end(self._interface._get_store_id(sid))

    def clean(self) -> int | None:
        """Removes expired sessions and returns how many; None where the storage does so by itself."""
        cache = getattr(self._interface, "cache", None)
        if not isinstance(cache, SessionFiles):
            return None
        removed = 0
        with _failing():
            for name in cache.expired():
                with self._locked_file(name):
                    removed += cache.remove(name)
        return removed

    def _session(self, sid: str, values: dict[str, Any]) -> Any:
        return cast(Any, self._interface.session_class)(values, sid)

    # ---- the requests of the site ------------------------------------------------------------------------

    def opened(self, session: Any, loaded: float = 0.0) -> None:
        """A request begins with *session*, which was read after the time *loaded*."""
        # A new session holds only Flask-Session's own mark, and is false.
        values = copy.deepcopy(dict(session)) if session else {}
        setattr(session, _BEFORE, (session.sid, values, loaded))

    def loaded(self, session: Any) -> float:
        """When what it began with was read."""
        loaded: float = getattr(session, _BEFORE, ("", {}, 0.0))[2]
        return loaded

    def before(self, session: Any) -> dict[str, Any]:
        """The values with which its request began."""
        values: dict[str, Any] = getattr(session, _BEFORE, ("", {}, 0.0))[1]
        return values

    def moved(self, session: Any) -> bool:
        """Whether its id has changed since its request began, as sites do at a login."""
        return bool(getattr(session, _BEFORE, (session.sid, {}, 0.0))[0] != session.sid)

    def _merge(self, lifetime: timedelta, session: Any, store_id: str) -> None:
        sid, before, _ = getattr(session, _BEFORE, ("", {}, 0.0))
        former = self._renewed.pop(store_id, store_id)
        if not before or (sid != session.sid and former == store_id):  # it is new
            former = ""
        put, drop = changes(before, session) if former else ({}, [])

        def edit(stored: Values | None) -> Values | None:
            if stored is None:
                # Deleted meanwhile: a logout is not undone, but who gives it a new id begins another one.
                return None if former == store_id else dict(session)
            return {key: value for key, value in {**stored, **put}.items() if key not in drop}

        with _failing(), self._locked(former or store_id):
            if not former:
                self._write(lifetime, session, store_id)
                return
            try:
                self._change(former, edit, lifetime, to="" if former == store_id else store_id)
            except Exception:
                if put or drop or former != store_id:
                    raise
                logger.warning("a session that was only read could not be prolonged")

    def _end(self, store_id: str) -> None:
        """A logout. It waits for who is about to write: what was read before must not come back."""
        former = self._renewed.pop(store_id, store_id)
        with _failing(), self._locked(former):
            self._delete(former)

    def _renew(self, session: Any) -> None:
        """See Flask-Session, which deletes the former record at once: until the session is stored under its
        new id, it must be there for who changes it meanwhile."""
        if session:
            store_id = self._interface._get_store_id(session.sid)
            session.sid = self._interface._generate_sid(self._interface.sid_length)
            session.modified = True
            self._renewed[self._interface._get_store_id(session.sid)] = self._renewed.pop(store_id, store_id)

    def _locked(self, store_id: str) -> contextlib.AbstractContextManager[None]:
        return self._locked_file(digest(store_id))

    @contextlib.contextmanager
    def _locked_file(self, name: str) -> Iterator[None]:
        path = os.path.join(self._lock_dir, f"session-{name[:2]}.lock")
        with open(path, "wb", buffering=0) as file:  # as text, it would take three times as long
            pause = 0.0005
            while not lock(file):
                time.sleep(pause)
                pause = min(2 * pause, 0.01)
            yield


def _apart(interface: Any) -> None:
    """Has each access to the database begin anew. It needs an application context, which background tasks
    and streams do not have; and what the transaction of a view has read before may be stale by now."""

    def in_context(access: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any) -> Any:
            with interface.app.app_context():
                return access(*args)

        return wrapper

    for name in ("_retrieve_session_data", "_upsert_session", "_delete_session"):
        setattr(interface, name, in_context(getattr(interface, name)))


def _is_redis(interface: Any) -> bool:
    module = sys.modules.get("flask_session.redis")  # a site with another kind may not have the client
    return module is not None and type(interface) is module.RedisSessionInterface


def _of_bytes(edit: Edit) -> Callable[[bytes | None], bytes | None]:
    """*edit*, for sessions as they are stored."""

    def edit_bytes(stored: bytes | None) -> bytes | None:
        values = edit(_serializer.decode(stored) if stored else None)
        return None if values is None else _serializer.encode(values)

    return edit_bytes


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # each backend has its own kinds
        raise StoreError(f"the session storage fails: {type(error).__name__}: {error}") from error
