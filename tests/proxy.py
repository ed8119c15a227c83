"""A TCP relay that misbehaves when asked: it cuts connections, refuses new ones, or holds back streams.

    with Proxy(server.port) as proxy:
        page.goto(proxy.url)
        proxy.cut()          # every open connection breaks, new ones are refused
        proxy.restore()

With hold_streams, it is the buffering proxy that a page must survive: answers pass, but the events of a
text/event-stream stay in it for ever.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, TypeVar

__all__ = ["Proxy"]

P = TypeVar("P", bound="Proxy")


class Proxy:
    """A relay on a port of its own to *port*; use as a context manager."""

    def __init__(self, port: int, *, hold_streams: bool = False) -> None:
        self.target = port
        self.hold_streams = hold_streams
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._closed = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self: P) -> P:
        self._accept_in_background()
        return self

    def passed(self, data: bytes, down: bool) -> bytes:
        """What is passed on of *data*, to the browser or (not *down*) from it."""
        return data

    def __exit__(self, *_: Any) -> None:
        self.cut()
        self._closed = True

    def cut(self) -> None:
        """Breaks what is open and refuses what is new."""
        _break(self._listener)
        with self._lock:
            broken, self._open = self._open, set()
        for connection in broken:
            _break(connection)

    def restore(self) -> None:
        """Relays again, at the same address."""
        self._listener = self._listen(self.port)
        self._accept_in_background()

    @staticmethod
    def _listen(port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        return listener

    def _accept_in_background(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:  # cut
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 10)
            except OSError:
                _break(near)
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
                if listener.fileno() == -1:  # cut meanwhile
                    _break(near)
                    _break(far)
            for source, sink, down in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._relay, args=(source, sink, down), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        held = False
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if down and self.hold_streams and b"text/event-stream" in data.split(b"\r\n\r\n")[0].lower():
                    held = True
                if not held:
                    sink.sendall(self.passed(data, down))
        with self._lock:
            self._open -= {source, sink}
        _break(source)
        _break(sink)


def _break(connection: socket.socket) -> None:
    """Ends a connection or a listener so that a thread waiting in it wakes up."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
