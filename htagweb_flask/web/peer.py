"""The browser at the other end of a request that waits: is it still there?"""

from __future__ import annotations

import _socket
import contextlib
import socket
from collections.abc import Mapping
from typing import Any

from ..brokers.base import Watch
from .seats import web_worker

__all__ = ["Peer", "PeerGone"]


STUCK = 60.0
"""Seconds after which a connection is given up whose other end takes nothing, or has gone without a word: its
thread and its seat would be taken for a quarter of an hour, or for ever. On Linux only."""


class PeerGone(Exception):
    """Nobody waits for this answer any more, or nobody should."""


class Peer(Watch):
    """The connection that a request came by, where the server shows it: gunicorn and Werkzeug give the
    socket, waitress a function. Elsewhere, one that is gone is noticed when something is sent."""

    def __init__(self, environ: Mapping[str, Any]) -> None:
        found = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
        self._socket = found if hasattr(socket, "MSG_DONTWAIT") else None
        if self._socket is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            with contextlib.suppress(OSError):  # a unix socket, as behind a proxy: it sees to that
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STUCK * 1000))
        self._disconnected = environ.get("waitress.client_disconnected")
        self._worker = web_worker()
        self.interval = 0.5 if self._disconnected else 1.0

    def fileno(self) -> int:
        """See :class:`Watch`."""
        try:
            return int(self._socket.fileno()) if self._socket is not None else -1
        except OSError:
            return -1

    def check(self) -> None:
        """See :class:`Watch`. Raises PeerGone when the browser has closed the connection, and when this
        process has been told to end: it waits for its requests."""
        if getattr(self._worker, "alive", True) is False:
            raise PeerGone("this web process ends")
        if self._disconnected and self._disconnected():
            raise PeerGone("the browser has gone")
        if self._socket is not None and _closed(self._socket):
            raise PeerGone("the browser has gone")


def _closed(sock: Any) -> bool:
    """Whether the other side has closed *sock*, of which nothing is taken."""
    raw = getattr(sock, "_sock", sock)  # gevent's own recv() would wait
    try:
        return not _socket.socket.recv(raw, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT)  # below TLS
    except (BlockingIOError, TimeoutError):
        return False
    except OSError:
        return True
