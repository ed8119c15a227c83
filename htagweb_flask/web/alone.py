"""Live pages in the web process itself need it to be the only one of its site."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import IO, Any

from ..errors import PoolError
from ..locks import lock

__all__ = ["claim"]

PATIENCE = 5.0
"""Seconds that a process which ends, as the server was told to reload, has to make place for the next one."""

PAUSE = 0.05
"""Seconds between two attempts."""

CURE = (
    "HTAG_BROKER='inline' keeps live pages in the web process, so there may be one only: give it threads "
    "(gunicorn -w 1 -k gthread --threads 50), or leave HTAG_BROKER out where processes may be started"
)

_claimed: dict[str, tuple[int, IO[str]]] = {}  # by this process (its pid), until it ends


def claim(environ: Mapping[str, Any], path: str) -> None:
    """Returns when this process is the only one that serves the site whose file is *path*. Raises PoolError
    when the server of *environ* has several, or another process has been here before."""
    if environ.get("wsgi.run_once"):
        raise PoolError(f"each request has a process of its own here (CGI). {CURE}")
    if environ.get("wsgi.multiprocess") and not _says_so_always(environ):
        raise PoolError(f"this server has several web processes. {CURE}")
    if _claimed.get(path, (0, None))[0] == os.getpid():
        return
    file = open(path, "a+")  # noqa: SIM115 - it is kept open
    until, other = time.monotonic() + PATIENCE, ""
    while not lock(file):
        if time.monotonic() > until:
            with file, contextlib.suppress(OSError):  # Windows lets nobody else read it
                file.seek(0)
                other = file.read().strip()
            raise PoolError(f"another process ({other}) serves this site already. {CURE}")
        time.sleep(PAUSE)
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    _claimed[path] = os.getpid(), file


def _says_so_always(environ: Mapping[str, Any]) -> bool:
    """Whether the server claims to have several processes even if it has one: the file tells."""
    software = str(environ.get("SERVER_SOFTWARE", "")).lower()
    return "passenger" in software or "mod_wsgi.version" in environ
