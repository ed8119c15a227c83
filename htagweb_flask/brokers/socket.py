"""Reaches the pool by unix sockets or loopback TCP, over connections that stay open.

A connection carries one request at a time, so a lock-free list of idle ones is all the bookkeeping there is.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from ..errors import Gone, PoolError, from_wire
from ..placement import POOL, SECRET, address_file
from ..protocol import Decoder, Done, EnsureWorker, Failure, Handshake, Hello, Message, Render, encode
from .base import Broker, Slot, Watch
from .teller import Teller
from .waiting import wait_readable

__all__ = ["Connection", "SocketBroker"]

ATTEMPTS = 3
"""A worker may die while it is called, once for what it was called for and once more by chance."""


NAMES = 128
"""Slots to which connections are kept. Where each session has one, there may be very many."""

SOON = 2.0
"""Seconds after which a page that could not be made may be asked for again: its process ends, or hangs."""

TELL = 5.0
"""Seconds until what has no reply must be on its way."""


class Connection:
    """An accepted connection to a process of the pool."""

    def __init__(self, run_dir: str, name: str, kind: str, server: int, guest: bool = False) -> None:
        """A *guest* does not keep the pool from leaving. Raises OSError when nobody listens, PoolError when
        the pool refuses us."""
        address = address_file(run_dir, name, kind)
        with open(os.path.join(run_dir, SECRET)) as file:
            secret = file.read()
        if kind == "unix":
            self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._decoder = Decoder()
        try:
            self._sock.settimeout(5)
            if kind == "unix":
                self._sock.connect(address)
            else:
                with open(address) as file:
                    self._sock.connect(("127.0.0.1", int(file.read())))
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reply = self.exchange(encode(Hello(secret, pid=0 if guest else os.getpid(), server=server)), 5)
            if isinstance(reply, Failure):
                raise from_wire(reply.code, reply.text)
        except BaseException:
            self.close()
            raise

    def exchange(self, frame: bytes, timeout: float, watch: Watch | None = None) -> Message:
        """Sends a frame and reads the reply. Raises OSError, or what *watch* raises; the connection is of no
        use after any error."""
        self.send(frame, timeout)
        while True:
            if watch:
                wait_readable(self._sock.fileno(), timeout, watch)
            data = self._sock.recv(262144)
            if not data:
                raise ConnectionResetError("the pool closed the connection")
            messages = self._decoder.feed(data)
            if messages:
                return messages[0]

    def send(self, frame: bytes, timeout: float) -> None:
        """Sends a frame that has no reply. Raises OSError, as :meth:`exchange` does."""
        self._sock.settimeout(timeout)
        self._sock.sendall(frame)

    def ended(self) -> bool:
        """Whether the other side has closed it."""
        self._sock.settimeout(0)
        try:
            return not self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Closes it."""
        self._sock.close()


