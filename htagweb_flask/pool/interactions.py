"""The interactions of an instance: accepted by their numbers, run, and answered once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback

from ..errors import AppError, BadMessage, Stale
from ..protocol import Delta, failure
from .client import Call, Client, Reply, Waiter
from .delivery import Actor, Delivery
from .intake import Intake
from .repeats import Repeats
from .watchdog import Overdue, in_time

__all__ = ["Interactions"]

logger = logging.getLogger(__name__)

GRACE = 0.4
"""Seconds after which an interaction is answered although it still runs, where its result can be pushed.
Long enough for what is usual, short enough that the next click does not feel it."""


class Interactions:
    """Those of one instance. They are accepted in the thread of the worker, and run in its own."""

    def __init__(
        self,
        actor: Actor,
        delivery: Delivery,
        timers: asyncio.AbstractEventLoop,
        intake: Intake,
        timeout: float,
    ) -> None:
        """*timers* is the loop of the worker; *timeout* is in seconds, see :mod:`.watchdog`."""
        self._actor = actor
        self._delivery = delivery
        self._timers = timers
        self._intake = intake
        self._timeout = timeout
        self._refusals = Repeats(logger)
        self._turn = asyncio.Lock()

    def accept(self, client: Client, call: Call, reply: Reply) -> None:
        """Runs *call*, unless its number says that it was accepted before. Reply: Batch or Failure.

        Raises SequenceGap and TooMany.
        """
        waiter = Waiter(reply, call.cursor, call.seq)
        with self._actor.lock:
            client.heard = time.monotonic()
            client.outbox.acknowledge(call.cursor)
            if call.seq > client.accepted:
                self._intake.take(len(client.running))
            accepted = client.accept(waiter)
            seen = client.seen(call.cursor if call.at is None else call.at)
        if accepted is False:
            self._repeat(client, waiter)
        elif accepted:
            self._actor.start(self._run(client, call.seq, bytes(call.message), seen))
        if accepted is not False and client.transport != "none":
            self._timers.call_later(GRACE, self._overdue, client, call.seq)

    def _overdue(self, client: Client, seq: int) -> None:
        with self._actor.lock:
            if seq in client.settling:
                return  # it is done, and its answer comes when its changes are stored
            for waiter in client.running.get(seq, ()):
                self._delivery.answer(client, waiter, done=False)
            if seq in client.running:
                client.running[seq] = []

    async def _run(self, client: Client, seq: int, message: bytes, seen: int) -> None:
        adapter, refusal, whom = self._actor.built(), None, self._actor.whom
        try:
            async with contextlib.nullcontext() if adapter.overlapping else self._turn:
                work = adapter.interact(message, client.id, seen)
                await in_time(work, self._timeout, self._actor.end)
        except Overdue as error:
            logger.error("%s in an interaction: %s\n%s", whom, error, error.trace)
            adapter.failed(message, client.id, error)
        except asyncio.CancelledError:  # by the app, which awaited what was cancelled: it is as any error
            if self._actor.ended:
                raise
            logger.exception("%s failed in an interaction", whom)
            adapter.failed(message, client.id, AppError("CancelledError", traceback.format_exc()))
        except (BadMessage, Stale) as error:
            self._refusals.warning("%s refused an interaction: %s", whom, error)
            refusal = failure(type(error)("this page does not offer that interaction"))
            if isinstance(error, Stale):
                self._delivery.resync(client)
        except (Exception, SystemExit):
            logger.exception("%s failed in an interaction", whom)
        if refusal:
            with self._actor.lock:
                for waiter in client.running.pop(seq, ()):
                    waiter.reply(refusal)
        else:
            with self._actor.lock:
                client.settling.add(seq)
            self._actor.live_session.settle(lambda delta: self._done(client, seq, delta))

    def _done(self, client: Client, seq: int, delta: Delta | None) -> None:
        with self._actor.lock:
            waiters = client.running.pop(seq, [])
            client.settling.discard(seq)
            for waiter in waiters[:1]:
                self._delivery.answer(client, waiter, delta=delta)
        if delta and not waiters:
            self._actor.live_session.saved(delta.number, ok=False)  # it goes without an answer
        for waiter in waiters[1:]:  # the same again, for which the first has to be stored
            self._repeat(client, waiter)

    def _repeat(self, client: Client, waiter: Waiter) -> None:
        def send(delta: Delta | None) -> None:
            with self._actor.lock:
                self._delivery.answer(client, waiter, delta=delta)

        self._actor.live_session.settle(send)
