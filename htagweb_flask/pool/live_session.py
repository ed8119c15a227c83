"""A session inside a worker: its data, shared by all instances of the session, and its changes on their way
to the store.

Web processes store what changed. One delta at a time is on its way, as two web processes could store two in
any order; and what answers a user waits for it, so that nothing a user has seen is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from ..protocol import Delta
from ..session import Snapshot

__all__ = ["LiveSession"]

logger = logging.getLogger(__name__)

PATIENCE = 3.0
"""Seconds after which a delta that nobody says anything about is taken for lost, with the web process."""

MARGIN = 0.5
"""Seconds before that in which nobody begins to store it any more."""

ON_ITS_WAY = 10.0
"""Seconds that a request may be on its way which was sent under a former id of the session. After that, who
knows that id only is somebody else."""

LOOKS = 200
"""How often a session is looked at that is changed by its app at the same time."""

Send = Callable[["Delta | None"], None]
T = TypeVar("T")


class LiveSession:
    """One session in one worker. Its methods may be called from any thread."""

    def __init__(self, link: str, sid: str, packed: bytes) -> None:
        self.link = link
        self.sid = sid
        self.data = Snapshot(packed)
        self.shared = False  # whether other workers may hold it
        self.answered = False  # whether a first page has been: a new session is stored with it
        self._lock = threading.Lock()
        self._number = time.monotonic_ns()  # what was meant for a predecessor must not be taken for its own
        self._flying: Delta | None = None
        self._waiting: deque[Send] = deque()
        self._stored: dict[str, float] = {}  # when a key was stored last, as far as is known here
        self._moved = -ON_ITS_WAY  # when the session got its id

    # ---- what changes here -------------------------------------------------------------------------------

    def settle(self, send: Send) -> None:
        """Calls *send* when all changes made so far are stored, but for those in the delta it is given."""
        with self._lock:
            if self._flying:
                self._waiting.append(send)
                return
            delta = self._take()
        send(delta)

    def _take(self) -> Delta | None:
        delta = _while_it_changes(self.data.delta)
        if delta:
            self._number += 1
            delta.shared = self.shared
            delta.number, delta.until = self._number, time.monotonic() + PATIENCE - MARGIN
            self._flying = delta
        return delta

    def saved(self, number: int, ok: bool) -> Delta | None:
        """The delta *number* is stored (it is returned, once), or (not *ok*) has to be stored again."""
        ready: list[tuple[Send, Delta | None]] = []
        with self._lock:
            delta = self._flying
            if delta is None or delta.number != number:
                return None
            if ok:
                self._note(delta)
            else:
                self.data.lost(delta)
            self._flying = None
            while self._waiting and not self._flying:
                ready.append((self._waiting.popleft(), self._take()))
        for send, next_delta in ready:
            send(next_delta)
        return delta if ok else None

    def background(self) -> Delta | None:
        """The changes that no answer has taken along, for who stores them without a request."""
        with self._lock:
            if not self.answered:
                return None
            if self._flying is None:
                return self._take()
            if time.monotonic() < self._flying.until + MARGIN:
                return None
            number = self._flying.number
        logger.warning("nobody has stored changes of a session: they are offered again")
        self.saved(number, ok=False)
        return None

    def settled(self) -> bool:
        """Whether all is stored."""
        with self._lock:
            return self._flying is None and not _while_it_changes(self.data.changed)

    # ---- what changes elsewhere --------------------------------------------------------------------------

    def patched(self, sid: str, delta: Delta) -> None:
        """Others have stored *delta*; the session's id may be new."""
        with self._lock:
            if sid and sid != self.sid:
                self.sid, self._moved = sid, time.monotonic()
            _while_it_changes(lambda: self.data.patch(delta))
            self._note(delta)

    def current(self, sid: str) -> str:
        """Its id for a request that was sent under *sid*; empty when that is too long ago."""
        with self._lock:
            known = sid == self.sid or time.monotonic() - self._moved < ON_ITS_WAY
            return self.sid if known else ""

    def refresh(self, sid: str, packed: bytes, loaded: float) -> None:
        """*packed* was stored at the time *loaded*. What has been stored since is not taken back."""
        with self._lock:
            if loaded > self._moved and sid != self.sid:
                self.sid, self._moved = sid, loaded
            later = {key for key, at in self._stored.items() if at >= loaded}
            if self._flying:
                later.update(_keys(self._flying))
            _while_it_changes(lambda: self.data.refresh(packed, later))

    def _note(self, delta: Delta) -> None:
        self._stored.update(dict.fromkeys(_keys(delta), time.monotonic()))


def _keys(delta: Delta) -> list[str]:
    return [*delta.put, *delta.drop, *delta.inside]


def _while_it_changes(look: Callable[[], T]) -> T | None:
    """The result of *look*, which fails when the app changes the session at the same moment: once more."""
    for _ in range(LOOKS):
        try:
            return look()
        except (RuntimeError, KeyError):
            time.sleep(0.0005)  # the thread of the app goes on
    logger.warning("an app changes its session without a pause: it is stored later")
    return None
