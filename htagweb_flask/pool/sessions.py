"""The sessions of a worker, and the way of their changes to the store and to the workers of other apps."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection

from ..protocol import Changed, Company, Done, Message, Patched, Render, Saved
from .client import Reply
from .live_session import LiveSession

__all__ = ["Sessions"]

BACKGROUND = 0.4
"""Seconds between two looks for sessions that a background task has changed: they are stored within 1 s."""


class Sessions:
    """Lives in the thread of the worker."""

    def __init__(self, slot: str, end: Callable[[str], None]) -> None:
        """*end* ends the instances of a session."""
        self.tell: Callable[[Message], None] | None = None
        """Sends a message to the supervisor."""
        self._slot = slot
        self._end = end
        self._sessions: dict[str, LiveSession] = {}
        self._company = False
        self._telling: dict[int, Reply] = {}  # who waits until the others know
        self._ids = itertools.count(1)
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(BACKGROUND, self._store_background)

    def of(self, message: Render) -> LiveSession:
        """The session of a page, which brings along what is stored."""
        session = self._sessions.get(message.link)
        if session is None:
            session = self._sessions[message.link] = LiveSession(message.link, message.sid, message.session)
            session.shared = self._company
        else:
            session.refresh(message.sid, message.session, message.loaded)
        return session

    def current(self, link: str, sid: str) -> str:
        """See :meth:`LiveSession.current`; empty when it is not here."""
        session = self._sessions.get(link)
        return session.current(sid) if session else ""

    def settled(self) -> bool:
        """Whether all is stored."""
        return all(session.settled() for session in self._sessions.values())

    def keep(self, used: Collection[str]) -> None:
        """Forgets those of which all is stored, but for the *used* ones."""
        for link, session in list(self._sessions.items()):
            if link not in used and session.settled():
                del self._sessions[link]

    def told(self, message: Message) -> None:
        """The supervisor says something about sessions."""
        if isinstance(message, Saved):
            self.saved(message, _nobody)
        elif isinstance(message, Done):
            self._telling.pop(message.pid, _nobody)(Done())
        elif isinstance(message, Patched | Company):
            if isinstance(message, Patched):
                self._patched(message)
            else:
                self._has_company()
            if self.tell and message.id:
                self.tell(Done(message.id))

    def saved(self, message: Saved, reply: Reply) -> None:
        """A delta is stored, or could not be. Replies when the workers of other apps know."""
        session = self._sessions.get(message.link)
        delta = session.saved(message.number, message.ok) if session else None
        if not delta or not self.tell or not self._company:
            reply(Done())
            return
        patched = Patched(message.link, "", delta, next(self._ids), self._slot)
        if message.wait:
            self._telling[patched.id] = reply
        self.tell(patched)

    def _has_company(self) -> None:
        self._company = True
        for session in self._sessions.values():
            session.shared = True

    def _patched(self, message: Patched) -> None:
        session = self._sessions.get(message.link)
        if session is None:
            return
        if message.delta is not None:
            session.patched(message.sid, message.delta)
        elif message.sid in ("", session.sid):
            self._end(message.link)
            del self._sessions[message.link]  # nothing of it is stored any more

    def _store_background(self) -> None:
        self.store()
        self._loop.call_later(BACKGROUND, self._store_background)

    def store(self) -> None:
        """Has stored what background tasks have changed, and what came to no end."""
        for link, session in list(self._sessions.items()):
            delta = session.background()
            if delta and self.tell:
                self.tell(Changed(self._slot, link, session.sid, delta))


def _nobody(_: Message) -> None:
    """Takes a reply that is not waited for."""
