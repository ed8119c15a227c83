"""How many requests a web process may hold open: each takes a thread, or a connection, from all others."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

__all__ = ["Seats", "web_worker"]

SHARE = 0.5
"""Of the threads of a web process: the others are for pages and interactions."""

CONNECTIONS = 0.8
"""The same of the connections of a gevent worker, which cost little."""

UNKNOWN = 4
"""Of a server with threads that does not tell their number."""

PLENTY = 1000
"""Of a server that starts a thread, or a greenlet, for each request."""


def web_worker() -> Any:
    """gunicorn's worker in this process, or None: its signal handlers are methods of it."""
    worker = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return worker if hasattr(worker, "cfg") and hasattr(worker, "alive") else None


class Seats:
    """The requests that wait for something to say: streams, and polls. As many as *wanted*, or by default as
    the server can bear."""

    def __init__(self, wanted: int | None) -> None:
        self._wanted = wanted
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, environ: Mapping[str, Any]) -> bool:
        """Whether one more may wait. If so, :meth:`give` has to follow."""
        with self._lock:
            free = self._taken < self.count(environ)
            self._taken += free
        return free

    def give(self) -> None:
        """One of them has its answer."""
        with self._lock:
            self._taken -= 1

    def count(self, environ: Mapping[str, Any]) -> int:
        """How many there are."""
        return seats_of(environ) if self._wanted is None else self._wanted


def seats_of(environ: Mapping[str, Any]) -> int:
    """How many requests the server of *environ* can hold open without harm to the others."""
    worker = web_worker()
    if worker is not None and "gevent" in type(worker).__module__:
        return int(worker.cfg.worker_connections * CONNECTIONS)
    if "uwsgi.version" in environ:
        options = getattr(sys.modules.get("uwsgi"), "opt", {})
        if "gevent" in options:
            return int(int(options["gevent"]) * CONNECTIONS)
        return int(int(options.get("threads", 1)) * SHARE)
    if not environ.get("wsgi.multithread"):
        return 0  # whoever waits keeps everybody waiting
    if worker is not None:
        return int(worker.cfg.threads * SHARE)
    if "mod_wsgi.version" in environ:
        return int(getattr(sys.modules.get("mod_wsgi"), "threads_per_process", 2 * UNKNOWN) * SHARE)
    if str(environ.get("SERVER_SOFTWARE", "")).startswith("waitress"):
        return int(sum(thread.name.startswith("waitress-") for thread in threading.enumerate()) * SHARE)
    if "werkzeug.socket" in environ:
        return PLENTY
    return UNKNOWN
