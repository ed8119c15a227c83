"""The process of a worker: from its configuration to its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import time
from typing import NoReturn

from ..appref import AppRef
from ..errors import AppError, HtagError, PoolError
from ..placement import POOL, address_file
from ..protocol import Decoder, Hello, WorkerLeaves, WorkerReady, encode, failure
from . import loops
from .adapters import Adapter, adapter_class
from .apps import load
from .config import WorkerConfig
from .listeners.socket import Connection, Listener
from .resources import Heap, allow_files
from .worker import Worker

__all__ = ["hosted", "run"]

LAST = 2.0
"""Seconds that instances have for their ``on_destroy`` when the pool ends."""


def run(config: WorkerConfig) -> NoReturn:
    """Runs a worker until the supervisor is gone or says stop."""
    link, status = _call_supervisor(config), 0
    try:
        adapter = adapter_class()
        if config.fast:
            adapter.quicken()
        born = time.time_ns()
        app = adapter.prepare(hosted(config.app))
        allow_files()
        gc.freeze()  # what all of them have: a fork would copy what a collection looks at
        loops.run(_serve(config, app, born, adapter, link))
    except HtagError as error:
        link.sendall(encode(WorkerReady(config.slot, os.getpid(), failure(error))))
        status = 1
    # Threads that an app has started, or that are stuck in its code, must not keep the process.
    logging.shutdown()
    os._exit(status)


def hosted(app: str) -> type:
    """The class *app*, imported, if it can be hosted in a process of the pool. Raises AppError."""
    process = os.getpid()
    try:
        found = load(app)
    finally:
        if os.getpid() != process:  # of a module that forks: it must not be taken for the one that asks
            os._exit(0)
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        raise AppError(
            f"{AppRef.parse(app).module} calls gevent's monkey.patch_all(), which breaks the threads of the "
            "pool: move the app's class to a module that does not"
        )
    return found


def _call_supervisor(config: WorkerConfig) -> socket.socket:
    """The connection that says ready, and whose end says that the supervisor is gone."""
    address = address_file(config.run_dir, POOL, config.kind)
    if config.kind == "unix":
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.connect(address)
    else:
        with open(address) as file:
            link = socket.create_connection(("127.0.0.1", int(file.read())))
    link.sendall(encode(Hello(config.secret)))
    decoder = Decoder()
    while data := link.recv(4096):
        if decoder.feed(data):
            return link
    sys.exit("the pool that has started this process is gone")


async def _serve(
    config: WorkerConfig, app: type, born: int, adapter: type[Adapter], link: socket.socket
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    worker = Worker(config, app, born, adapter, stop.set)
    heap = Heap(loop, worker) if config.isolation == "shared" else None
    try:
        listener = Listener(loop, config.run_dir, config.slot, config.kind, config.secret, worker)
    except OSError as error:
        raise PoolError(f"{error} (in {config.run_dir}: set HTAG_RUN_DIR)") from None
    supervisor = Connection(link, loop, worker.told, lambda _: stop.set())
    worker.listen(supervisor, listener)
    with contextlib.suppress(NotImplementedError):  # on Windows
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    supervisor.send(WorkerReady(config.slot, os.getpid()))
    await stop.wait()
    if heap:
        heap.close()
    listener.close()
    supervisor.send(WorkerLeaves(config.slot, worker.wear.retired))
    worker.store()
    worker.end()
    worker.join(LAST)
