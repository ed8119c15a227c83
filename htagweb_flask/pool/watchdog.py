"""What is done about code of apps that does not come to its end.

A loop that does not react is found by the worker, whose thread runs no app code: it ends the instance and
interrupts its thread. An interaction that awaits for too long is found in the loop of the instance itself.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import logging
import math
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import FrameType
from typing import Protocol, TypeVar

from ..errors import HtagError
from .loops import LoopThread

__all__ = ["Hung", "Overdue", "Watchdog", "in_time", "pace", "sign_of_life"]

logger = logging.getLogger(__name__)

AGAIN, TRIES = 0.02, 100
"""Seconds between two interrupts of a thread, and how many there are until it counts as stuck."""

CANCEL_AGAIN, CANCELS = 1.0, 5
"""The same for a task that is cancelled: it may have to clean up."""

LONGEST = 5.0
"""Seconds between two looks at most."""

_GUARDED = {"importlib", "_frozen_importlib", __package__.partition(".")[0]}
_LOCKING = {"acquire", "release", "_acquireLock", "_releaseLock"}

Reply = TypeVar("Reply")


class Hung(BaseException):
    """Raised in a thread that does not react, wherever it is. Not an Exception, which apps catch."""


class Overdue(HtagError):
    """An interaction has taken too long, and was cancelled."""


def pace(timeout: float) -> tuple[float, int]:
    """Seconds between two looks, and how many in a row may be without an answer. Looks are counted, not
    seconds: who looks may have been stopped, too, with all of the machine."""
    interval = min(max(timeout / 4, 0.05), LONGEST)
    return interval, math.ceil(timeout / interval)


# ---- awaiting for too long ---------------------------------------------------------------------------------


class _Clock:
    """Cancels the current task when it has shown nothing for some seconds."""

    def __init__(self, seconds: float, hopeless: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._seconds = seconds
        self._hopeless = hopeless
        self._until = 0.0
        self.rung = 0
        self.prolong()
        self._timer = self._loop.call_at(self._until, self._ring)

    def prolong(self) -> None:
        self._until = self._loop.time() + self._seconds

    def stop(self) -> None:
        self._timer.cancel()

    def _ring(self) -> None:
        if not self.rung and self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._ring)
        elif self.rung < CANCELS and self._task:
            self.rung += 1
            self._task.cancel()
            self._timer = self._loop.call_later(CANCEL_AGAIN, self._ring)
        else:
            self._hopeless()


_clock: contextvars.ContextVar[_Clock | None] = contextvars.ContextVar("clock", default=None)


async def in_time(work: Awaitable[Reply], seconds: float, hopeless: Callable[[], None]) -> Reply:
    """The result of *work*, which is cancelled when there is no sign of life for *seconds*: raises Overdue.
    Calls *hopeless* when it does not heed that."""
    if not math.isfinite(seconds):
        return await work
    clock = _Clock(seconds, hopeless)
    token = _clock.set(clock)
    try:
        return await work
    except asyncio.CancelledError as error:
        if not clock.rung:
            raise
        trace = "".join(traceback.format_exception(error))
        raise Overdue(f"it took longer than {seconds:g} s, and was ended", trace) from None
    finally:
        clock.stop()
        _clock.reset(token)


def sign_of_life() -> None:
    """The interaction in whose context this is called has something to show: its time begins anew."""
    clock = _clock.get()
    if clock:
        clock.prolong()


# ---- loops that do not react -------------------------------------------------------------------------------


class Watched(Protocol):
    """An instance, as the watchdog sees it."""

    whom: str
    thread: LoopThread

    def ping(self, answer: Callable[[], None]) -> None:
        """Has *answer* called in its loop."""

    def hung(self) -> None:
        """It does not react: ends it, and tells everybody who waits."""


@dataclass
class _Watch:
    instance: Watched
    answered: bool = True
    missed: int = 0
    interrupted: bool = False

    def answer(self) -> None:
        self.answered = True


class Watchdog:
    """Watches the instances of a worker until their threads have ended. Lives in the worker's loop."""

    def __init__(self, timeout: float, given_up: Callable[[Watched], None]) -> None:
        """*given_up* is called with an instance whose thread cannot be ended."""
        self.stuck: dict[Watched, float] = {}
        """Those that were given up and have not ended since, and when that was."""
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._given_up = given_up
        self._watches: list[_Watch] = []
        if math.isfinite(timeout):
            self._interval, self._patience = pace(timeout)
            self._loop.call_later(self._interval, self._look)

    def watch(self, instance: Watched) -> None:
        """From now on."""
        if math.isfinite(self._timeout):
            self._watches.append(_Watch(instance))

    def insist(self, instance: Watched) -> None:
        """Its thread has to end, whatever it does."""
        watch = next((watch for watch in self._watches if watch.instance is instance), None)
        if watch is None:
            watch = _Watch(instance)
            self._watches.append(watch)
        if not watch.interrupted or watch.answered:
            watch.answered, watch.interrupted = False, True
            instance.hung()
            self._insist(watch, TRIES)

    def _look(self) -> None:
        self._watches = [watch for watch in self._watches if watch.instance.thread.is_alive()]
        for watch in self._watches:
            if watch.answered:
                watch.answered, watch.missed, watch.interrupted = False, 0, False
                watch.instance.ping(watch.answer)
            elif not watch.interrupted:
                watch.missed += 1
                if watch.missed >= self._patience:
                    self._end(watch)
        for instance in list(self.stuck):
            if instance.thread.is_alive():
                _interrupt(instance.thread)
            else:
                del self.stuck[instance]
        self._loop.call_later(self._interval, self._look)

    def _end(self, watch: _Watch) -> None:
        instance = watch.instance
        frame = _frame(instance.thread)
        stack = "".join(traceback.format_stack(frame)) if frame else ""
        logger.error("%s does not react for %g s and is ended:\n%s", instance.whom, self._timeout, stack)
        watch.interrupted = True
        instance.hung()
        self._insist(watch, TRIES)

    def _insist(self, watch: _Watch, tries: int) -> None:
        if watch.answered or not watch.instance.thread.is_alive():
            return  # it ends now; should its end hang, too, the next looks will see it
        if tries:
            _interrupt(watch.instance.thread)
            self._loop.call_later(AGAIN, self._insist, watch, tries - 1)
        else:
            self._watches.remove(watch)
            self.stuck[watch.instance] = time.monotonic()
            self._given_up(watch.instance)


def _frame(thread: LoopThread) -> FrameType | None:
    return sys._current_frames().get(thread.ident)


def _interrupt(thread: LoopThread) -> None:
    """Raises Hung in *thread*: at once if it runs Python code, else when it does so again."""
    frame = _frame(thread)
    if frame and _module_of(frame) == "gevent":
        thread.wake(Hung)
    elif frame and not _may_hold_a_lock(frame):
        identity = ctypes.c_ulong(thread.ident)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(Hung))


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _may_hold_a_lock(frame: FrameType) -> bool:
    """Whether the thread may be between the acquisition of a lock which all threads share and the ``try``
    that releases it, or has yet to release it there: an exception would stop everybody."""
    module = _module_of(frame)
    if module == "logging":
        return frame.f_code.co_name in _LOCKING
    return module in _GUARDED
