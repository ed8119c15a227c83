"""What an administrator asks of a pool: what runs in it, and to end some of it. The supervisor's half."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterable

from ..placement import mount_of
from ..protocol import Kill, Killed, Message, PoolState, Survey, WorkerState
from .resources import memory_of
from .slots import Slot, Slots

__all__ = ["Listing"]

ANSWER = 2.0
"""Seconds that a worker has to say what is in it."""

PATIENCE = 15.0
"""Seconds that it has to end instances: those that do not react are interrupted meanwhile."""

LEAVE = 5.0
"""Seconds that it has to leave, before it is killed."""

Send = Callable[[Message], None]


class Listing:
    """Lives in the supervisor's loop."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._born = time.monotonic()
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[WorkerState | Killed]] = {}

    def heard(self, message: WorkerState | Killed) -> None:
        """A worker answers."""
        answer = self._asked.pop(message.id, None)
        if answer and not answer.done():
            answer.set_result(message)

    async def survey(self, servers: Iterable[int], reply: Send) -> None:
        """Replies what runs."""
        states = await asyncio.gather(*(self._state(slot) for slot in self._slots.all()))
        pid, age = os.getpid(), time.monotonic() - self._born
        reply(PoolState(pid, sorted(servers), age, memory_of(pid), list(states)))

    async def _state(self, slot: Slot) -> WorkerState:
        answer = await self._ask(slot, Survey(), ANSWER)
        pid = slot.process.pid if slot.process else 0
        state = answer if isinstance(answer, WorkerState) else WorkerState("", "", pid, answers=False)
        state.mount, state.app, state.id = mount_of(slot.name), _name(slot), 0
        state.age, state.memory = time.monotonic() - slot.born, memory_of(pid)
        return state

    async def kill(self, message: Kill, reply: Send) -> None:
        """Ends what *message* names, and replies when it has ended."""
        slots = self._slots.all()
        if message.app or message.worker:
            works = [self._end(slot) for slot in slots if _means(message, slot)]
        else:
            works = [self._end_some(slot, message) for slot in slots]
        done = Killed([], [], [])
        for killed in await asyncio.gather(*works):
            done.workers += killed.workers
            done.instances += killed.instances
            done.stuck += killed.stuck
            done.silent += killed.silent
        reply(done)

    async def stop(self) -> None:
        """Ends all workers; what is shown in browsers says so."""
        await asyncio.gather(*(self._end(slot) for slot in self._slots.all()))

    async def _end(self, slot: Slot) -> Killed:
        answer = await self._ask(slot, Kill(), ANSWER)
        return await self._leave(slot, answer if isinstance(answer, Killed) else None)

    async def _end_some(self, slot: Slot, message: Kill) -> Killed:
        if not slot.send:
            return Killed([], [], [])  # it has only begun, or leaves already
        wanted = Kill(session=message.session, instance=message.instance)
        answer = await self._ask(slot, wanted, PATIENCE)
        if isinstance(answer, Killed):
            return await self._leave(slot, answer) if answer.workers else answer
        pids = [slot.process.pid] if slot.process else []
        return Killed(pids, [], []) if await _ended(slot, 0) else Killed([], [], [], pids)

    async def _leave(self, slot: Slot, answer: Killed | None) -> Killed:
        """Waits for the end of a worker that leaves by itself, or ends the one that has not answered."""
        if not slot.process:
            return Killed([], [], [])
        if not await _ended(slot, LEAVE if answer else 0):
            slot.kill()
            await slot.process.wait()
        return Killed([slot.process.pid], answer.instances if answer else [], [])

    async def _ask(self, slot: Slot, message: Survey | Kill, timeout: float) -> WorkerState | Killed | None:
        if not slot.send:
            return None
        message.id = next(self._ids)
        answer = self._asked[message.id] = asyncio.get_running_loop().create_future()
        slot.send(message)
        end = asyncio.ensure_future(_ended(slot, timeout))
        await asyncio.wait({answer, end}, return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        self._asked.pop(message.id, None)
        return answer.result() if answer.done() else None


async def _ended(slot: Slot, timeout: float) -> bool:
    """Whether its process ends within *timeout* seconds."""
    if not slot.process:
        return False
    end = asyncio.ensure_future(slot.process.wait())
    try:
        return bool((await asyncio.wait({end}, timeout=timeout))[0])
    finally:
        end.cancel()


def _means(message: Kill, slot: Slot) -> bool:
    if message.worker:
        return slot.process is not None and slot.process.pid == message.worker
    mount = mount_of(slot.name)
    return message.app in (_name(slot), mount, mount.rpartition("-")[0])  # a mount, also of any version


def _name(slot: Slot) -> str:
    """Of its app, without the path of a script."""
    return slot.app.partition("@")[0]
