"""An instance: one live tag tree, an actor with a thread and an asyncio loop of its own.

The thread of the worker accepts messages (it never runs app code), the thread of the instance runs the app.
What both touch, the clients, is under one lock that is held for list and dict work only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from ..errors import AppError, Gone, HtagError, PoolError
from ..log import THREAD
from ..placement import session_name
from ..protocol import Failure, InstanceState, Interact, Page, Poll, Render, failure
from .adapters import Adapter
from .caps import Use
from .client import Client, Reply, decode_call
from .delivery import Delivery
from .intake import Intake
from .interactions import Interactions
from .live_session import LiveSession
from .loops import loop_thread
from .watchdog import Hung

__all__ = ["Instance"]

logger = logging.getLogger(__name__)

CLIENT_GRACE = 60.0
"""Seconds that a client which is not heard of is kept: a phone that picks a file, a laptop between two
networks. Its pushes wait in its outbox meanwhile."""

HIDDEN_GRACE = 300.0
"""The same for a page that nobody looks at: browsers let those ask once in a minute, phones stop them."""

EXIT = 0.5
"""Seconds between ``exit()`` and the end: the page gets what is said last."""

CLOSE = 5.0
"""Seconds that tasks have to end when they are cancelled at the end."""

REFRESH = b'{"refresh":true}'
"""The payload that has a page load itself again."""

_HUNG = (
    "The app does not react for {:g} s. Its init, or what it does in the meantime, takes too long: "
    "the log of the server says where. Do that in a thread, or set HTAG_INTERACTION_TIMEOUT."
)


class Instance:
    """One live tag tree and its clients. It is the ``Host`` of its adapter."""

    def __init__(
        self,
        name: str,
        build: Callable[[Instance, Render], Adapter],
        session: LiveSession,
        directory: dict[str, tuple[Instance, Client]],
        timers: asyncio.AbstractEventLoop,
        idle_timeout: float,
        interaction_timeout: float,
        intake: Intake,
        debug: bool,
    ) -> None:
        self.name = name
        self.whom = f"{name} of session {session_name(session.link)}"  # for the log
        self.session = session.data
        self.live_session = session
        self.debug = debug
        self.strict = False
        self.clients: dict[str, Client] = {}
        self.ended = False
        self.exiting = False
        self._directory = directory  # of all clients of the worker
        self._build = build
        self._adapter: Adapter | None = None
        self._timers = timers  # of the worker: an app that blocks its own loop delays none of them
        self._idle_timeout = idle_timeout
        self._interaction_timeout = interaction_timeout
        self._born = self._used = self._idle_since = time.monotonic()
        self.claimed = False  # whether a browser has shown that it runs the page
        self._pages: dict[str, Reply] = {}  # that are being made, by client
        self._outdated: set[str] = set()  # those that have to be asked for again
        self._failed = False  # the last one
        self._tasks: set[asyncio.Task[None]] = set()
        self.lock = threading.Lock()
        self.thread = loop_thread(f"{THREAD}{self.whom}", self._main)
        self._loop = self.thread.loop
        self._delivery = Delivery(self, self._loop, timers)
        self._interactions = Interactions(self, self._delivery, timers, intake, interaction_timeout)
        try:
            self.thread.start()
        except RuntimeError:  # the system allows no more threads
            self._loop.close()
            raise

    def __repr__(self) -> str:
        return f"<Instance {self.name} clients={len(self.clients)} ended={self.ended}>"

    # ---- from the thread of the worker -------------------------------------------------------------------

    def render(self, message: Render, reply: Reply) -> None:
        """Renders the page of a new client. Reply: Page or Failure."""
        self._used = time.monotonic()
        with self.lock:
            self._pages[message.client] = reply
        if not self.start(self._render(message)):
            self._end_pages(Gone("the instance has ended"))

    @property
    def useless(self) -> bool:
        """Whether it could not be rendered, and nobody has a page of it: a new one may fare better."""
        return self._failed and not self.shown

    def interact(self, client: Client, message: Interact, reply: Reply) -> None:
        """Runs an interaction. Reply: Batch or Failure. Raises BadMessage, SequenceGap and TooMany."""
        call = decode_call(message.body)
        self.claimed, self._used = True, time.monotonic()
        self._interactions.accept(client, call, reply)

    def poll(self, client: Client, message: Poll, reply: Reply) -> None:
        """Replies with a Batch of what comes after the cursor, as soon as there is something; an empty one
        after the wait."""
        if self._delivery.poll(client, message, reply):
            self.claimed = True
            self.start(self._attached())

    def leave(self, client: Client) -> None:
        """The page is closed."""
        with self.lock:
            self._drop(client)

    def sweep(self) -> None:
        """Drops the clients that are not heard of; ends the instance when nobody needs it any more."""
        now = time.monotonic()
        with self.lock:
            for client in list(self.clients.values()):
                patience = HIDDEN_GRACE if client.hidden else CLIENT_GRACE
                if client.transport == "none":
                    patience = self._idle_timeout
                if client.poll is None and not client.running and now - client.heard > patience:
                    self._drop(client)
            patience = self._idle_timeout if self.claimed else CLIENT_GRACE
            if self.shown or now - self._idle_since <= patience:
                return
        self.end()

    @property
    def shown(self) -> bool:
        """Whether there is a page of it, or one is being made."""
        return bool(self.clients or self._pages)

    @property
    def use(self) -> Use:
        """See :class:`caps.Member`."""
        if self._pages or (self.claimed and self.clients):
            return Use.SHOWN
        return Use.IDLE if self.claimed else Use.UNCLAIMED

    @property
    def since(self) -> float:
        """See :class:`caps.Member`."""
        return self._idle_since

    def idle(self) -> float:
        """For how many seconds no page has shown it."""
        return 0.0 if self.shown else time.monotonic() - self._idle_since

    def end(self) -> None:
        """Ends tree, tasks, loop and thread. Its clients are told that it is gone."""
        with self.lock:
            if self.ended:
                return
            self.ended = True
            for client in list(self.clients.values()):
                self._drop(client)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def join(self, timeout: float) -> bool:
        """Waits until its thread has ended, at most *timeout* seconds: apps may have something to do then.
        Returns whether it has."""
        return self.thread.join(timeout)

    def dismiss(self) -> None:
        """Ends it as ``exit()`` does, as somebody else wishes; its own loop may hang."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended
            self.exit()
        self._delivery.flush()

    def state(self) -> InstanceState:
        """What administrators see of it."""
        now = time.monotonic()
        pages = [client.state(now) for client in list(self.clients.values())]
        name, ending = session_name(self.live_session.link), self.ended or self.exiting
        return InstanceState(self.name, name, now - self._born, now - self._used, ending, pages)

    def refresh(self) -> None:
        """Has its pages load themselves again, those that are being made too: there is new code."""
        with self.lock:
            self._outdated = set(self._pages)
        with contextlib.suppress(RuntimeError):  # it has ended
            self.emit(REFRESH)

    def ping(self, answer: Callable[[], None]) -> None:
        """Has *answer* called in its loop: whoever waits in vain knows that it does not react."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the thread about to end
            self._loop.call_soon_threadsafe(answer)

    def hung(self) -> None:
        """It does not react: ends it, and tells everybody who waits."""
        self._end_pages(PoolError(_HUNG.format(self._interaction_timeout)))
        self.end()

    def _drop(self, client: Client) -> None:
        self._directory.pop(client.id, None)
        if self.clients.pop(client.id, None) is not None:
            self._idle_since = time.monotonic()
            if self._adapter and not self.ended:
                self.start(self._adapter.left(client.id))
            if client.timer:
                client.timer.cancel()  # it holds this instance
            for waiter in client.waiters():
                waiter.gone()

    def start(self, work: Coroutine[Any, Any, None]) -> bool:
        """See :class:`Actor`."""
        try:
            self._loop.call_soon_threadsafe(self._spawn, work)
        except RuntimeError:  # the loop is closed: end() has told everybody
            work.close()
            return False
        return True

    # ---- in the thread of the instance -------------------------------------------------------------------

    def _main(self) -> None:
        try:
            with contextlib.suppress(Hung):
                self._loop.run_forever()
            with contextlib.suppress(Hung):
                self._loop.run_until_complete(self._close())
        finally:
            self._loop.close()
            self._end_pages(Gone("the instance has ended"))
            logger.info("end of %s", self.whom)

    async def _close(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE)
        try:
            if self._adapter:
                await self._adapter.close()
        except (Exception, Hung) as error:
            logger.error("%s failed while it was closed", self.whom, exc_info=error)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._loop.shutdown_asyncgens(), CLOSE)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)  # a loop keeps only weak references
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(task.exception(), Hung):
            logger.info("%s was interrupted", self.whom)

    async def _render(self, message: Render) -> None:
        client = Client(message.client, message.transport)
        try:
            first = self._adapter is None
            if self._adapter is None:
                self.strict = bool(message.nonce)
                self._adapter = self._build(self, message)
                logger.info("start of %s", self.whom)
            await self._adapter.before_page(message.request, first)
            with self.lock:
                if self.ended:
                    raise Gone("the instance has ended")
                self.clients[client.id] = client
                self._directory[client.id] = (self, client)
            html = self._adapter.page(message, client.outbox.put(b"{}"))
            client.outbox.acknowledge(client.outbox.last)  # it goes with the page
            if client.id in self._outdated:
                client.outbox.put(REFRESH)
            self._delivery.shown(client)
        except BaseException as error:
            with self.lock:
                self._drop(client)
                self._failed = True
            if not isinstance(error, Exception | SystemExit):
                raise
            self._deliver(client, self._broken(error))
        else:
            self._failed = False
            body = html.encode("utf-8", "replace")
            self.live_session.settle(lambda delta: self._deliver(client, Page(body, delta)))

    def _deliver(self, client: Client, page: Page | Failure) -> None:
        with self.lock:
            reply = self._pages.pop(client.id, None)
        if reply:
            self.live_session.answered = True
            reply(page)

    def _end_pages(self, reason: HtagError) -> None:
        """Says of the pages that are being made that there will be none."""
        with self.lock:
            replies = list(self._pages.values())
            self._pages.clear()
        for reply in replies:
            self.live_session.answered = True
            reply(failure(reason))

    def _broken(self, error: BaseException) -> Failure:
        if isinstance(error, Gone):
            return failure(error)
        if not isinstance(error, AppError):
            trace = "".join(traceback.format_exception(error))
            error = AppError(f"{type(error).__name__}: {error}", trace)
        logger.error("%s: %s\n%s", self.whom, error, error.trace)
        return failure(error)

    def built(self) -> Adapter:
        """See :class:`Actor`."""
        if self._adapter is None:
            raise RuntimeError("a client came before its page")
        return self._adapter

    async def _attached(self) -> None:
        await self.built().attached()

    # ---- Host: what the adapter calls ------------------------------------------------------------------

    @property
    def emission(self) -> int:
        """See :class:`adapters.base.Host`."""
        return self._delivery.emission

    def emit(self, payload: bytes, to: str | None = None, but: str | None = None) -> bool:
        """See :class:`adapters.base.Host`."""
        return self._delivery.emit(payload, to, but)

    def exit(self) -> None:
        """See :class:`adapters.base.Host`."""
        self.exiting = True
        self.emit(b'{"exit":true}')
        self._timers.call_soon_threadsafe(self._timers.call_later, EXIT, self.end)
