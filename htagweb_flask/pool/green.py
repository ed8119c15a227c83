"""Threads in a process whose library gevent has patched: the only file of the pool that imports gevent.

There a thread of ``threading`` is a greenlet, and a loop waits in the hub of the thread that has made it. So
the thread is a real one, with a hub of its own, and makes its loop itself. What the app's code waits for then
lets that hub run, and the app's own threads are greenlets of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import gevent
from gevent.monkey import get_original

from .loops import LoopThread

__all__ = ["GreenThread"]

LEFT = 0.5
"""Seconds that greenlets which an app has left behind have to end, before their hub is destroyed."""

_start_new_thread = get_original("_thread", "start_new_thread")
_allocate_lock = get_original("_thread", "allocate_lock")
_get_ident = get_original("_thread", "get_ident")


class _Gate:
    """Real threads wait at it until it is opened."""

    def __init__(self) -> None:
        self._lock = _allocate_lock()
        self._lock.acquire()

    def open(self) -> None:
        self._lock.release()

    def wait(self, timeout: float = -1) -> bool:
        """Whether it is open. For at most *timeout* seconds (-1: for ever)."""
        opened: bool = self._lock.acquire(True, timeout)
        if opened:
            self._lock.release()
        return opened


class GreenThread(LoopThread):
    """See :class:`LoopThread`."""

    def __init__(self, name: str, main: Callable[[], None]) -> None:
        self.name = name
        self._main = main
        self._ident = 0
        self._hub: Any = None
        self._waking = False
        self._error: BaseException | None = None
        self._made, self._begun, self._over = _Gate(), _Gate(), _Gate()
        self._started = False
        _start_new_thread(self._live, ())
        self._made.wait()
        if self._error:
            raise self._error

    @property
    def ident(self) -> int:
        """See :class:`LoopThread`."""
        return self._ident

    def start(self) -> None:
        """See :class:`LoopThread`."""
        self._started = True
        self._begun.open()

    def is_alive(self) -> bool:
        """See :class:`LoopThread`."""
        return self._started and not self._over.wait(0)

    def join(self, timeout: float) -> bool:
        """See :class:`LoopThread`."""
        return self._over.wait(max(0.0, timeout))

    def wake(self, error: type[BaseException]) -> None:
        """See :class:`LoopThread`."""
        if not self._waking:
            self._waking = True
            with contextlib.suppress(Exception):  # it has just ended, and its hub with it
                self._hub.loop.run_callback_threadsafe(self._throw, error)

    def _throw(self, error: type[BaseException]) -> None:
        self._waking = False
        self._hub.parent.throw(error)

    def _live(self) -> None:
        self._ident = _get_ident()
        try:
            self._hub = gevent.get_hub()
            self.loop = asyncio.new_event_loop()
        except BaseException as error:  # no descriptor is free
            self._error = error
            self._made.open()
            return
        self._made.open()
        self._begun.wait()
        try:
            self._run()
        finally:
            self._hub.join(LEFT)  # else its greenlet would stay in memory
            self._hub.destroy(destroy_loop=True)
            self._over.open()
