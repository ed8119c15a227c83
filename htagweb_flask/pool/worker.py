"""A worker: serves one app, and holds many instances of it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..appref import AppRef
from ..errors import BadMessage, Full, Gone, Retired
from ..protocol import (
    Alive,
    Current,
    Done,
    Handshake,
    Hello,
    Interact,
    Kill,
    Leave,
    Message,
    Poll,
    Render,
    Saved,
    Survey,
    WorkerUse,
)
from .adapters import Adapter
from .caps import Use
from .client import Client
from .config import WorkerConfig
from .freshness import Freshness
from .instance import Instance
from .intake import Intake
from .listeners.base import answering
from .listeners.socket import Connection, Listener
from .live_session import LiveSession
from .residents import CROWDED, Key, Residents
from .sessions import Sessions
from .warden import Warden
from .watchdog import Watchdog, Watched
from .wear import Wear

if TYPE_CHECKING:
    from .channels import Channels

__all__ = ["Worker"]

logger = logging.getLogger(__name__)

SWEEP = 5.0
"""Seconds between two looks for clients and instances that nobody needs any more."""

RETIRE = 10.0
"""Seconds that an instance which no page shows is kept, where another one of the session is shown."""


class Peer(Protocol):
    """The supervisor, as a worker sees it."""

    def send(self, message: Message) -> None:
        """Sends it *message*."""


class Worker:
    """Routes messages to instances. Lives in a thread where no app code runs."""

    def __init__(
        self,
        config: WorkerConfig,
        app: type,
        born: int,
        adapter: type[Adapter],
        leave: Callable[[], None] | None,
    ) -> None:
        """The import of *app* began at *born* (``time.time_ns()``). *leave* is called when another process
        has to take the place of this one; None where there is no other."""
        self._config = config
        self._app = app
        self._adapter = adapter
        self._loop = asyncio.get_running_loop()
        self._instances = Residents(config.slot, config.instances, config.session_instances)
        self._clients: dict[str, tuple[Instance, Client]] = {}
        self._sessions = Sessions(config.slot, self.end)
        self._supervisor: Peer | None = None
        self._listener: Listener | None = None
        self._channels = self._open_channels() if config.parano else None
        self._use: Use | None = None  # what the supervisor knows of it
        self._using = threading.Lock()
        self._busy = time.monotonic()
        tell = self._refresh if config.reload and leave else None
        code = Freshness(AppRef.parse(config.app), config.debug, born, tell)
        self._leave = leave
        self._watchdog = Watchdog(config.interaction_timeout, self._given_up)
        self.wear = Wear(config, code, self._watchdog)
        self._warden = Warden(lambda: self._instances, self._watchdog, self._is_worn_out, leave or _stay)
        self._loop.call_later(SWEEP, self._sweep)

    def opened(self, connection: Connection, hello: Hello) -> None:
        """See :class:`Handler`."""

    def closed(self, connection: Connection) -> None:
        """See :class:`Handler`."""

    def handle(self, message: Message, reply: Callable[[Message], None]) -> None:
        """See :class:`Handler`."""

        def answer(answered: Message) -> None:
            self._tell_use()
            reply(answered)

        answer_to: Callable[[Message], None] = answer
        if self._channels:
            message, answer_to = self._channels.opened(message, answer)
        answering(lambda: self._route(message, answer_to), answer_to)
        self._tell_use()

    def _route(self, message: Message, reply: Callable[[Message], None]) -> None:
        if isinstance(message, Interact | Render):
            self._busy = time.monotonic()
        if isinstance(message, Interact):
            instance, client = self._find(message.client)
            instance.interact(client, message, reply)
        elif isinstance(message, Poll):
            instance, client = self._find(message.client)
            instance.poll(client, message, reply)
        elif isinstance(message, Render):
            self._instance(message).render(message, reply)
        elif isinstance(message, Saved):
            self._sessions.saved(message, reply)
        elif isinstance(message, Current):
            reply(Current(message.link, self._sessions.current(message.link, message.sid)))
        elif isinstance(message, Leave):
            if message.client in self._clients:
                instance, client = self._clients[message.client]
                instance.leave(client)
                self._retire(instance)
            reply(Done())
        elif isinstance(message, Handshake) and self._channels:
            self._take_pages()
            reply(self._channels.begin(message))
        else:
            raise BadMessage(f"a worker does not serve {type(message).__name__}")

    @property
    def slot(self) -> str:
        """Its name."""
        return self._config.slot

    def over(self) -> bool:
        """Whether every instance has ended and all is stored."""
        ended = all(instance.join(0) for instance in self._instances)
        return ended and self._sessions.settled()

    def quiet(self) -> float:
        """See :class:`resources.Holder`."""
        return time.monotonic() - self._busy

    def left_behind(self) -> tuple[int, int, float]:
        """See :class:`resources.Holder`."""
        return len(self._instances), self._instances.gone, time.monotonic() - self._instances.changed

    def _find(self, client: str) -> tuple[Instance, Client]:
        found = self._clients.get(client)
        if found is None:
            raise Gone("the instance has ended")
        return found

    def _open_channels(self) -> Channels:
        from .channels import Channels  # with pycryptodome, which no other worker needs

        return Channels(self._config.debug, self._config.key_file)

    def _take_pages(self) -> None:
        if self.wear.retired:
            raise Retired("this process takes no new page")

    def _instance(self, message: Render) -> Instance:
        self._take_pages()
        session = self._sessions.of(message)
        query, renewed = self._adapter.renewal(message.request.query)
        key = (message.link, message.client if self._config.scope == "tab" else query)
        instance = self._instances.get(key)
        if instance and (instance.useless or (renewed and message.renew)):
            instance.end()
        if instance is None or instance.ended or instance.exiting:
            self._instances.make_room(message.link)
            instance = self._begin(key, session)
            self._instances.add(key, instance)
            self._watchdog.watch(instance)
        return instance

    def _begin(self, key: Key, session: LiveSession) -> Instance:
        digest = hashlib.sha256("/".join((self._config.slot, *key)).encode()).hexdigest()
        name = f"{self._app.__qualname__}-{digest[:8]}"
        try:
            return Instance(
                name,
                self._build,
                session,
                self._clients,
                self._loop,
                self._config.idle_timeout,
                self._config.interaction_timeout,
                Intake(self._config.max_rate, self._config.max_queue),
                self._config.debug,
            )
        except (OSError, RuntimeError) as error:  # no descriptor for its loop, or no thread
            logger.error("%s cannot begin: the system allows no more: %s", name, str(error))
            raise Full(CROWDED) from None

    def _build(self, instance: Instance, message: Render) -> Adapter:
        return self._adapter(self._app, instance, message.request)

    def _sweep(self) -> None:
        if self._leave:
            self.wear.look()
        shown = {link for (link, _), instance in self._instances.items() if instance.clients}
        for key, instance in self._instances.items():
            instance.sweep()
            if instance.idle() > RETIRE and (key[0] in shown or self.wear.outdated):
                instance.end()  # its user has gone on to another query, or to the new code
            self._retire(instance)
            if instance.ended and instance.join(0):
                self._instances.discard(key)
        self._sessions.keep(self._instances.links())
        if self._channels:
            self._channels.sweep(self._clients)
        if self._leave and self._is_done():
            self._warden.leave()
        self._tell_use()
        self._loop.call_later(SWEEP, self._sweep)

    def _tell_use(self) -> None:
        """Tells the supervisor how much this process is needed, if it is for one session. From any thread;
        before an answer: who gets that may come back at once, and find no room."""
        if self._config.isolation == "session" and self._supervisor:
            with self._using:
                use = max((one.use for one in self._instances), default=Use.UNCLAIMED)
                if use is not self._use:
                    self._use = use
                    self._supervisor.send(WorkerUse(self._config.slot, use))

    def _refresh(self) -> None:
        """The code was saved: open pages, and those that are being made just now, load themselves again."""
        for instance in self._instances:
            instance.refresh()

    def _is_done(self) -> bool:
        """Whether new pages go to another process, and nobody needs this one, or it cannot wait for that."""
        awaited = self._instances or (self._channels and self._channels.awaited)
        if (self.wear.outdated or self._config.isolation == "session") and not awaited:
            return True
        if self._listener and not self._listener.found():
            return True
        used = any(instance.shown for instance in self._instances)
        return self.wear.spent or (self.wear.retired and not used)

    def _given_up(self, instance: Watched) -> None:
        logger.error("the thread of %s cannot be ended: it stays until this process leaves", instance.whom)
        for key in [key for key, one in self._instances.items() if one is instance]:
            self._instances.discard(key)
        if self._leave and self._config.isolation == "session":
            self._warden.leave()  # at once, as it harms nobody else

    def _is_worn_out(self) -> bool:
        """For the warden, who cannot wait for the next look."""
        if not self._leave:
            return False
        if self._config.isolation == "session":
            return True  # nobody else uses it
        self.wear.look()
        return self._is_done()

    def _retire(self, instance: Instance) -> None:
        """Ends *instance* if it was for one page, which is closed: it has no other way to be reached."""
        if self._config.scope == "tab" and not instance.shown:
            instance.end()

    # ---- what comes from the supervisor ------------------------------------------------------------------

    def listen(self, supervisor: Peer, listener: Listener | None = None) -> None:
        """*supervisor* is where changes go that no request waits for; by *listener* it is reached."""
        self._supervisor, self._listener = supervisor, listener
        self._sessions.tell = supervisor.send

    def told(self, _: Peer, message: Message) -> None:
        """The supervisor says something."""
        if isinstance(message, Alive):
            if self._supervisor:
                self._supervisor.send(message)
        elif isinstance(message, Survey | Kill):
            if self._supervisor:
                self._warden.serve(message, self._supervisor.send)
        else:
            self._sessions.told(message)

    def store(self) -> None:
        """Has stored what background tasks have changed, and what came to no end."""
        self._sessions.store()

    def join(self, timeout: float) -> None:
        """Waits until every instance has ended, at most *timeout* seconds in all."""
        until = time.monotonic() + timeout
        for instance in self._instances:
            instance.join(max(0.0, until - time.monotonic()))

    def end(self, link: str | None = None) -> None:
        """Ends every instance, or those of session *link*."""
        for instance in self._instances if link is None else self._instances.of(link):
            instance.end()


def _stay() -> None:
    """There is no other process that could take the place of this one."""
