"""Stores what apps change in sessions while no request waits: background tasks have no request of their own.

One web process of a server does it for all, in a thread.
"""

from __future__ import annotations

import logging
import os
import threading
import time

from ..brokers.base import Broker
from ..errors import HtagError, PoolError
from ..protocol import Changed, Changes, Collect, Patched, Saved
from .launch import elected
from .sessions import Sessions

__all__ = ["Collector"]

logger = logging.getLogger(__name__)

WAIT = 5.0
"""Seconds of one look for changes, and how soon another process takes over from one that has ended."""

PAUSE = 1.0
"""Seconds until the next attempt when something fails."""

CLEAN = 3600.0
"""Seconds between two removals of expired session files."""


class Collector:
    """The thread of one web process, which works when it is elected."""

    def __init__(self, broker: Broker, sessions: Sessions, run_dir: str) -> None:
        self._broker = broker
        self._sessions = sessions
        self._lock = os.path.join(run_dir, "collect.lock")
        self._missing: set[tuple[str, str]] = set()  # sessions that were not found
        self._pid = 0

    def start(self) -> None:
        """Has the thread running in this process, also after a fork."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._run, name="htag-collector", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                with elected(self._lock) as mine:
                    if mine:
                        self._collect()
            except FileNotFoundError:
                return  # the folder is gone: this server ends
            except OSError:
                pass  # there is no room in it: pages say so
            except Exception:
                logger.exception("the changes of background tasks were not collected: again in a second")
            time.sleep(PAUSE)

    def _collect(self) -> None:
        saved: list[tuple[str, Saved]] = []
        cleaned = time.monotonic() - CLEAN
        while True:
            try:
                reply = self._broker.pool(Collect(WAIT, saved), WAIT + 10, start=False)
                saved = self._store(reply) if isinstance(reply, Changes) else []
                if time.monotonic() - cleaned > CLEAN:
                    cleaned = time.monotonic()
                    self._sessions.store.clean()
            except PoolError:
                return  # no pool, nothing to collect
            except HtagError as error:
                logger.error("%s", error)

    def _store(self, changes: Changes) -> list[tuple[str, Saved]]:
        done, failure = [], None
        for change in changes.changes:
            ok = False
            try:
                ok = self._sessions.store.patch(
                    change.sid, change.delta, not self._sessions.shared, prolong=False
                )
                if not ok:
                    self._missed(change)
            except HtagError as error:
                failure = error
            done.append((change.slot, Saved(change.link, change.delta.number, ok)))
        if failure:
            self._sessions.report(failure)
            time.sleep(PAUSE)  # they are offered again at once
        return done

    def _missed(self, change: Changed) -> None:
        """There is no such session: a view is giving it a new id right now, or it has ended."""
        missing = (change.link, change.sid)
        if missing in self._missing:
            self._broker.pool(Patched(change.link, change.sid, None), WAIT)
        self._missing ^= {missing}
