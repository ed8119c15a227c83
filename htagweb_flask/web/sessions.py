"""Flask's session and ours.

Flask opens a session before every request and Flask-Session writes it after every request, the requests of
our pages included: each click would pay for it, and write back a copy that is stale by then. So the site's
session interface is wrapped: for our own endpoints the session is opened when something looks at it (a login
guard, say), and what such a guard changes is merged into what is stored.
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from flask_session import Session
from flask_session.base import ServerSideSessionInterface

from ..protocol import Delta
from ..session import pack
from ..store import SessionStore, file_sessions

__all__ = ["LazySession", "Sessions", "fingerprint", "is_ours"]

logger = logging.getLogger(__name__)


def is_ours(request: Request) -> bool:
    """Whether *request* comes from the script of a page of ours (Flask opens sessions before it routes)."""
    return request.method == "POST" and ("X-Htag" in request.headers or "/_htag/" in request.path)


def fingerprint(sid: str) -> str:
    """A session id as it may stand in a page: it tells two sessions apart, and opens none."""
    return hashlib.sha256(sid.encode()).hexdigest()[:16]


class LazySession(SessionMixin):
    """The session of a request of ours: opened at the first look."""

    def __init__(self, flask_app: Flask, request: Request, interface: SessionInterface) -> None:
        self._open: Callable[[], Any] = lambda: interface.open_session(flask_app, request)
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
        """What this request has changed."""
        if self._opened is None or dict(self._opened) == self._before:
            return None
        now = dict(self._opened)
        put = {key: pack(value) for key, value in now.items() if self._before.get(key, self) != value}
        return Delta(put, [key for key in self._before if key not in now])

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
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.opened, name)


class Sessions(SessionInterface):
    """Stands in front of the session interface of a Flask app.

    What it stands for is decided at the first use: the configuration may come after the blueprint.
    """

    def __init__(self, flask_app: Flask, folder: Callable[[str], str]) -> None:
        self._flask_app = flask_app
        self._folder = folder
        self._given = flask_app.session_interface

    @cached_property
    def inner(self) -> SessionInterface:
        """The interface that views use."""
        flask_app = self._flask_app
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

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.inner, name)  # regenerate(), and whatever the site calls on its interface

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """See Flask."""
        if is_ours(request):
            return LazySession(app, request, self.inner)
        return self.inner.open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """See Flask."""
        if not isinstance(session, LazySession):
            self.inner.save_session(app, session, response)
            return
        delta = session.delta()
        if delta is None:
            return
        if self.shared:
            self.store.patch(session.opened.sid, delta)
        else:
            self.inner.save_session(app, session.opened, response)
