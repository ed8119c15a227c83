"""Loops of asyncio: that of a process, and that of a thread, as each instance has one."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["LoopThread", "loop_thread", "patched", "run"]


def run(work: Coroutine[Any, Any, None]) -> None:
    """As ``asyncio.run()``, in a loop that has ``add_reader()``, which the usual one of Windows has not."""
    loop = asyncio.SelectorEventLoop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(work)
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class LoopThread:
    """Calls *main* in a thread, where :attr:`loop` is the loop; *main* has to close it."""

    def __init__(self, name: str, main: Callable[[], None]) -> None:
        self.name = name
        self._main = main
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def ident(self) -> int:
        """The system's own number of the thread, as in ``sys._current_frames()``; 0 before it runs."""
        return self._thread.ident or 0

    def start(self) -> None:
        """Begins. Once."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it has begun, and not ended."""
        return self._thread.is_alive()

    def join(self, timeout: float) -> bool:
        """Waits until it has ended, at most *timeout* seconds. Returns whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def wake(self, error: type[BaseException]) -> None:
        """Raises *error* where the thread waits for something, if it is of a kind that allows it."""

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self._main()


def patched() -> bool:
    """Whether gevent has patched the library of this process."""
    monkey = sys.modules.get("gevent.monkey")
    return bool(monkey and any(map(monkey.is_module_patched, ("threading", "select", "socket"))))


def loop_thread(name: str, main: Callable[[], None]) -> LoopThread:
    """A thread of the kind that this process needs, not started yet."""
    if patched():
        kind: type[LoopThread] = importlib.import_module(".green", __package__).GreenThread
        return kind(name, main)
    return LoopThread(name, main)
