"""A worker: a process that serves one app, and holds many instances of it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import signal
import socket
import sys
import traceback
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from ..appref import AppRef
from ..errors import AppError, BadMessage, Gone, HtagError
from ..placement import POOL, address_file
from ..protocol import Decoder, Done, Hello, Interact, Leave, Message, Poll, Render, WorkerReady, encode
from ..session import Snapshot
from .adapters import Adapter, adapter_class
from .client import Client
from .instance import Instance
from .listeners.socket import Connection, Listener

__all__ = ["Worker", "WorkerConfig", "run"]

logger = logging.getLogger(__name__)

SWEEP = 5.0
"""Seconds between two looks for clients and instances that nobody needs any more."""


@dataclass(frozen=True)
class WorkerConfig:
    """What the supervisor tells a new worker."""

    run_dir: str
    kind: str
    secret: str
    slot: str
    app: str
    scope: str
    idle_timeout: float
    debug: bool


class Worker:
    """Routes messages to instances. Lives in the main thread, where no app code runs."""

    def __init__(self, config: WorkerConfig, app: type, adapter: type[Adapter]) -> None:
        self._config = config
        self._app = app
        self._adapter = adapter
        self._loop = asyncio.get_running_loop()
        self._instances: dict[tuple[str, str], Instance] = {}
        self._clients: dict[str, tuple[Instance, Client]] = {}
        self._sessions: weakref.WeakValueDictionary[str, Snapshot] = weakref.WeakValueDictionary()
        self._loop.call_later(SWEEP, self._sweep)

    def opened(self, connection: Connection, hello: Hello) -> None:
        """See :class:`Handler`."""

    def closed(self, connection: Connection) -> None:
        """See :class:`Handler`."""

    def handle(self, message: Message, reply: Callable[[Message], None]) -> None:
        """See :class:`Handler`."""
        if isinstance(message, Interact):
            instance, client = self._find(message.client)
            instance.interact(client, message, reply)
        elif isinstance(message, Poll):
            instance, client = self._find(message.client)
            instance.poll(client, message, reply)
        elif isinstance(message, Render):
            self._instance(message).render(message, reply)
        elif isinstance(message, Leave):
            if message.client in self._clients:
                instance, client = self._clients[message.client]
                instance.leave(client)
            reply(Done())
        else:
            raise BadMessage(f"a worker does not serve {type(message).__name__}")

    def _find(self, client: str) -> tuple[Instance, Client]:
        found = self._clients.get(client)
        if found is None:
            raise Gone("the instance has ended")
        return found

    def _instance(self, message: Render) -> Instance:
        session = self._sessions.get(message.link)
        if session is None:
            session = self._sessions[message.link] = Snapshot(message.session)
        else:
            session.refresh(message.session)
        part = message.client if self._config.scope == "tab" else message.request.query
        key = (message.link, part)
        instance = self._instances.get(key)
        if instance is not None and instance.useless:
            instance.end()
        if instance is None or instance.ended:
            name = f"{self._app.__qualname__}-{hashlib.sha256('/'.join(key).encode()).hexdigest()[:8]}"
            instance = self._instances[key] = Instance(
                name,
                self._build,
                session,
                self._clients,
                self._loop,
                self._config.idle_timeout,
                self._config.debug,
            )
        return instance

    def _build(self, instance: Instance, message: Render) -> Adapter:
        return self._adapter(self._app, instance, message.request)

    def _sweep(self) -> None:
        for key, instance in list(self._instances.items()):
            instance.sweep()
            if instance.ended:
                del self._instances[key]
        self._loop.call_later(SWEEP, self._sweep)

    def end(self) -> None:
        """Ends every instance."""
        for instance in self._instances.values():
            instance.end()


def run(config: WorkerConfig) -> int:
    """Runs a worker until the supervisor is gone or says stop. Returns the exit status."""
    link = _call_supervisor(config)
    try:
        adapter = adapter_class()
        app = adapter.prepare(_load(config.app))
    except HtagError as error:
        link.sendall(encode(WorkerReady(config.slot, os.getpid(), str(error), error.trace)))
        return 1
    asyncio.run(_serve(config, app, adapter, link))
    # Threads of instances that are stuck in an app's code must not keep the process.
    logging.shutdown()
    os._exit(0)


def _load(app: str) -> type:
    try:
        found = AppRef.parse(app).load()
    except HtagError:
        raise
    except BaseException as error:  # sys.exit() at import, too
        trace = "".join(traceback.format_exception(error))
        text = f"import of {AppRef.parse(app).module}: {type(error).__name__}: {error}"
        raise AppError(text, trace) from None
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
    while not decoder.feed(link.recv(4096)):
        pass
    return link


async def _serve(config: WorkerConfig, app: type, adapter: type[Adapter], link: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    worker = Worker(config, app, adapter)
    listener = Listener(loop, config.run_dir, config.slot, config.kind, config.secret, worker)
    if hasattr(signal, "SIGTERM") and sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, stop.set)
    link.setblocking(False)

    def supervisor_spoke() -> None:
        try:
            alive = link.recv(4096)
        except OSError:
            alive = b""
        if not alive:
            stop.set()

    loop.add_reader(link.fileno(), supervisor_spoke)
    await loop.sock_sendall(link, encode(WorkerReady(config.slot, os.getpid())))
    await stop.wait()
    listener.close()
    worker.end()
