"""Flask's session and ours.

Flask opens a session before every request and Flask-Session writes it after every request, the requests of
our pages included: each click would pay for it, and write back a copy that is stale by then. So the site's
session interface is wrapped: for our own endpoints the session is opened when something looks at it (a login
guard, say); what any request changes is merged into what is stored then, and told to the pool.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NoReturn

from flask import Flask, Request, Response, g
from flask import session as flask_session
from flask.globals import request_ctx
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from flask_session import Session
from flask_session.base import ServerSideSessionInterface

from ..errors import HtagError, StoreError
from ..protocol import Delta, Patched
from ..session import PREFIX, pack
from ..store import SessionStore, changes, file_sessions
from .guard import guard_cookie
from .lazy_session import LazySession, is_ours

__all__ = ["Sessions"]

logger = logging.getLogger(__name__)

LOOK = 30.0
"""Seconds between two looks of a web process whether a session still exists: a quarter of the lifetime of
sessions (PERMANENT_SESSION_LIFETIME), and not more than this."""

REPORT = 5.0
"""Seconds between two lines in the log about a storage that fails."""

USED = 100_000
"""Sessions of which a web process knows when it has given them their cookie."""

_LINK = "_htag_link"
"""Attribute of a session in a cookie: the link that the request began with."""


class Sessions(SessionInterface):
    """Stands in front of the session interface of a Flask app.

    What it stands for is decided at the first use: the configuration may come after the blueprint.
    """

    def __init__(
        self,
        flask_app: Flask,
        folder: Callable[[str], str],
        chosen: Callable[[], ServerSideSessionInterface | None],
        tell: Callable[[Patched], None],
    ) -> None:
        self._flask_app = flask_app
        self._folder = folder
        self._chosen = chosen
        self._tell = tell
        self._given = flask_app.session_interface
        self._looked: dict[tuple[str, bool], float] = {}
        self._used: dict[str, float] = {}
        self._reported = -REPORT

    @cached_property
    def inner(self) -> SessionInterface:
        """The interface that views use."""
        found = self._find()
        guard_cookie(found)
        return found

    def _find(self) -> SessionInterface:
        flask_app = self._flask_app
        chosen: SessionInterface | None = self._chosen()
        if chosen is not None:
            return chosen
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
                "flask.session. For one session in both, set HTAG_SESSIONS, or SESSION_TYPE of Flask-Session"
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

    def alive(self, sid: str, prolong: bool) -> bool:
        """Whether the session *sid* still exists; looked at from time to time. What a user does has to
        *prolong* it, the polls of a page that is merely open must not."""
        now = time.monotonic()
        pause = min(LOOK, self._flask_app.permanent_session_lifetime.total_seconds() / 4)
        if now - self._looked.get((sid, prolong), -pause) < pause:
            return True
        if len(self._looked) > 10_000:
            self._looked.clear()
        found = self.store.touch(sid) if prolong else self.store.load(sid) is not None
        if self.shared and not found:
            return False
        self._looked[sid, prolong] = now
        return True

    def used(self, sid: str) -> None:
        """Its user does something in an open page: the cookie of the session must not expire meanwhile."""
        now = time.monotonic()
        since = self._used.setdefault(sid, now)
        if now - since > self._flask_app.permanent_session_lifetime.total_seconds() / 4:
            self._used[sid] = now
            g.htag_renew_cookie = True
        if len(self._used) > USED:
            del self._used[next(iter(self._used))]

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
            self.report(error)
            return LazySession(partial(_fail, error))  # whoever looks at it

    def _open(self, app: Flask, request: Request) -> Any:
        began = time.monotonic()
        try:
            store = self.store  # before the first session is opened: it looks at each
            session: Any = self.inner.open_session(app, request)
        except StoreError:
            raise
        except Exception as error:  # each backend has its own kinds
            raise StoreError(f"the session storage fails: {type(error).__name__}: {error}") from error
        if self.shared:
            store.opened(session, began)
        elif isinstance(session, dict):
            setattr(session, _LINK, dict.get(session, PREFIX))
        return session

    def report(self, error: Exception) -> None:
        """Writes to the log why sessions are not available, and what to do; now and then, while it lasts."""
        now = time.monotonic()
        if now - self._reported > REPORT:
            self._reported = now
            cure = ""
            with contextlib.suppress(StoreError):
                cure = f": {self.store.cure}"
            logger.error("%s%s", error, cure)

    def adopt(self) -> None:
        """The session of this request, which has just begun, was opened by the interface behind this one."""
        if self.shared:
            self.store.opened(flask_session._get_current_object())  # type: ignore[attr-defined]

    def reopen(self) -> None:
        """The session of this request was opened by the interface in whose place this one stands now."""
        if self.inner is not self._given:
            context: Any = request_ctx._get_current_object()  # type: ignore[attr-defined]
            name = "_session" if hasattr(context, "_session") else "session"  # before Flask 3.1.3
            former, fresh = getattr(context, name), self.open_session(self._flask_app, context.request)
            if fresh is not None:
                fresh.update(former)
                setattr(context, name, fresh)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """See Flask."""
        if g.pop("htag_forget", False):
            self._forget(app, response)
            return
        if isinstance(session, LazySession):
            if session.changed():
                self._save_lazy(app, session, response)
            elif g.pop("htag_renew_cookie", False):
                self._renew_cookie(app, session, response)
            return
        try:
            self.inner.save_session(app, session, response)
            for done in g.pop("htag_after_save", ()):
                done()
        except HtagError as error:
            self._failed(error, response)
        else:
            self._tell_pool(session)

    def _failed(self, error: HtagError, response: Response) -> None:
        if isinstance(error, StoreError):
            self.report(error)
        page: Response | None = g.htag_failed(error) if "htag_failed" in g else None
        if page is None:
            raise error
        response.status_code = page.status_code
        response.set_data(page.get_data())
        response.headers.pop("Set-Cookie", None)

    def _save_lazy(self, app: Flask, session: LazySession, response: Response) -> None:
        opened = session.opened
        if not self.shared:
            self.inner.save_session(app, opened, response)
        elif not opened:
            self.store.delete(opened.sid)
        else:
            self.store.patch(opened.sid, session.delta())
        self._tell_pool(opened)

    def _renew_cookie(self, app: Flask, session: LazySession, response: Response) -> None:
        with contextlib.suppress(StoreError):  # next time
            opened = session.opened
            if not opened or not self.inner.should_set_cookie(app, opened):
                return
            if self.store.load(opened.sid) is not None:  # else the browser has been given a newer one
                self.inner.save_session(app, opened, response)

    def _forget(self, app: Flask, response: Response) -> None:
        """This browser begins anew; the session stays with whom it belongs to."""
        name, domain, path = self.get_cookie_name(app), self.get_cookie_domain(app), self.get_cookie_path(app)
        response.delete_cookie(
            name,
            path,
            domain,
            secure=self.inner.get_cookie_secure(app),
            httponly=self.get_cookie_httponly(app),
            samesite=self.inner.get_cookie_samesite(app),
        )

    def _tell_pool(self, session: Any) -> None:
        """Tells it what this request has changed. Who empties a session ends it, even if something is put
        into it then: at a login, the instances of the former user must not be found again."""
        before = self.store.before(session) if self.shared else {PREFIX: getattr(session, _LINK, None)}
        link = before.get(PREFIX)
        if not link:
            return
        if dict.get(session, PREFIX) != link:
            self._tell(Patched(link, "", None))
            if not self.shared:
                self.store.delete(link)
        elif self.shared:
            delta = _delta(before, session)
            if delta.put or delta.drop or self.store.moved(session):
                self._tell(Patched(link, session.sid, delta))

    @staticmethod
    def after_save(done: Callable[[], object]) -> None:
        """Calls *done* when the session of this request is stored."""
        g.setdefault("htag_after_save", []).append(done)


def _delta(before: dict[str, Any], after: Any) -> Delta:
    """The changes that concern apps."""
    put, drop = changes(before, after)
    values = {}
    for key, value in put.items():
        if not key.startswith(PREFIX):
            try:
                values[key] = pack(value)
            except TypeError:
                continue  # an object that only views can keep
    return Delta(values, drop)


def _fail(error: Exception) -> NoReturn:
    raise error
