"""Flask's session and ours.

Flask opens a session before every request and Flask-Session writes it after every request, the requests of
our pages included: each click would pay for it, and write back a copy that is stale by then. So the site's
session interface is wrapped: for our own endpoints the session is opened when something looks at it (a login
guard, say); what any request changes is merged into what is stored then, and told to the pool.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from flask import Flask, Request, Response, g
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from flask_session import Session
from flask_session.base import ServerSideSessionInterface

from ..errors import StoreError
from ..protocol import Delta, Patched
from ..session import PREFIX, pack
from ..store import SessionStore, cached_sessions, changes, file_sessions

__all__ = ["LazySession", "Sessions", "fingerprint", "is_ours"]

logger = logging.getLogger(__name__)

LOOK = 30.0
"""Seconds between two looks of a web process whether a session still exists."""


def is_ours(request: Request) -> bool:
    """Whether *request* comes from the script of a page of ours (Flask opens sessions before it routes)."""
    return request.method == "POST" and ("X-Htag" in request.headers or "/_htag/" in request.path)


def fingerprint(sid: str) -> str:
    """A session id as it may stand in a page: it tells two sessions apart, and opens none."""
    return hashlib.sha256(sid.encode()).hexdigest()[:16]


class LazySession(SessionMixin):
    """The session of a request, opened at the first look. Raises StoreError there, when it cannot be."""

    def __init__(self, open_session: Callable[[], Any]) -> None:
        self._open = open_session
        self._opened: Any = None
        self._before: dict[str, Any] = {}

    @property
    def opened(self) -> Any:
        """The session itself."""
        if self._opened is None:
            self._opened = self._open()
            self._before = copy.deepcopy(dict(self._opened))
        return self._opened

    def delta(self) -> Delta | None:
        """What this request has changed. Raises TypeError for values that cannot be stored."""
        if self._opened is None:
            return None
        return _delta(self._before, self._opened)

    def __getitem__(self, key: str) -> Any:
        return self.opened[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.opened[key] = value

    def __delitem__(self, key: str) -> None:
        del self.opened[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.opened)

    def __len__(self) -> int:
        return len(self.opened)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.opened, name)


def _delta(before: dict[str, Any], after: Any) -> Delta | None:
    put, drop = changes(before, after)
    return Delta({key: pack(value) for key, value in put.items()}, drop) if put or drop else None


class Sessions(SessionInterface):
    """Stands in front of the session interface of a Flask app.

    What it stands for is decided at the first use: the configuration may come after the blueprint.
    """

    def __init__(
        self,
        flask_app: Flask,
        folder: Callable[[str], str],
        memory: Callable[[], Any],
        tell: Callable[[Patched], None],
    ) -> None:
        self._flask_app = flask_app
        self._folder = folder
        self._memory = memory
        self._tell = tell
        self._given = flask_app.session_interface
        self._looked: dict[str, float] = {}

    @cached_property
    def inner(self) -> SessionInterface:
        """The interface that views use."""
        flask_app = self._flask_app
        memory = self._memory()
        if memory is not None:
            shared: SessionInterface = cached_sessions(memory)
            return shared
        if type(self._given) is not SecureCookieSessionInterface:
            return self._given
        if flask_app.config.get("SESSION_TYPE"):
            Session(flask_app)
            found = flask_app.session_interface
            flask_app.session_interface = self
            return found
        if flask_app.secret_key:
            logger.warning(
                "sessions are in Flask's cookies, which the pool cannot write: tag.state is kept apart from "
                "flask.session. For one session in both, set SESSION_TYPE (see Flask-Session)"
            )
            return self._given
        folder = self._folder("sessions")
        logger.info("sessions are files in %s; in production, set SESSION_TYPE as Flask-Session says", folder)
        files: SessionInterface = file_sessions(folder)
        return files

    @property
    def shared(self) -> bool:
        """Whether apps see the session that views see."""
        return isinstance(self.inner, ServerSideSessionInterface)

    @cached_property
    def store(self) -> SessionStore:
        """Where the sessions of apps are: the site's own, or ours where those cannot be written."""
        kept = self.inner
        if not isinstance(kept, ServerSideSessionInterface):
            kept = file_sessions(self._folder("states"))
        return SessionStore(kept, self._folder("locks"), lambda: self._flask_app.permanent_session_lifetime)

    def alive(self, sid: str) -> bool:
        """Whether the session *sid* still exists; looked at, and prolonged, once in LOOK seconds."""
        now = time.monotonic()
        if now - self._looked.get(sid, -LOOK) < LOOK:
            return True
        if len(self._looked) > 10_000:
            self._looked.clear()
        if not self.store.touch(sid):
            return False
        self._looked[sid] = now
        return True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.inner, name)  # regenerate(), and whatever the site calls on its interface

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """See Flask."""
        if is_ours(request):
            return LazySession(lambda: self._open(app, request))
        try:
            session: SessionMixin | None = self._open(app, request)
            return session
        except StoreError as error:
            logger.error("%s: check the server of SESSION_TYPE %s", error, app.config.get("SESSION_TYPE"))
            return LazySession(lambda: self._open(app, request))  # fails again where it is looked at

    def _open(self, app: Flask, request: Request) -> Any:
        store = self.store  # before the first session is opened: it looks at each
        try:
            session: Any = self.inner.open_session(app, request)
        except Exception as error:  # each backend has its own kinds
            raise StoreError(f"the session storage fails: {type(error).__name__}: {error}") from error
        if self.shared:
            store.opened(session)
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """See Flask."""
        if isinstance(session, LazySession):
            self._save_lazy(app, session, response)
            return
        self.inner.save_session(app, session, response)
        for done in g.pop("htag_after_save", ()):
            done()
        if self.shared:
            self._tell_pool(session)

    def _save_lazy(self, app: Flask, session: LazySession, response: Response) -> None:
        delta = session.delta()
        if delta is not None and not self.shared:
            self.inner.save_session(app, session.opened, response)
        elif delta is not None and self.store.patch(session.opened.sid, delta):
            self._tell_pool(session.opened)

    def _tell_pool(self, session: Any) -> None:
        before = self.store.before(session)
        link = before.get(PREFIX)
        if link and not session:
            self._tell(Patched(link, "", None))
        elif link:
            put, drop = changes(before, session)
            values = {}
            for key, value in put.items():
                if not key.startswith(PREFIX):
                    try:
                        values[key] = pack(value)
                    except TypeError:
                        continue  # an object that only views can keep
            if values or drop or self.store.moved(session):
                self._tell(Patched(link, session.sid, Delta(values, drop)))

    @staticmethod
    def after_save(done: Callable[[], object]) -> None:
        """Calls *done* when the session of this request is stored."""
        g.setdefault("htag_after_save", []).append(done)
