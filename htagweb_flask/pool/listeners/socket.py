"""Listens for web processes on a unix socket, or on loopback TCP where there are none.

Written on ``add_reader`` instead of asyncio's streams: a reply is sent by the thread that has it, usually an
instance's, without a detour through the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import Protocol

import msgspec

from ...errors import HtagError, PoolError
from ...placement import address_file
from ...private import write_private
from ...protocol import VERSION, Decoder, Done, Hello, Message, encode, failure
from .base import Messages, serve

__all__ = ["Connection", "Handler", "Listener"]

logger = logging.getLogger(__name__)


class Handler(Messages, Protocol):
    """What a listener serves."""

    def opened(self, connection: Connection, hello: Hello) -> None:
        """A peer has shown that it knows the secret."""

    def closed(self, connection: Connection) -> None:
        """The connection of an accepted peer has ended."""


class Connection:
    """One peer: reads frames in the thread of the loop, sends from any thread."""

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        serve: Callable[[Connection, Message], None],
        closed: Callable[[Connection], None],
    ) -> None:
        self.serve = serve
        self._sock = sock
        self.closed = closed
        self._loop = loop
        self._decoder = Decoder()
        self._lock = threading.Lock()
        self._unsent = bytearray()
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._read)

    def send(self, message: Message) -> None:
        """Sends *message*, at once as far as the socket takes it."""
        try:
            frame = encode(message)
        except (HtagError, TypeError, ValueError) as error:
            frame = encode(failure(error))
        with self._lock:
            if self._sock.fileno() < 0:
                return
            sent = 0
            if not self._unsent:
                with contextlib.suppress(OSError):  # full: later; broken: the reader notices
                    sent = self._sock.send(frame)
            if sent == len(frame):
                return
            self._unsent += frame[sent:]
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._want_to_write)

    def _want_to_write(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_writer(self._sock.fileno(), self._write)

    def _write(self) -> None:
        with self._lock:
            try:
                del self._unsent[: self._sock.send(self._unsent)]
            except BlockingIOError:
                return
            except OSError:
                self._unsent.clear()
            if not self._unsent:
                self._loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        try:
            data = self._sock.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            messages = self._decoder.feed(data)
        except (HtagError, msgspec.DecodeError) as error:
            logger.warning("a connection was closed: %s", error)
            self.close()
            return
        for message in messages:
            self.serve(self, message)

    def close(self) -> None:
        """Closes the connection; what is unsent is lost."""
        with self._lock:
            if self._sock.fileno() < 0:
                return
            self._loop.remove_reader(self._sock.fileno())
            self._loop.remove_writer(self._sock.fileno())
            self._sock.close()
        self.closed(self)


class Listener:
    """A listening socket in the run directory."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        run_dir: str,
        name: str,
        kind: str,
        secret: str,
        handler: Handler,
    ) -> None:
        self.loop = loop
        self._secret = secret
        self._handler = handler
        self._connections: set[Connection] = set()
        self._file = address_file(run_dir, name, kind)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file)  # of a dead predecessor
        self._sock = _bind_unix(self._file) if kind == "unix" else _bind_tcp(self._file)
        self._inode = os.stat(self._file).st_ino
        self._sock.setblocking(False)
        loop.add_reader(self._sock.fileno(), self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the peer has left, or no descriptor is free: it tries again
            sock, _ = self._sock.accept()
            self._connections.add(Connection(sock, self.loop, self._greet, self._connections.discard))

    def _greet(self, connection: Connection, message: Message) -> None:
        secret = message.secret if isinstance(message, Hello) else ""
        if not isinstance(message, Hello) or not hmac.compare_digest(secret.encode(), self._secret.encode()):
            logger.warning("a connection without the secret was refused")
            connection.close()
        elif message.version != VERSION:
            text = f"the pool speaks version {VERSION}, not {message.version}: restart it"
            connection.send(failure(PoolError(text)))
        else:
            connection.serve = self._serve
            connection.closed = self._welcome_closed
            self._handler.opened(connection, message)
            connection.send(Done(os.getpid()))

    def _serve(self, connection: Connection, message: Message) -> None:
        serve(self._handler, message, connection.send)

    def _welcome_closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._handler.closed(connection)

    def found(self) -> bool:
        """Whether the file by which it is reached is still there, and its own."""
        try:
            return os.stat(self._file).st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """Stops listening, closes every connection."""
        self.loop.remove_reader(self._sock.fileno())
        self._sock.close()
        if self.found():
            os.unlink(self._file)
        for connection in list(self._connections):
            connection.close()


def _bind_unix(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    former = os.umask(0o177)  # before bind: the file must never have been open to others
    try:
        sock.bind(path)
    finally:
        os.umask(former)
    sock.listen(1024)
    return sock


def _bind_tcp(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    sock.listen(1024)
    write_private(path, str(sock.getsockname()[1]))
    return sock
