"""The supervisor: starts a worker when one is needed, and leaves when no web process is left."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ..errors import AppError, BadMessage, HtagError, PoolError
from ..placement import POOL, SECRET, address_file, mount_of
from ..protocol import (
    Alive,
    Changed,
    Collect,
    Company,
    Done,
    EnsureWorker,
    Hello,
    Keep,
    Message,
    Patched,
    WorkerLeaves,
    WorkerReady,
    failure,
)
from .exchange import Exchange, Memory
from .listeners.socket import Connection, Listener
from .watchdog import pace
from .worker import WorkerConfig

__all__ = ["PoolConfig", "Supervisor", "run"]

logger = logging.getLogger(__name__)

STOP = 3.0
"""Seconds that workers have to end, before they are killed."""


ALIVE = 10.0
"""Seconds in which the main thread of a worker has to react, however short the timeout of its app is."""


@dataclass(frozen=True)
class PoolConfig:
    """What the web process that starts the pool tells it."""

    run_dir: str
    kind: str
    grace: float
    start: float
    fast: bool


@dataclass(eq=False)
class _Slot:
    """A worker, from the moment it is wanted."""

    ready: asyncio.Future[None]
    patience: float
    process: asyncio.subprocess.Process | None = None
    heard: bool = True
    send: Callable[[Message], None] | None = None


@dataclass
class _Watch:
    """Who the pool lives for: connected web processes, and the servers that would start new ones."""

    connections: set[Connection] = field(default_factory=set)
    servers: dict[int, int] = field(default_factory=dict)  # pid -> pidfd
    empty_since: float = field(default_factory=time.monotonic)


class Supervisor:
    """Keeps the workers. Everything happens in its one loop."""

    def __init__(self, config: PoolConfig, secret: str) -> None:
        self._config = config
        self._secret = secret
        self._slots: dict[str, _Slot] = {}
        self._leaving: set[_Slot] = set()
        self._watch = _Watch()
        self._exchange = Exchange()
        self._memory = Memory()
        self._tasks: set[asyncio.Task[None]] = set()
        self.stop = asyncio.Event()

    # ---- Handler -----------------------------------------------------------------------------------------

    def opened(self, connection: Connection, hello: Hello) -> None:
        """See :class:`Handler`. A worker says no pid: the pool does not live for its own workers."""
        if hello.pid:
            self._watch.connections.add(connection)
            self._watch_server(hello.server)

    def closed(self, connection: Connection) -> None:
        """See :class:`Handler`."""
        self._watch.connections.discard(connection)
        self._watch.empty_since = time.monotonic()

    def handle(self, message: Message, reply: Callable[[Message], None]) -> None:
        """See :class:`Handler`."""
        if isinstance(message, EnsureWorker):
            self._start(self._ensure(message, reply))
        elif isinstance(message, WorkerReady | WorkerLeaves | Alive):
            self._hear(message, reply)
        elif isinstance(message, Keep):
            reply(self._memory.keep(message))
        elif isinstance(message, Patched):
            self._patched(message, reply)
        elif isinstance(message, Done):
            self._exchange.acknowledged(message.pid)
        elif isinstance(message, Changed):
            self._exchange.changed(message)
        elif isinstance(message, Collect):
            for name, saved in message.saved:
                slot = self._slots.get(name)
                if slot and slot.send:
                    slot.send(saved)
            self._start(self._exchange.collect(message, reply))
        else:
            raise BadMessage(f"the supervisor does not serve {type(message).__name__}")

    def _hear(self, message: WorkerReady | WorkerLeaves | Alive, send: Callable[[Message], None]) -> None:
        """What a worker says of itself."""
        if isinstance(message, WorkerReady):
            self._ready(message, send)
        elif isinstance(message, WorkerLeaves):
            self._leaves(message.slot)
        elif message.slot in self._slots:
            self._slots[message.slot].heard = True

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # a loop keeps only weak references
        task.add_done_callback(self._tasks.discard)

    def _patched(self, message: Patched, reply: Callable[[Message], None]) -> None:
        workers = [(name, slot.send) for name, slot in self._slots.items() if slot.send]
        if message.slot:  # the other workers of the same app have other sessions
            workers = [worker for worker in workers if mount_of(worker[0]) != mount_of(message.slot)]
            number = message.id
            self._start(self._exchange.tell(message, workers, lambda _: reply(Done(number))))
        else:
            self._start(self._exchange.tell(message, workers, reply))

    # ---- workers -------------------------------------------------------------------------------------------

    async def _ensure(self, message: EnsureWorker, reply: Callable[[Message], None]) -> None:
        slot = self._slots.get(message.slot)
        if slot is None:
            patience = max(float(message.options["interaction_timeout"]), ALIVE)
            slot = self._slots[message.slot] = _Slot(asyncio.get_running_loop().create_future(), patience)
            self._start(self._run_worker(slot, message))
        try:
            await asyncio.wait_for(asyncio.shield(slot.ready), self._config.start)
            reply(Done(slot.process.pid if slot.process else 0))
        except HtagError as error:
            reply(failure(error))
        except asyncio.TimeoutError:  # not the built-in one before Python 3.11
            if slot.process and not slot.ready.done():
                slot.process.kill()
            reply(failure(AppError(f"the import of {message.app} took longer than {self._config.start:g} s")))

    async def _run_worker(self, slot: _Slot, message: EnsureWorker) -> None:
        await self._introduce(message.slot)
        config = WorkerConfig(
            run_dir=self._config.run_dir,
            kind=self._config.kind,
            secret=self._secret,
            slot=message.slot,
            app=message.app,
            scope=str(message.options["scope"]),
            idle_timeout=float(message.options["idle_timeout"]),
            interaction_timeout=float(message.options["interaction_timeout"]),
            debug=bool(message.options["debug"]),
            fast=self._config.fast,
        )
        try:
            slot.process = process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"{__package__}", "worker", stdin=asyncio.subprocess.PIPE
            )
            await process.communicate(json.dumps(dataclasses.asdict(config)).encode())
            status = process.returncode
        except OSError as error:
            status = -1
            self._fail(slot, PoolError(f"a worker cannot be started: {error}"))
        self._fail(slot, AppError(f"the process that imports {message.app} ended with status {status}"))
        if status and not self.stop.is_set() and slot.ready.exception() is None:
            logger.error("worker %s of %s ended with status %s", message.slot, message.app, status)
        self._leaving.discard(slot)
        if self._slots.get(message.slot) in (slot, None):  # else the next one is at work already
            self._slots.pop(message.slot, None)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address_file(self._config.run_dir, message.slot, self._config.kind))

    async def _introduce(self, newcomer: str) -> None:
        """Before there is a second app, the workers of the first one hear of it."""
        others = [(name, slot.send) for name, slot in self._slots.items() if slot.send]
        if others and all(mount_of(name) != mount_of(newcomer) for name, _ in others):
            await self._exchange.tell(Company(), others, lambda _: None)

    def _fail(self, slot: _Slot, error: HtagError) -> None:
        if not slot.ready.done():
            slot.ready.set_exception(error)
            slot.ready.exception()  # retrieved: there may be nobody else to do it

    def _ready(self, message: WorkerReady, send: Callable[[Message], None]) -> None:
        slot = self._slots.get(message.slot)
        if slot is None:
            return
        if message.error:
            logger.error("worker %s: %s\n%s", message.slot, message.error, message.trace)
            self._slots.pop(message.slot)  # the next page tries again
            self._fail(slot, AppError(message.error, message.trace))
        elif not slot.ready.done():
            slot.send = send
            if len({mount_of(name) for name in self._slots}) > 1:
                send(Company())
            slot.ready.set_result(None)
            logger.info("worker %s runs as %s", message.slot, message.pid)
            if math.isfinite(slot.patience):
                self._start(self._watch_over(message.slot, slot, send))

    async def _watch_over(self, name: str, slot: _Slot, send: Callable[[Message], None]) -> None:
        """Kills a worker in which not even the main thread runs: native code keeps the interpreter's lock."""
        interval, patience = pace(slot.patience)
        missed = 0
        while self._slots.get(name) is slot and missed < patience:
            slot.heard = False
            send(Alive(name))
            await asyncio.sleep(interval)
            missed = 0 if slot.heard else missed + 1
        if self._slots.get(name) is slot and slot.process and not self.stop.is_set():
            logger.error("worker %s does not react for %g s and is killed", name, slot.patience)
            with contextlib.suppress(ProcessLookupError):
                slot.process.kill()

    def _leaves(self, name: str) -> None:
        slot = self._slots.pop(name, None)
        if slot and slot.process:
            self._leaving.add(slot)
            self._start(self._see_off(slot.process))

    async def _see_off(self, process: asyncio.subprocess.Process) -> None:
        try:
            await asyncio.wait_for(process.wait(), STOP)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    # ---- its own life ----------------------------------------------------------------------------------

    def _watch_server(self, pid: int) -> None:
        # A web process comes and goes (recycled, reloaded, crashed); as long as its server lives, there
        # will be another. Where a process cannot be watched, connections and the grace have to do.
        if pid and pid not in self._watch.servers and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                descriptor = self._watch.servers[pid] = os.pidfd_open(pid)
                asyncio.get_running_loop().add_reader(descriptor, self._server_ended, pid)

    def _server_ended(self, pid: int) -> None:
        descriptor = self._watch.servers.pop(pid)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self._watch.empty_since = time.monotonic()

    async def watch(self) -> None:
        """Returns when the pool has to leave."""
        while not self.stop.is_set():
            watch = self._watch
            alone = not watch.connections and not watch.servers
            if alone and time.monotonic() - watch.empty_since > self._config.grace:
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.stop.wait(), min(0.5, self._config.grace))

    async def end_workers(self) -> None:
        """Ends all workers: they are asked, then killed."""
        self.stop.set()
        processes = [slot.process for slot in (*self._slots.values(), *self._leaving) if slot.process]
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


async def run(config: PoolConfig, secret: str, ready: Callable[[], None]) -> None:
    """Runs the pool until it leaves; *ready* is called when it can be reached."""
    loop = asyncio.get_running_loop()
    supervisor = Supervisor(config, secret)
    listener = Listener(loop, config.run_dir, POOL, config.kind, secret, supervisor)
    pid_file = os.path.join(config.run_dir, f"{POOL}.pid")
    with open(pid_file, "w") as file:
        file.write(str(os.getpid()))
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, supervisor.stop.set)
        loop.add_signal_handler(signal.SIGINT, supervisor.stop.set)
    ready()
    logger.info("the pool runs as %s in %s", os.getpid(), config.run_dir)
    try:
        await supervisor.watch()
    finally:
        listener.close()
        await supervisor.end_workers()
        for path in (pid_file, os.path.join(config.run_dir, SECRET)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        logger.info("the pool has left")
