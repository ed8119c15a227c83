"""Reaches a pool that is on threads of this web process.

The only file outside of ``pool/`` that imports from it, and it is imported itself only where HTAG_BROKER says
so: a web process has neither asyncio nor htag otherwise.
"""

from __future__ import annotations

import _socket
import atexit
import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import PoolError, from_wire
from ..pool.config import PoolConfig
from ..pool.inline import InlinePool
from ..protocol import EnsureWorker, Failure, Message
from .base import Broker, Slot, Watch
from .waiting import wait_readable

__all__ = ["InlineBroker"]

LAST = 2.0
"""Seconds that instances have for their ``on_destroy`` when the process ends."""

# Not that of gevent, whose sockets belong to the thread that has made them; Windows has only the other one.
_pair: Callable[[], tuple[Any, Any]] = getattr(_socket, "socketpair", socket.socketpair)


class _Reply:
    """The way of one reply: from whichever thread has it to the one that waits. That may be a greenlet, so
    what it waits for is a descriptor: the other end is closed when the reply is there."""

    def __init__(self) -> None:
        self._here, self._there = _pair()
        self._message: Message | None = None

    def __call__(self, message: Message) -> None:
        """The reply."""
        self._message = message
        self._there.close()

    def wait(self, timeout: float, watch: Watch | None = None) -> Message:
        """The reply. Raises TimeoutError, what *watch* raises, and what a Failure stands for."""
        try:
            wait_readable(self._here.fileno(), timeout, watch)
        finally:
            self._here.close()
        if isinstance(self._message, Failure):
            failed = self._message
            raise from_wire(failed.code, failed.text, failed.trace, failed.retry)
        if self._message is None:
            raise AssertionError("the descriptor of a reply can be read when there is one")
        return self._message


class InlineBroker(Broker):
    """See :class:`Broker`. *config* are the fields of a PoolConfig."""

    renews = False

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = PoolConfig(**config)
        self._pid = 0
        self._started: InlinePool | None = None
        self._starting = threading.Lock()

    @property
    def _pool(self) -> InlinePool:
        """The pool of this process: threads do not come along when it was forked from another."""
        if self._started is None or self._pid != os.getpid():
            with self._starting:
                if self._started is None or self._pid != os.getpid():
                    self._started, self._pid = InlinePool(self._config), os.getpid()
                    atexit.register(self._end, self._started, self._pid)
        return self._started

    @staticmethod
    def _end(pool: InlinePool, pid: int) -> None:
        if pid == os.getpid():
            reply = _Reply()
            with contextlib.suppress(TimeoutError, PoolError):
                pool.close(LAST, reply)
                reply.wait(LAST + 1)

    def call(self, slot: Slot, message: Message, timeout: float, watch: Watch | None = None) -> Message:
        """See :class:`Broker`."""
        self._pool.ensure(EnsureWorker(slot.name, slot.app, dict(slot.options)))
        reply = _Reply()
        self._pool.ask(slot.name, message, reply)
        try:
            return reply.wait(timeout, watch)
        except TimeoutError:
            raise PoolError(f"the app did not answer within {timeout:g} s") from None

    def tell(self, slot: Slot, message: Message) -> None:
        """See :class:`Broker`."""
        self._pool.ensure(EnsureWorker(slot.name, slot.app, dict(slot.options)))
        self._pool.ask(slot.name, message, _nobody)

    def pool(self, message: Message, timeout: float, start: bool = True) -> Message:
        """See :class:`Broker`. There always is one."""
        reply = _Reply()
        self._pool.ask("", message, reply)
        try:
            return reply.wait(timeout)
        except TimeoutError:
            raise PoolError(f"the pool did not answer within {timeout:g} s") from None


def _nobody(_: Message) -> None:
    """Takes a reply that is not waited for."""
