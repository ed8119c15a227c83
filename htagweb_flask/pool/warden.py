"""What an administrator asks of a worker: to say what is in it, and to end some of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

from ..placement import session_name
from ..protocol import Kill, Killed, Message, Survey, WorkerState
from .instance import EXIT, Instance
from .watchdog import Watchdog

__all__ = ["Warden"]

LAST = EXIT + 2.0
"""Seconds for the page to hear of it and for ``on_destroy``, until a thread is interrupted."""

AGAIN, INTERRUPTS = 2.5, 4
"""Seconds until it is interrupted anew, as its end may hang, too, and how often that is done."""

LOOK = 0.02
"""Seconds between two looks whether threads have ended."""

Send = Callable[[Message], None]


class Warden:
    """Lives in the thread of the worker."""

    def __init__(
        self,
        instances: Callable[[], Iterable[Instance]],
        watchdog: Watchdog,
        worn_out: Callable[[], bool],
        leave: Callable[[], None],
    ) -> None:
        """*worn_out* tells whether nobody would miss this process, in which threads are stuck; *leave* ends
        it."""
        self._instances = instances
        self._watchdog = watchdog
        self._worn_out = worn_out
        self._leave = leave
        self._leaving = False
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, message: Survey | Kill, send: Send) -> None:
        """Answers the supervisor."""
        if isinstance(message, Survey):
            states = [one.state() for one in self._instances() if one.thread.is_alive()]
            stuck = len(self._watchdog.stuck)
            send(WorkerState("", "", os.getpid(), stuck=stuck, instances=states, id=message.id))
        elif message.session or message.instance:
            task = asyncio.ensure_future(self._end_some(message, send))
            self._tasks.add(task)  # a loop keeps only weak references
            task.add_done_callback(self._answered)
        else:
            ending = [one for one in self._instances() if one.thread.is_alive()]
            for instance in ending:
                instance.dismiss()
            send(Killed([os.getpid()], [one.name for one in ending], [], id=message.id))
            asyncio.get_running_loop().call_later(EXIT if ending else 0, self._leave)

    def leave(self) -> None:
        """Ends this process, when those who wait for an answer have it."""
        self._leaving = True
        if not self._tasks:
            self._leave()

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._leaving:
            self.leave()

    async def _end_some(self, message: Kill, send: Send) -> None:
        meant = [one for one in self._instances() if one.thread.is_alive() and _means(message, one)]
        for instance in meant:
            instance.dismiss()
        await _ended(meant, LAST)
        for _ in range(INTERRUPTS):
            late = [one for one in meant if one.thread.is_alive() and one not in self._watchdog.stuck]
            for instance in late:
                self._watchdog.insist(instance)
            await _ended(late, AGAIN)
        stuck = [one.name for one in meant if one.thread.is_alive()]
        ended = [one.name for one in meant if not one.thread.is_alive()]
        if stuck and (self._leaving or self._worn_out()):
            send(Killed([os.getpid()], ended + stuck, [], id=message.id))
            self._leaving = True
        else:
            send(Killed([], ended, stuck, id=message.id))


async def _ended(instances: list[Instance], timeout: float) -> None:
    """Returns when the threads have ended, or after *timeout* seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout
    while any(one.thread.is_alive() for one in instances) and loop.time() < until:
        await asyncio.sleep(LOOK)


def _means(message: Kill, instance: Instance) -> bool:
    if message.instance:
        return instance.name == message.instance
    return session_name(instance.live_session.link) == message.session
