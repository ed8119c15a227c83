"""The supervisor: starts a worker when one is needed, and leaves when no web process is left."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ..placement import POOL, SECRET, is_address
from ..protocol import (
    Alive,
    Done,
    EnsureWorker,
    Hello,
    Kill,
    Killed,
    Message,
    Stop,
    Survey,
    WorkerLeaves,
    WorkerReady,
    WorkerState,
    WorkerUse,
)
from .config import PoolConfig
from .exchange import Exchange
from .listeners.socket import Connection, Listener
from .listing import Listing
from .slots import Slots

__all__ = ["Supervisor", "run"]

logger = logging.getLogger(__name__)


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
        self._watch = _Watch()
        self._exchange = Exchange(lambda: self.slots.senders())
        self._tasks: set[asyncio.Task[None]] = set()
        self.stop = asyncio.Event()
        self.slots = Slots(config, secret, self._exchange, self.stop)
        self._listing = Listing(self.slots)

    # ---- Handler -----------------------------------------------------------------------------------------

    def opened(self, connection: Connection, hello: Hello) -> None:
        """See :class:`Handler`. Who says no pid is none that the pool lives for: its own workers, and
        administrators."""
        if hello.pid:
            self._watch.connections.add(connection)
            self._watch_server(hello.server)

    def closed(self, connection: Connection) -> None:
        """See :class:`Handler`."""
        if connection in self._watch.connections:
            self._watch.connections.discard(connection)
            self._watch.empty_since = time.monotonic()

    def handle(self, message: Message, reply: Callable[[Message], None]) -> None:
        """See :class:`Handler`."""
        if isinstance(message, EnsureWorker):
            self._start(self.slots.ensure(message, reply))
        elif isinstance(message, WorkerReady | WorkerLeaves | WorkerUse | Alive):
            self.slots.hear(message, reply)
        elif not self._administer(message, reply):
            self._exchange.handle(message, reply)

    def _administer(self, message: Message, reply: Callable[[Message], None]) -> bool:
        if isinstance(message, Survey):
            self._start(self._listing.survey(self._watch.servers, reply))
        elif isinstance(message, Kill):
            self._start(self._listing.kill(message, reply))
        elif isinstance(message, WorkerState | Killed):
            self._listing.heard(message)
        elif isinstance(message, Stop):
            self._start(self._stop(reply))
        else:
            return False
        return True

    async def _stop(self, reply: Callable[[Message], None]) -> None:
        await self._listing.stop()
        reply(Done())
        self.stop.set()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # a loop keeps only weak references
        task.add_done_callback(self._tasks.discard)

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

    @property
    def alone(self) -> bool:
        """Whether there is no web process, and none to be expected."""
        return not self._watch.connections and not self._watch.servers

    async def watch(self, found: Callable[[], bool]) -> None:
        """Returns when the pool has to leave: also when it cannot be *found* any more."""
        while not self.stop.is_set():
            if self.alone and time.monotonic() - self._watch.empty_since > self._config.grace:
                return
            if not found():
                logger.warning("the pool leaves: its socket in %s was taken away", self._config.run_dir)
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.stop.wait(), min(0.5, self._config.grace))


async def run(config: PoolConfig, secret: str, ready: Callable[[], None]) -> None:
    """Runs the pool until it leaves; *ready* is called when it can be reached."""
    loop = asyncio.get_running_loop()
    supervisor = Supervisor(config, secret)
    _clear(config.run_dir)
    listener = Listener(loop, config.run_dir, POOL, config.kind, secret, supervisor)
    pid_file = os.path.join(config.run_dir, f"{POOL}.pid")
    try:
        with open(pid_file, "w") as file:
            file.write(str(os.getpid()))
        with contextlib.suppress(NotImplementedError):  # on Windows
            loop.add_signal_handler(signal.SIGTERM, supervisor.stop.set)
            loop.add_signal_handler(signal.SIGINT, supervisor.stop.set)
        ready()
        logger.info("the pool runs as %s in %s", os.getpid(), config.run_dir)
        await supervisor.watch(listener.found)
    finally:
        temporary = config.temporary and supervisor.alone
        listener.close()
        supervisor.stop.set()
        await supervisor.slots.end()
        _end_group()
        if _is_ours(pid_file):
            _clear(config.run_dir)
            for path in (pid_file, os.path.join(config.run_dir, SECRET)):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            if temporary:
                shutil.rmtree(config.run_dir, ignore_errors=True)
        logger.info("the pool has left")


def _end_group() -> None:
    """Ends what apps have started and left behind: it is in the process group of the pool."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


def _is_ours(pid_file: str) -> bool:
    """Whether no other pool has taken over the folder, as when our socket was taken away."""
    try:
        with open(pid_file) as file:
            return file.read() in (str(os.getpid()), "")  # empty: there was no room for more
    except OSError:
        return False


def _clear(run_dir: str) -> None:
    """Removes the addresses of workers that are no more: who was killed could not."""
    for name in os.listdir(run_dir):
        if is_address(name):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(run_dir, name))
