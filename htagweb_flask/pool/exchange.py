"""What the supervisor passes on about sessions: from views to workers, and from workers to who stores them.

And the sessions themselves, when they are kept in memory.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from ..protocol import Changed, Changes, Collect, Company, Done, Keep, Kept, Message, Patched

__all__ = ["Exchange", "Memory"]

ACKNOWLEDGE = 1.0
"""Seconds that a view waits at most until every worker knows what it has changed."""

Send = Callable[[Message], None]


class Exchange:
    """Lives in the supervisor's loop."""

    def __init__(self) -> None:
        self._changes: list[Changed] = []
        self._changed = asyncio.Event()
        self._ids = itertools.count(1)
        self._unacknowledged: dict[int, tuple[int, asyncio.Event]] = {}

    async def tell(self, message: Patched | Company, workers: list[tuple[str, Send]], reply: Send) -> None:
        """Tells the workers (slot, send) what a view or the supervisor says, and replies when all have heard
        it."""
        message.id, heard = next(self._ids), asyncio.Event()
        self._unacknowledged[message.id] = (len(workers), heard)
        for _, send in workers:
            send(message)
        try:
            if workers:
                await asyncio.wait_for(heard.wait(), ACKNOWLEDGE)
        except asyncio.TimeoutError:
            pass  # one of them has just ended; or it learns it with the next page
        finally:
            del self._unacknowledged[message.id]
        reply(Done())

    def acknowledged(self, number: int) -> None:
        """A worker has heard the message *number*."""
        missing, heard = self._unacknowledged.get(number, (0, None))
        if heard:
            self._unacknowledged[number] = (missing - 1, heard)
            if missing <= 1:
                heard.set()

    def changed(self, message: Changed) -> None:
        """A worker has changes that have to be stored."""
        self._changes.append(message)
        self._changed.set()

    async def collect(self, message: Collect, reply: Send) -> None:
        """Hands them to a web process."""
        try:
            await asyncio.wait_for(self._changed.wait(), message.wait)
        except asyncio.TimeoutError:
            pass
        self._changed.clear()
        changes, self._changes = self._changes, []
        reply(Changes(changes))


class Memory:
    """Values by key, each until its time."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[bytes, float]] = {}
        self._swept = time.monotonic()

    def keep(self, message: Keep) -> Kept:
        """Sets, deletes or reads."""
        now = time.monotonic()
        value, until = self._values.get(message.key, (None, 0.0))
        if until < now:
            value = None
        if message.value is not None and message.seconds > 0:
            self._values[message.key] = (message.value, now + message.seconds)
        elif message.value is not None:
            self._values.pop(message.key, None)
        if now - self._swept > 60:
            self._swept = now
            self._values = {key: kept for key, kept in self._values.items() if kept[1] >= now}
        return Kept(value, until - now if value is not None else None)