class SocketBroker(Broker):
    """See :class:`Broker`. *start* is called to have a pool in *run_dir*, when there is none."""

    def __init__(
        self, run_dir: str, kind: str, server: int, start_timeout: float, start: Callable[[], None]
    ) -> None:
        self._run_dir = run_dir
        self._kind = kind
        self._server = server
        self._start_timeout = start_timeout
        self._start = start
        self._forget()

    def _forget(self) -> None:
        """Nothing is shared with the process that this one was forked from."""
        self._pid = os.getpid()
        self._idle: dict[str, deque[Connection]] = {}
        self._supervisor: Connection | None = None
        self._supervisor_lock = threading.Lock()
        self._teller: Teller | None = None

    def _after_fork(self) -> None:
        if self._pid != os.getpid():
            self._forget()

    def call(self, slot: Slot, message: Message, timeout: float, watch: Watch | None = None) -> Message:
        """See :class:`Broker`."""
        self._after_fork()
        frame = encode(message)
        if self._teller:
            frame = self._teller.take(slot.name) + frame
        for attempt in range(ATTEMPTS):
            connection = self._connect(slot, start=isinstance(message, Render | Handshake))
            try:
                reply = connection.exchange(frame, timeout, watch)
            except TimeoutError:
                connection.close()
                raise PoolError(f"the app did not answer within {timeout:g} s", retry=SOON) from None
            except (OSError, msgspec.DecodeError):
                connection.close()
                self._idle.pop(slot.name, None)  # its neighbours have ended with it
                if attempt + 1 == ATTEMPTS:
                    raise PoolError("the process of the app ends each time that it is called") from None
                continue
            except BaseException:  # a greenlet that is killed, a generator that is closed
                connection.close()
                raise
            self._keep(slot.name, connection)
            if isinstance(reply, Failure):
                raise from_wire(reply.code, reply.text, reply.trace, reply.retry)
            return reply
        raise AssertionError("unreachable")

    def tell(self, slot: Slot, message: Message) -> None:
        """See :class:`Broker`."""
        self._after_fork()
        if self._teller is None:
            self._teller = Teller(self._send)
        self._teller.tell(slot.name, encode(message))

    def _send(self, name: str, frames: bytes) -> None:
        connection = None
        try:
            connection = self._take(name) or Connection(self._run_dir, name, self._kind, 0)
            connection.send(frames, TELL)
        except (OSError, PoolError):
            if connection:
                connection.close()
        else:
            self._keep(name, connection)

    def _keep(self, name: str, connection: Connection) -> None:
        self._idle.setdefault(name, deque()).append(connection)
        if len(self._idle) > NAMES:
            for oldest in list(self._idle)[: NAMES // 2]:
                for idle in self._idle.pop(oldest, ()):
                    idle.close()

    def _take(self, name: str) -> Connection | None:
        with contextlib.suppress(KeyError, IndexError):
            return self._idle[name].pop()
        return None

    def _connect(self, slot: Slot, start: bool) -> Connection:
        idle = self._take(slot.name)
        if idle:
            return idle
        try:
            self._register()
            return Connection(self._run_dir, slot.name, self._kind, 0)
        except (FileNotFoundError, ConnectionRefusedError):
            if not start:  # its instances have ended with it, and this is about one of them
                raise Gone("the instance has ended") from None
        except OSError:
            pass
        for attempt in range(ATTEMPTS):
            if start:
                self._ensure(slot)
            try:
                return Connection(self._run_dir, slot.name, self._kind, 0)
            except OSError as error:  # it has just ended, which the supervisor has yet to see
                reason = error
            time.sleep(0.05 * 2**attempt)
        if not start and isinstance(reason, FileNotFoundError | ConnectionRefusedError):
            raise Gone("the instance has ended") from None
        raise PoolError(f"the process of the app cannot be reached: {reason}", retry=SOON)

    def _register(self) -> None:
        """Has a connection to the supervisor, by which the pool sees that this web process lives."""
        if self._supervisor is None or self._supervisor.ended():
            with self._supervisor_lock:
                if self._supervisor is None or self._supervisor.ended():
                    self._supervisor = Connection(self._run_dir, POOL, self._kind, self._server)

    def _ensure(self, slot: Slot) -> None:
        reply = self.pool(EnsureWorker(slot.name, slot.app, dict(slot.options)), self._start_timeout + 5)
        if not isinstance(reply, Done):
            raise PoolError(f"the supervisor replied {type(reply).__name__}")

    def pool(self, message: Message, timeout: float, start: bool = True) -> Message:
        """See :class:`Broker`."""
        self._after_fork()
        frame = encode(message)
        for _ in range(ATTEMPTS):
            try:
                reply = self._ask_supervisor(frame, timeout)
            except TimeoutError:
                raise PoolError(f"the pool did not answer within {timeout:g} s", retry=SOON) from None
            except (OSError, msgspec.DecodeError) as error:
                self._idle.pop(POOL, None)
                if not start:
                    raise PoolError(f"the pool cannot be reached: {error}") from None
                self._start()
                continue
            if isinstance(reply, Failure):
                raise from_wire(reply.code, reply.text, reply.trace, reply.retry)
            return reply
        raise PoolError("the pool ends each time that it is started (see the server's log)")

    def _ask_supervisor(self, frame: bytes, timeout: float) -> Message:
        self._register()
        connection = self._take(POOL) or Connection(self._run_dir, POOL, self._kind, self._server)
        try:
            reply = connection.exchange(frame, timeout)
        except BaseException:
            connection.close()
            raise
        self._keep(POOL, connection)
        return reply
