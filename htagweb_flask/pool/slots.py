"""The workers of the pool, by their slots: started when one is needed, watched, seen off, killed."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ..errors import AppError, HtagError, PoolError
from ..placement import address_file, mount_of
from ..protocol import Alive, Company, Done, EnsureWorker, Message, WorkerLeaves, WorkerReady, failure
from .child import Child
from .config import PoolConfig, worker_config
from .exchange import Exchange
from .watchdog import pace

__all__ = ["Slot", "Slots"]

logger = logging.getLogger(__name__)

STOP = 3.0
"""Seconds that workers have to end, before they are killed."""

ALIVE = 10.0
"""Seconds in which the main thread of a worker has to react, however short the timeout of its app is."""

Send = Callable[[Message], None]


@dataclass(eq=False)
class Slot:
    """A worker, from the moment it is wanted."""

    name: str
    app: str
    ready: asyncio.Future[None]
    patience: float
    born: float = field(default_factory=time.monotonic)
    process: Child | None = None
    heard: bool = True
    send: Send | None = None

    def fail(self, error: HtagError) -> None:
        """Says why it will not be ready, unless it is."""
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # retrieved: there may be nobody else to do it

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
        self._slots: dict[str, Slot] = {}
        self._leaving: set[Slot] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = stop  # is set when the pool ends

    def all(self) -> list[Slot]:
        """Every worker, those that leave as well."""
        return [*self._slots.values(), *self._leaving]

    def senders(self) -> list[tuple[str, Send]]:
        """The workers that can be told something: slot, send."""
        return [(name, slot.send) for name, slot in self._slots.items() if slot.send]

    def hear(self, message: WorkerReady | WorkerLeaves | Alive, send: Send) -> None:
        """What a worker says of itself."""
        if isinstance(message, WorkerReady):
            self._ready(message, send)
        elif isinstance(message, WorkerLeaves):
            self._leaves(message.slot)
        elif message.slot in self._slots:
            self._slots[message.slot].heard = True

    async def ensure(self, message: EnsureWorker, reply: Send) -> None:
        """Replies when the worker is ready, or cannot be."""
        slot = self._slots.get(message.slot)
        if slot is None:
            patience = max(float(message.options["interaction_timeout"]), ALIVE)
            ready = asyncio.get_running_loop().create_future()
            slot = self._slots[message.slot] = Slot(message.slot, message.app, ready, patience)
            self._start(self._run(slot, message))
        try:
            await asyncio.wait_for(asyncio.shield(slot.ready), self._config.start)
            reply(Done(slot.process.pid if slot.process else 0))
        except HtagError as error:
            reply(failure(error))
        except asyncio.TimeoutError:  # not the built-in one before Python 3.11
            if not slot.ready.done():
                slot.kill()
            reply(failure(AppError(f"the import of {message.app} took longer than {self._config.start:g} s")))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # a loop keeps only weak references
        task.add_done_callback(self._tasks.discard)

    # ---- the life of one ---------------------------------------------------------------------------------

    async def _run(self, slot: Slot, message: EnsureWorker) -> None:
        await self._introduce(slot.name)
        status = -1
        try:
            config = dataclasses.asdict(worker_config(self._config, self._secret, message))
            command = [sys.executable, "-m", f"{__package__}", "worker"]
            slot.process = Child(command, json.dumps(config).encode())
            status = await slot.process.wait()
        except OSError as error:
            slot.fail(PoolError(f"a worker cannot be started: {error}"))
        slot.fail(AppError(f"the process that imports {message.app} ended with status {status}"))
        if status and not self._stop.is_set() and slot.ready.exception() is None:
            logger.error("worker %s of %s ended with status %s", slot.name, message.app, status)
        self._forget(slot)

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
            logger.error("worker %s: %s\n%s", message.slot, message.error, message.trace)
            self._slots.pop(message.slot)  # the next page tries again
            slot.fail(AppError(message.error, message.trace))
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

    def _leaves(self, name: str) -> None:
        slot = self._slots.pop(name, None)
        if slot and slot.process:
            self._leaving.add(slot)
            self._start(self._see_off(slot, slot.process))

    async def _see_off(self, slot: Slot, process: Child) -> None:
        try:
            await asyncio.wait_for(process.wait(), STOP)
        except asyncio.TimeoutError:
            slot.kill()

    def _forget(self, slot: Slot) -> None:
        """Its process has ended."""
        self._leaving.discard(slot)
        if self._slots.get(slot.name) in (slot, None):  # else the next one is at work already
            self._slots.pop(slot.name, None)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address_file(self._config.run_dir, slot.name, self._config.kind))

    async def end(self) -> None:
        """Ends all workers: they are asked, then killed."""
        processes = [slot.process for slot in self.all() if slot.process]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        ends = [asyncio.create_task(process.wait()) for process in processes]
        late = (await asyncio.wait(ends, timeout=STOP))[1] if ends else None
        if late:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await asyncio.wait(late)
