"""What a worker does about memory and file descriptors, so that it can hold a thousand instances."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
from typing import Protocol

__all__ = ["Heap", "Holder", "allow_files", "memory_of"]

logger = logging.getLogger(__name__)

LOOK = 0.4
"""Seconds between two looks at what has been allocated."""

YOUNG, MIDDLE, NEVER = 700, 10, 100_000
"""Thresholds of the collector: those of Python, but that it never looks at all objects by itself."""

ROUNDS = 2
"""After so many collections of the middle generation, some 15,000 objects, what they have left is settled."""

GROWTH, LATEST = 0.5, 2.0
"""Growth of what is settled after which all of it is looked at: in a quiet moment, and at the latest."""

QUIET = 1.0
"""Seconds without a click and without a page: a quiet moment."""

REST, SHARE = 10.0, 0.1
"""Seconds since somebody came or went after which what has ended is looked for, if there is so much of it,
measured by what lives. The watchdog lets go of what has ended within 5 s."""

LEAST = 100_000
"""So few objects are not worth it."""

SOME, SHORT = 25_000, 100_000
"""After so many new ones all are looked at in any case, where that takes less than 50 ms: there are few."""


class Holder(Protocol):
    """The worker, as its heap sees it."""

    def quiet(self) -> float:
        """For how many seconds nobody has clicked or asked for a page."""

    def left_behind(self) -> tuple[int, int, float]:
        """How many instances there are; how many have ended so far; seconds since the last one has."""


class Heap:
    """Keeps the pauses of the garbage collector short, however many instances there are.

    A full collection looks at every object of the process: up to a tenth of a second with a thousand small
    instances, in which nobody is answered. So what has survived is soon *settled* (``gc.freeze``), and a
    collection looks at what is new only. What is settled is freed by its reference counts, as ever, but for
    what is in a cycle: the trees of instances that have ended wait for a look at everything, in a moment when
    nobody clicks. In a longer one the system gets back what they have used.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, holder: Holder) -> None:
        self._loop = loop
        self._holder = holder
        self._freed = 0  # how many instances had ended when all was looked at
        self._former = gc.get_threshold()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)
        self._clean()
        self._timer = loop.call_later(LOOK, self._look)

    def close(self) -> None:
        """Back to how it was."""
        self._timer.cancel()
        gc.set_threshold(*self._former)
        gc.unfreeze()

    def _look(self) -> None:
        rounds = gc.get_count()[2]
        if rounds >= ROUNDS:
            self._settle()
            self._grown += rounds * YOUNG * MIDDLE
        growth = self._grown / max(self._settled, LEAST)
        short = self._grown > SOME and self._settled + self._grown < SHORT
        if short or growth > LATEST or (growth > GROWTH and self._holder.quiet() > QUIET):
            self._clean()
        elif self._rests():
            self._clean()
            _give_back()
        self._timer = self._loop.call_later(LOOK, self._look)

    def _rests(self) -> bool:
        """Whether nobody has come or gone for a while, and enough had before."""
        living, gone, since = self._holder.left_behind()
        ended = gone - self._freed
        return ended > 0 and ended >= living * SHARE and min(self._holder.quiet(), since) > REST

    def _settle(self) -> None:
        gc.collect()
        gc.freeze()

    def _clean(self) -> None:
        """Looks at everything."""
        self._freed = self._holder.left_behind()[1]
        gc.unfreeze()
        self._settle()
        self._settled = gc.get_freeze_count()
        self._grown = 0
        logger.debug("%s objects are settled", self._settled)


def _give_back() -> None:
    """Has the C library give the memory that it keeps for later back to the system. Python's own, most of it,
    goes back as soon as nothing is left in a piece of it."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # it is glibc that can do so
        ctypes.CDLL(None).malloc_trim(0)


def allow_files() -> None:
    """Allows as many open files as the system does: an instance needs three for its loop, and the usual limit
    of 1,024 would be reached with 340 instances."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS refuses "unlimited"
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def memory_of(pid: int) -> int:
    """The bytes of memory that a process uses (its resident set); 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm") as file:  # Linux: proc_pid_statm(5), in pages
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
