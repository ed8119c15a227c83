"""What is passed on about sessions: from views to workers, and from workers to who stores them.

And the sessions themselves, when they are kept in memory.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ..errors import BadMessage
from ..placement import may_hold, mount_of
from ..protocol import Changed, Changes, Collect, Company, Done, Keep, Kept, Message, Patched

__all__ = ["Exchange", "Memory"]

ACKNOWLEDGE = 1.0
"""Seconds that a view waits at most until every worker knows what it has changed."""

Send = Callable[[Message], None]


class Exchange:
    """Lives in the loop of the supervisor. *workers* are those that can be told something: slot, send."""

    def __init__(self, workers: Callable[[], list[tuple[str, Send]]]) -> None:
        self._workers = workers
        self._memory = Memory()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changes: list[Changed] = []
        self._changed = asyncio.Event()
        self._ids = itertools.count(1)
        self._unacknowledged: dict[int, tuple[int, asyncio.Event]] = {}

    def handle(self, message: Message, reply: Send) -> None:
        """Answers what concerns sessions. Raises BadMessage for anything else."""
        if isinstance(message, Keep):
            reply(self._memory.keep(message))
        elif isinstance(message, Patched):
            self._patched(message, reply)
        elif isinstance(message, Done):
            self._acknowledged(message.pid)
        elif isinstance(message, Changed):
            self._changes.append(message)
            self._changed.set()
        elif isinstance(message, Collect):
            workers = dict(self._workers())
            for name, saved in message.saved:
                if name in workers:
                    workers[name](saved)
            self.start(self._collect(message, reply))
        else:
            raise BadMessage(f"the pool does not serve {type(message).__name__}")

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Has *work* done, in this loop."""
        task = asyncio.create_task(work)
        self._tasks.add(task)  # a loop keeps only weak references
        task.add_done_callback(self._tasks.discard)

    def _patched(self, message: Patched, reply: Send) -> None:
        workers = [worker for worker in self._workers() if may_hold(worker[0], message.link)]
        if message.slot:  # the other workers of the same app have other sessions
            workers = [worker for worker in workers if mount_of(worker[0]) != mount_of(message.slot)]
            number = message.id
            self.start(self.tell(message, workers, lambda _: reply(Done(number))))
        else:
            self.start(self.tell(message, workers, reply))

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

    def _acknowledged(self, number: int) -> None:
        """A worker has heard the message *number*."""
        missing, heard = self._unacknowledged.get(number, (0, None))
        if heard:
            self._unacknowledged[number] = (missing - 1, heard)
            if missing <= 1:
                heard.set()

    async def _collect(self, message: Collect, reply: Send) -> None:
        """Hands what has changed to a web process."""
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
