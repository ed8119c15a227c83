"""The pool on threads of the web process, where there may be no other process: no supervisor, no socket.

One thread has the loop of what a supervisor and its workers do otherwise, one worker for each mount; each
instance has its own, as ever. Messages are packed and unpacked on their way here, too: nobody holds an object
that somebody else may change.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from ..errors import ConfigError, PoolError
from ..placement import mount_of
from ..protocol import Company, Decoder, Done, EnsureWorker, Message, encode
from .adapters import Adapter, adapter_class
from .apps import load
from .config import PoolConfig, WorkerConfig, worker_config
from .exchange import Exchange
from .listeners.base import Messages, Send, serve
from .loops import loop_thread, patched
from .resources import allow_files
from .worker import Worker

__all__ = ["InlinePool"]

logger = logging.getLogger(__name__)

GREEN = (
    "HTAG_BROKER='inline' where gevent has patched Python's library: what several instances share may not "
    "work (queues, executors, connections that a client keeps). gunicorn -w 1 -k gthread has no such limit"
)

APART = (
    "isolation='session' needs a process for each session, and HTAG_BROKER='inline' starts none: leave one "
    "of them out"
)

LOOK = 0.02
"""Seconds between two looks whether all has ended."""


def _passed(message: Message) -> Message:
    """*message* as it arrives."""
    return Decoder().feed(encode(message))[0]


class InlinePool:
    """Its methods may be called from any thread."""

    def __init__(self, config: PoolConfig) -> None:
        self._config = config
        self._prepared: dict[str, tuple[WorkerConfig, type[Adapter], type]] = {}
        self._classes: dict[type, tuple[type[Adapter], type]] = {}
        self._preparing = threading.Lock()
        self._workers: dict[str, Worker] = {}
        allow_files()
        if patched():
            logger.warning("%s", GREEN)
        self._thread = loop_thread("htag-pool", self._main)
        self._loop = self._thread.loop
        self._exchange = Exchange(self._senders)
        self._thread.start()

    def _main(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def ensure(self, message: EnsureWorker) -> None:
        """Imports the app of a worker, unless that was done. In the thread of the caller, as an app may take
        its time. Raises AppError and ConfigError."""
        if message.options.get("isolation") == "session":
            raise ConfigError(APART)
        mount = mount_of(message.slot)
        if mount in self._prepared:
            return
        with self._preparing:
            if mount not in self._prepared:
                config = worker_config(self._config, "", message)
                self._prepared[mount] = (config, *self._prepare(load(message.app)))

    def _prepare(self, app: type) -> tuple[type[Adapter], type]:
        # An adapter is for one app of a process, and an app is prepared once, however often it is mounted.
        if app not in self._classes:
            adapter = adapter_class()
            adapter = type(adapter.__name__, (adapter,), {})
            self._classes[app] = adapter, adapter.prepare(app)
        return self._classes[app]

    def ask(self, slot: str, message: Message, reply: Send) -> None:
        """Has the worker of *slot*, which was ensured, answer *message*; or who all share, if it is empty."""
        passed = _passed(message)
        self._call(lambda: serve(self._server(slot), passed, lambda answer: reply(_passed(answer))))

    def _call(self, work: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            raise PoolError("this web process ends") from None

    def close(self, timeout: float, reply: Send) -> None:
        """Ends every instance. Replies when all of them have ended and their sessions are stored, at most
        after *timeout* seconds."""
        self._call(lambda: self._exchange.start(self._close(timeout, reply)))

    # ---- in the thread of the pool -----------------------------------------------------------------------

    async def _close(self, timeout: float, reply: Send) -> None:
        until = time.monotonic() + timeout
        for worker in self._workers.values():
            worker.store()
            worker.end()
        while time.monotonic() < until and not all(worker.over() for worker in self._workers.values()):
            await asyncio.sleep(LOOK)
        reply(Done())

    def _server(self, slot: str) -> Messages:
        return self._worker(mount_of(slot)) if slot else self._exchange

    def _senders(self) -> list[tuple[str, Send]]:
        return [(worker.slot, _Way(self, worker).to_worker) for worker in self._workers.values()]

    def _worker(self, mount: str) -> Worker:
        worker = self._workers.get(mount)
        if worker is None:
            config, adapter, app = self._prepared[mount]
            worker = Worker(config, app, time.time_ns(), adapter, None)
            worker.listen(_Way(self, worker))
            self._workers[mount] = worker
            if len(self._workers) > 1:
                for each in self._workers.values():
                    each.told(_Way(self, each), Company())
            logger.info("instances of %s live on threads of this web process", config.app)
        return worker

    def hear(self, worker: Worker, message: Message) -> None:
        """*worker* says something."""
        self._call(lambda: serve(self._exchange, message, _Way(self, worker).to_worker))


class _Way:
    """Between a worker and the others, in place of its connection to a supervisor."""

    def __init__(self, pool: InlinePool, worker: Worker) -> None:
        self._pool = pool
        self._worker = worker

    def send(self, message: Message) -> None:
        """To the others."""
        self._pool.hear(self._worker, _passed(message))

    def to_worker(self, message: Message) -> None:
        """From the others."""
        self._worker.told(self, _passed(message))
