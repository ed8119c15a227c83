"""What is wrong with how a site is served, as far as a request shows it: told in the log.

Once by each process, at the first page.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from cachelib.simple import SimpleCache
from flask.sessions import SessionInterface

__all__ = ["Checks", "in_process_memory", "patched"]

logger = logging.getLogger(__name__)

SSE = (
    "transport='sse' on a server that does one request at a time: pages get no stream there, and ask every 2 "
    "seconds. Use transport='auto', or a server that can do more (gunicorn -k gevent)"
)
MEMORY = (
    "sessions are in the memory of each web process, and there are several: users lose them at random. Set "
    "SESSION_TYPE='redis', or HTAG_SESSIONS='memory' for the memory of the pool, which all share"
)
HTTP2 = (
    "gunicorn speaks HTTP/2 here, and serves the streams of a connection one after the other: clicks wait "
    "for the page's own stream. Take h2 out of http_protocols, and let a proxy in front of gunicorn speak it"
)
PRELOAD = (
    "the site was imported before gevent patched Python's library: what it imports may block all requests of "
    "a worker. Start gunicorn without --preload"
)


def patched() -> bool:
    """Whether gevent has patched the library of this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("socket"))


_patched_at_import = patched()


def in_process_memory(sessions: SessionInterface) -> bool:
    """Whether *sessions* are kept where no other process sees them."""
    return isinstance(getattr(sessions, "cache", None), SimpleCache)


def _one_at_a_time(environ: Mapping[str, Any]) -> bool:
    # Under gevent, uWSGI does not say that it can do more.
    return not environ.get("wsgi.multithread") and not ("uwsgi.version" in environ and patched())


def _http2_in_gunicorn(environ: Mapping[str, Any]) -> bool:
    software = str(environ.get("SERVER_SOFTWARE", ""))
    return "gunicorn" in software and str(environ.get("SERVER_PROTOCOL", "")).startswith("HTTP/2")


class Checks:
    """Those of one process."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def look(self, environ: Mapping[str, Any], transport: str, sessions: SessionInterface) -> None:
        """Looks at the server of a request for a page with *transport*, and at where sessions are kept."""
        for text in _found(environ, transport, sessions):
            if text not in self._told:
                self._told.add(text)
                logger.warning("%s", text)


def _found(environ: Mapping[str, Any], transport: str, sessions: SessionInterface) -> Iterator[str]:
    if transport == "sse" and _one_at_a_time(environ):
        yield SSE
    if environ.get("wsgi.multiprocess") and in_process_memory(sessions):
        yield MEMORY
    if _http2_in_gunicorn(environ):
        yield HTTP2
    if patched() and not _patched_at_import:
        yield PRELOAD
