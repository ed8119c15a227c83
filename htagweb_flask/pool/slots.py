"""The workers of the pool, by their slots: started when one is needed, watched, seen off, killed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ..errors import AppError, Full, HtagError, PoolError, Retired, from_wire
from ..placement import address_file, mount_of
from ..protocol import (
    Alive,
    Company,
    Done,
    EnsureWorker,
    Message,
    WorkerLeaves,
    WorkerReady,
    WorkerUse,
    failure,
)
from .breaker import Breaker
from .caps import FOR_ALL, Use
from .config import PoolConfig, worker_config
from .exchange import Exchange
from .processes import Process, Processes
from .watchdog import pace

__all__ = ["Slot", "Slots"]

logger = logging.getLogger(__name__)

STOP = 3.0
"""Seconds that workers have to end, before they are killed."""

ALIVE = 10.0
"""Seconds in which the main thread of a worker has to react, however short the timeout of its app is."""

CROWDED = "This site serves as many visitors as it can just now. Please try again in a minute."

Send = Callable[[Message], None]


@dataclass(eq=False)
class Slot:
    """A worker, from the moment it is wanted."""

    name: str
    app: str
    isolated: bool  # for one session
    ready: asyncio.Future[None]
    patience: float
    born: float = field(default_factory=time.monotonic)
    process: Process | None = None
    heard: bool = True
    send: Send | None = None
    used: Use = Use.SHOWN  # until it says otherwise
    since: float = field(default_factory=time.monotonic)

    @property
    def use(self) -> Use:
        """See :class:`caps.Member`."""
        return self.used if self.ready.done() and self.process else Use.SHOWN

    def fail(self, error: HtagError) -> None:
        """Says why it will not be ready, unless it is."""
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # retrieved: there may be nobody else to do it

    def terminate(self) -> None:
        """Asks its process to end."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()

    def kill(self) -> None:
        """Ends its process at once."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()


class Slots:
    """Lives in the supervisor's loop."""

    def __init__(self, config: PoolConfig, secret: str, exchange: Exchange, stop: asyncio.Event) -> None:
        self._config = config
        self._secret = secret
        self._exchange = exchange
        self._processes = Processes(config)
        self._slots: dict[str, Slot] = {}
        self._leaving: set[Slot] = set()
        self._retired: set[str] = set()  # slots that were left to their successors
        self._breakers: dict[str, Breaker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = stop  # is set when the pool ends

    def all(self) -> list[Slot]:
        """Every worker, those that leave as well."""
        return [*self._slots.values(), *self._leaving]

    def senders(self) -> list[tuple[str, Send]]:
        """The workers that can be told something: slot, send."""
        return [(name, slot.send) for name, slot in self._slots.items() if slot.send]

    def hear(self, message: WorkerReady | WorkerLeaves | WorkerUse | Alive, send: Send) -> None:
        """What a worker says of itself."""
        if isinstance(message, WorkerReady):
            self._ready(message, send)
            return
        slot = self._slots.get(message.slot)
        if slot is None or slot.send != send:
            return  # it has been told to leave, and another one may have its slot
        if isinstance(message, WorkerLeaves):
            if message.retired:
                self._retired.add(slot.name)
            self._leaves(slot)
        elif isinstance(message, WorkerUse):
            slot.used, slot.since = Use(message.use), time.monotonic()
        else:
            slot.heard = True

    async def ensure(self, message: EnsureWorker, reply: Send) -> None:
        """Replies when the worker is ready, or cannot be."""
        try:
            slot = self._slots.get(message.slot) or self._begin(message)
        except HtagError as error:
            reply(failure(error))
            return
        try:
            await asyncio.wait_for(asyncio.shield(slot.ready), self._config.start)
            reply(Done(slot.process.pid if slot.process else 0))
        except HtagError as error:
            reply(failure(error))
        except asyncio.TimeoutError:  # not the built-in one before Python 3.11
            if not slot.ready.done():
                slot.kill()
            reply(failure(AppError(f"the import of {message.app} took longer than {self._config.start:g} s")))

    def _check(self, name: str) -> None:
        """Raises why there must be no worker in slot *name*, at least not now."""
        if name in self._retired:
            raise Retired("another process has taken over")
        breaker = self._breakers.get(name)
        reason = breaker.held(time.monotonic()) if breaker else None
        if reason:
            raise reason

    def _failed(self, name: str, reason: HtagError) -> None:
        """Its worker has ended by itself, or could not begin."""
        now = time.monotonic()
        self._breakers = {name: one for name, one in self._breakers.items() if not one.calm(now)}
        if self._breakers.setdefault(name, Breaker()).failed(now, reason):
            logger.error("worker %s ends again and again: it is started again after a pause", name)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # a loop keeps only weak references
        task.add_done_callback(self._tasks.discard)

    # ---- the life of one ---------------------------------------------------------------------------------

    def _begin(self, message: EnsureWorker) -> Slot:
        self._check(message.slot)
        isolated = message.options["isolation"] == "session"
        leaver = self._leaver() if isolated else None
        if leaver:
            logger.info("worker %s ends, to make room", leaver.name)
            self._leaves(leaver)
        patience = max(float(message.options["interaction_timeout"]), ALIVE)
        ready = asyncio.get_running_loop().create_future()
        slot = self._slots[message.slot] = Slot(message.slot, message.app, isolated, ready, patience)
        self._start(self._run(slot, message, leaver))
        return slot

    def _leaver(self) -> Slot | None:
        """Which session's process has to end so that another has room. Raises Full."""
        most = self._config.processes
        full = Full(CROWDED, f"{most} processes of sessions are in use (HTAG_PROCESSES)")
        return FOR_ALL.leaver([slot for slot in self._slots.values() if slot.isolated], most, full)

    async def _run(self, slot: Slot, message: EnsureWorker, leaver: Slot | None) -> None:
        if leaver and leaver.process:
            leaver.terminate()
            await leaver.process.wait()
        await self._introduce(slot.name)
        status = -1
        try:
            config = worker_config(self._config, self._secret, message)
            slot.process = await self._processes.start(config)
            status = await slot.process.wait()
        except OSError as error:
            slot.fail(PoolError(f"a worker cannot be started: {error}"))
        if self._stop.is_set() or slot in self._leaving:
            logger.info("worker %s has left", slot.name)
        else:
            self._broke(slot, message.app, status)
        slot.fail(PoolError("the pool ends", retry=1.0))
        self._forget(slot)

    def _broke(self, slot: Slot, app: str, status: int) -> None:
        """Its process has ended, and nobody has asked for that."""
        if not slot.ready.done():
            reason = AppError(f"the process that imports {app} ended with status {status}")
            slot.fail(reason)
            self._failed(slot.name, reason)
        elif slot.ready.exception() is None:
            logger.error("worker %s of %s ended with status %s", slot.name, app, status)
            self._failed(slot.name, PoolError(f"it has ended with status {status}"))

    async def _introduce(self, newcomer: str) -> None:
        """Before there is a second app, the workers of the first one hear of it."""
        others = self.senders()
        if others and all(mount_of(name) != mount_of(newcomer) for name, _ in others):
            await self._exchange.tell(Company(), others, lambda _: None)

    def _ready(self, message: WorkerReady, send: Send) -> None:
        slot = self._slots.get(message.slot)
        if slot is None:
            return
        if message.error:
            reason = from_wire(message.error.code, message.error.text, message.error.trace)
            logger.error("worker %s: %s\n%s", message.slot, reason, reason.trace)
            self._slots.pop(message.slot)  # the next page tries again
            slot.fail(reason)
            self._failed(message.slot, reason)
        elif not slot.ready.done():
            slot.send = send
            if len({mount_of(name) for name in self._slots}) > 1:
                send(Company())
            slot.ready.set_result(None)
            logger.info("worker %s runs as %s", message.slot, message.pid)
            if math.isfinite(slot.patience):
                self._start(self._watch_over(slot, send))

    async def _watch_over(self, slot: Slot, send: Send) -> None:
        """Kills a worker in which not even the main thread runs: native code keeps the interpreter's lock."""
        interval, patience = pace(slot.patience)
        missed = 0
        while self._slots.get(slot.name) is slot and missed < patience:
            slot.heard = False
            send(Alive(slot.name))
            await asyncio.sleep(interval)
            missed = 0 if slot.heard else missed + 1
        if self._slots.get(slot.name) is slot and slot.process and not self._stop.is_set():
            logger.error("worker %s does not react for %g s and is killed", slot.name, slot.patience)
            slot.kill()

    def _leaves(self, slot: Slot) -> None:
        del self._slots[slot.name]
        if slot.process:
            self._leaving.add(slot)
            self._start(self._see_off(slot, slot.process))

    async def _see_off(self, slot: Slot, process: Process) -> None:
        try:
            await asyncio.wait_for(process.wait(), STOP)
        except asyncio.TimeoutError:
            slot.kill()

    def _forget(self, slot: Slot) -> None:
        """Its process has ended."""
        self._leaving.discard(slot)
        if self._slots.get(slot.name) in (slot, None):  # else the next one is at work already
            self._slots.pop(slot.name, None)
            if not self._stop.is_set():  # at the end, all are cleared away
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(address_file(self._config.run_dir, slot.name, self._config.kind))

    async def end(self) -> None:
        """Ends all workers: they are asked, then killed."""
        slots = self.all()
        for slot in slots:
            slot.terminate()
        ends = [asyncio.create_task(slot.process.wait()) for slot in slots if slot.process]
        late = (await asyncio.wait(ends, timeout=STOP))[1] if ends else None
        if late:
            for slot in slots:
                slot.kill()
            await asyncio.wait(late)
        self._processes.close()
