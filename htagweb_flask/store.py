"""Sessions by their id, outside of any request: load, and merge changes key by key.

On top of Flask-Session's backends, whose own saving writes a whole session as it was when its request began.
All use of Flask-Session's internals (0.8) is in this file.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import random
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

__all__ = ["SessionStore", "cached_sessions", "changes", "file_sessions"]

logger = logging.getLogger(__name__)

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
        self._write = interface._upsert_session
        self._delete = interface._delete_session
        interface._upsert_session = self._merge
        interface._delete_session = self._end
        interface.regenerate = self._renew
        interface.serializer = _Serializer()

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
        store_id = self._interface._get_store_id(sid)
        with _failing(), self._locked(store_id):
            if delta.until and time.monotonic() > delta.until:
                raise StoreError("it took too long until these changes could be stored: others do it")
            data = self._interface._retrieve_session_data(store_id)
            if data is None and not create:
                return False
            values = dict(data or {})
            merge(values, delta)
            lifetime = self._lifetime() if prolong else self._left(store_id)
            if not lifetime:
                return False  # it is about to expire
            self._write(lifetime, self._session(sid, values), store_id)
        return True

    def _left(self, store_id: str) -> timedelta:
        """What is left of the lifetime of a session; a whole one where the storage does not tell.

        In whole seconds, as Flask-Session takes them, rounded up or down by chance: many changes in a second
        must neither wear the lifetime out nor keep the session for ever.
        """
        seconds = None
        if callable(left := getattr(getattr(self._interface, "cache", None), "left", None)):
            seconds = left(store_id)
        elif callable(pttl := getattr(getattr(self._interface, "client", None), "pttl", None)):
            seconds = pttl(store_id) / 1000  # Redis; negative: none
        if seconds is None or seconds <= 0:
            return self._lifetime()
        return timedelta(seconds=int(seconds + random.random()))  # noqa: S311 - no secret  # nosec B311

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
        with _failing(), self._locked(former):
            stored: dict[str, Any] | None = None
            put: dict[str, Any] = {}
            drop: list[str] = []
            if before and (sid == session.sid or former != store_id):
                stored = self._interface._retrieve_session_data(former)
                if stored is None and former == store_id:
                    return  # deleted meanwhile: a logout is not undone
            if stored is not None:
                put, drop = changes(before, session)
                values = {key: value for key, value in {**stored, **put}.items() if key not in drop}
                session = self._session(session.sid, values)
            try:
                self._write(lifetime, session, store_id)
            except Exception:
                if stored is None or put or drop or former != store_id:
                    raise
                logger.warning("a session that was only read could not be prolonged")
            if former != store_id:
                self._delete(former)

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
        with open(os.path.join(self._lock_dir, f"session-{name[:2]}.lock"), "w") as file:
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


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # each backend has its own kinds
        raise StoreError(f"the session storage fails: {type(error).__name__}: {error}") from error
