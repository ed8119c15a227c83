"""What an instance says, on its way to its clients.

Payloads get their numbers in the outboxes here, and go with whatever waits for them: a poll, or the answer of
an interaction. That happens in the thread of the worker and in that of the instance, under the lock of the
instance, which is held for list and dict work only.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from ..protocol import Batch, Delta, Poll
from .adapters import Adapter
from .client import RESYNC, Client, Reply, Waiter
from .live_session import LiveSession
from .watchdog import sign_of_life

__all__ = ["Actor", "Delivery"]

logger = logging.getLogger(__name__)


class Actor(Protocol):
    """An instance, as its delivery and its interactions see it."""

    whom: str
    live_session: LiveSession
    clients: dict[str, Client]
    lock: threading.Lock
    ended: bool

    def built(self) -> Adapter:
        """Its adapter, which is there when a client is."""

    def start(self, work: Coroutine[Any, Any, None]) -> bool:
        """Runs *work* in its loop. From any thread; returns False when it has ended."""

    def end(self) -> None:
        """Ends it."""


class Delivery:
    """The only way out of an instance."""

    def __init__(
        self, actor: Actor, loop: asyncio.AbstractEventLoop, timers: asyncio.AbstractEventLoop
    ) -> None:
        """*loop* is that of the instance. *timers* is that of the worker: an app that blocks its own loop
        delays no timer."""
        self.emission = 1
        """See :class:`adapters.base.Host`."""
        self._actor = actor
        self._loop = loop
        self._timers = timers
        self._flushing = False

    # ---- what is said ------------------------------------------------------------------------------------

    def emit(self, payload: bytes, to: str | None = None, but: str | None = None) -> bool:
        """See :class:`adapters.base.Host`."""
        sign_of_life()
        with self._actor.lock:
            whom = [one for one in self._actor.clients.values() if one.id != but and to in (None, one.id)]
            for client in whom:
                client.mark(client.outbox.put(payload), self.emission)
            self.emission += bool(whom)
            self._flush_soon()
        return any(client.transport != "none" for client in whom)

    def shown(self, client: Client) -> None:
        """The page of *client* was rendered, which says all that there is."""
        with self._actor.lock:
            for number in range(client.outbox.last + 1):  # a page may ask before it has taken its payload
                client.mark(number, self.emission)
            self.emission += 1

    def resync(self, client: Client) -> None:
        """The page shows what is not there any more: it gets a full render, on whatever way comes next."""
        if time.monotonic() - client.resynced < RESYNC:
            return
        client.resynced = time.monotonic()
        try:
            body = self._actor.built().snapshot()
        except Exception:
            logger.exception("%s cannot be rendered", self._actor.whom)
            return
        with self._actor.lock:
            self._reset(client, body)
            self._flush_soon()

    def _reset(self, client: Client, body: bytes) -> None:
        client.mark(client.outbox.put_reset(body), self.emission)
        self.emission += 1

    # ---- who waits for it --------------------------------------------------------------------------------

    def poll(self, client: Client, message: Poll, reply: Reply) -> bool:
        """Replies with a Batch of what comes after the cursor, as soon as there is something; an empty one
        after the wait. Returns whether it is the first poll of the client."""
        with self._actor.lock:
            client.heard = time.monotonic()
            if message.fresh:
                client.hidden = message.hidden
                client.outbox.acknowledge(message.cursor)
                cursor = message.cursor
            else:
                cursor = max(message.cursor, client.outbox.sent)
            waiter = Waiter(reply, cursor)
            former, client.poll = client.poll, None
            if client.timer:
                client.timer.cancel()  # many polls are answered before: their timers would heap up
            if client.outbox.last != cursor or message.wait <= 0:
                self.answer(client, waiter)
            else:
                client.poll = waiter
                client.timer = self._timers.call_later(message.wait, self._expire, client, waiter)
            if former:
                former.reply(Batch(b"", former.cursor))
            attached, client.attached = client.attached, True
        return not attached

    def _expire(self, client: Client, waiter: Waiter) -> None:
        with self._actor.lock:
            if client.poll is waiter:
                client.poll, client.heard = None, time.monotonic()
                self.answer(client, waiter)

    def _flush_soon(self) -> None:
        """In the next turn of the loop: what an interaction emits last goes with its own answer."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon_threadsafe(self.flush)

    def flush(self) -> None:
        """Answers the polls for which there is something."""
        with self._actor.lock:
            self._flushing = False
            for client in self._actor.clients.values():
                waiter = client.poll
                if waiter and client.outbox.last > max(waiter.cursor, client.outbox.sent):
                    client.poll, client.heard = None, time.monotonic()
                    waiter.cursor = max(waiter.cursor, client.outbox.sent)
                    self.answer(client, waiter)

    def answer(self, client: Client, waiter: Waiter, done: bool = True, delta: Delta | None = None) -> None:
        """Replies to *waiter*, with the lock held and from any thread."""
        if client.outbox.missed(waiter.cursor):
            self._actor.start(self._answer_anew(client, waiter, done, delta))
        else:
            self._send(client, waiter, done, delta)

    def _send(self, client: Client, waiter: Waiter, done: bool, delta: Delta | None) -> None:
        batch = client.batch(waiter, done, delta)
        batch.sid = self._actor.live_session.sid
        waiter.reply(batch)

    async def _answer_anew(self, client: Client, waiter: Waiter, done: bool, delta: Delta | None) -> None:
        body = self._actor.built().snapshot()
        with self._actor.lock:
            if client.outbox.missed(waiter.cursor):
                self._reset(client, body)
            self._send(client, waiter, done, delta)
