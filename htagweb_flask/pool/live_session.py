"""A session inside a worker: its data, shared by all instances of the session, and its changes on their way
to the store.

Web processes store what changed. One delta at a time is on its way, as two web processes could store two in
any order; and what answers a user waits for it, so that nothing a user has seen is lost.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from ..protocol import Delta
from ..session import Snapshot

__all__ = ["LiveSession"]

logger = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds after which a delta that nobody says anything about is taken for lost, with the web process."""

Send = Callable[["Delta | None"], None]


class LiveSession:
    """One session in one worker. Its methods may be called from any thread."""

    def __init__(self, link: str, sid: str, packed: bytes) -> None:
        self.link = link
        self.sid = sid
        self.data = Snapshot(packed)
        self._lock = threading.Lock()
        self._number = 0
        self._flying: Delta | None = None
        self._since = 0.0
        self._waiting: deque[Send] = deque()

    def settle(self, send: Send) -> None:
        """Calls *send* when all changes made so far are stored, but for those in the delta it is given."""
        with self._lock:
            if self._flying:
                self._waiting.append(send)
                return
            delta = self._take()
        send(delta)

    def _take(self) -> Delta | None:
        try:
            delta = self.data.delta()
        except (RuntimeError, KeyError):  # the app is changing it right now: the next time has it
            return None
        if delta:
            self._number += 1
            delta.number = self._number
            self._flying, self._since = delta, time.monotonic()
        return delta

    def saved(self, number: int, ok: bool) -> None:
        """The delta *number* is stored, or (not *ok*) has to be stored again."""
        ready: list[tuple[Send, Delta | None]] = []
        with self._lock:
            if self._flying is None or self._flying.number != number:
                return
            if not ok:
                self.data.lost(self._flying)
            self._flying = None
            while self._waiting and not self._flying:
                ready.append((self._waiting.popleft(), self._take()))
        for send, delta in ready:
            send(delta)

    def background(self) -> Delta | None:
        """The changes that no answer has taken along, for who stores them without a request."""
        with self._lock:
            if self._flying is None:
                return self._take()
            if time.monotonic() - self._since < PATIENCE:
                return None
            number = self._flying.number
        logger.warning("nobody has stored changes of a session: they are offered again")
        self.saved(number, ok=False)
        return None

    def patched(self, sid: str, delta: Delta) -> None:
        """A view has stored *delta*; the session's id may be new."""
        with self._lock:
            self.sid = sid
            self.data.patch(delta)

    def refresh(self, sid: str, packed: bytes) -> None:
        """*packed* is what is stored now."""
        with self._lock:
            self.sid = sid
            if self._flying is None:  # else the store may be older than what we know
                with contextlib.suppress(RuntimeError, KeyError):  # the app is changing it right now
                    self.data.refresh(packed)
