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
from ...protocol import VERSION, Decoder, Done, Hello, Message, encode, failure

__all__ = ["Connection", "Handler", "Listener"]

logger = logging.getLogger(__name__)


class Handler(Protocol):
    """What a listener serves."""

    def opened(self, connection: Connection, hello: Hello) -> None:
        """A peer has shown that it knows the secret."""

    def closed(self, connection: Connection) -> None:
        """The connection of an accepted peer has ended."""

    def handle(self, message: Message, reply: Callable[[Message], None]) -> None:
        """Answers *message* by calling *reply* once, from any thread. May raise any of our errors instead."""


class Connection:
    """One peer: reads frames in the thread of the loop, sends from any thread."""

    def __init__(self, sock: socket.socket, listener: Listener) -> None:
        self._sock = sock
        self._listener = listener
        self._decoder = Decoder()
        self._lock = threading.Lock()
        self._unsent = bytearray()
        self._welcome = False
        sock.setblocking(False)
        listener.loop.add_reader(sock.fileno(), self._read)

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
            self._listener.loop.call_soon_threadsafe(self._want_to_write)

    def _want_to_write(self) -> None:
        if self._sock.fileno() >= 0:
            self._listener.loop.add_writer(self._sock.fileno(), self._write)

    def _write(self) -> None:
        with self._lock:
            try:
                del self._unsent[: self._sock.send(self._unsent)]
            except BlockingIOError:
                return
            except OSError:
                self._unsent.clear()
            if not self._unsent:
                self._listener.loop.remove_writer(self._sock.fileno())

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
            self._serve(message)

    def _serve(self, message: Message) -> None:
        if not self._welcome:
            self._greet(message)
            return
        try:
            self._listener.handler.handle(message, self.send)
        except HtagError as error:
            self.send(failure(error))
        except Exception as error:
            logger.exception("a message failed")
            self.send(failure(error))

    def _greet(self, message: Message) -> None:
        secret = message.secret if isinstance(message, Hello) else ""
        if not isinstance(message, Hello) or not hmac.compare_digest(
            secret.encode(), self._listener.secret.encode()
        ):
            logger.warning("a connection without the secret was refused")
            self.close()
        elif message.version != VERSION:
            text = f"the pool speaks version {VERSION}, not {message.version}: restart it"
            self.send(failure(PoolError(text)))
        else:
            self._welcome = True
            self._listener.handler.opened(self, message)
            self.send(Done(os.getpid()))

    def close(self) -> None:
        """Closes the connection; what is unsent is lost."""
        with self._lock:
            if self._sock.fileno() < 0:
                return
            self._listener.loop.remove_reader(self._sock.fileno())
            self._listener.loop.remove_writer(self._sock.fileno())
            self._sock.close()
        self._listener.connections.discard(self)
        if self._welcome:
            self._listener.handler.closed(self)


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
        self.secret = secret
        self.handler = handler
        self.connections: set[Connection] = set()
        self._file = address_file(run_dir, name, kind)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file)  # of a dead predecessor
        self._sock = _bind_unix(self._file) if kind == "unix" else _bind_tcp(self._file)
        self._sock.setblocking(False)
        loop.add_reader(self._sock.fileno(), self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the peer has left, or no descriptor is free: it tries again
            sock, _ = self._sock.accept()
            self.connections.add(Connection(sock, self))

    def close(self) -> None:
        """Stops listening, closes every connection."""
        self.loop.remove_reader(self._sock.fileno())
        self._sock.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file)
        for connection in list(self.connections):
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
    with open(f"{path}.new", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(str(sock.getsockname()[1]))
    os.replace(f"{path}.new", path)
    return sock
