"""A client: one loaded page, its outbox, and whoever waits for news in its name."""

from __future__ import annotations

import json
import time
from asyncio import TimerHandle
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ..errors import BadMessage, Gone, SequenceGap
from ..protocol import Batch, ClientState, Delta, Message, failure
from .outbox import Outbox

__all__ = ["Call", "Client", "Reply", "Waiter", "decode_call"]

Reply = Callable[[Message], None]
"""Sends the one reply to a request. Callable from any thread."""


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an interaction, as the browser posts it."""

    seq: int
    cursor: int
    message: msgspec.Raw


_decoder = msgspec.json.Decoder(Call)


def decode_call(body: bytes) -> Call:
    """The interaction in *body*. Raises BadMessage."""
    try:
        try:
            call = _decoder.decode(body)
        except msgspec.DecodeError:  # half of a surrogate pair, perhaps: JavaScript has such texts
            text = json.dumps(json.loads(body), ensure_ascii=False)
            call = _decoder.decode(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise BadMessage(str(error)) from None
    if call.seq < 1 or call.cursor < 0:
        raise BadMessage("seq counts from 1, cursor from 0")
    return call


@dataclass
class Waiter:
    """A request that waits for its batch: what the browser has already, and the interaction it asked for."""

    reply: Reply
    cursor: int
    seq: int = 0

    def gone(self) -> None:
        """Tells the browser that its instance has ended."""
        self.reply(failure(Gone("the instance has ended")))


@dataclass
class Client:
    """One loaded page. The instance locks around every method."""

    id: str
    transport: str
    outbox: Outbox = field(default_factory=Outbox)
    running: dict[int, list[Waiter]] = field(default_factory=dict)
    settling: set[int] = field(default_factory=set)
    poll: Waiter | None = None
    attached: bool = False
    hidden: bool = False
    timer: TimerHandle | None = None  # of the last poll; for the thread of the worker alone
    seen: float = field(default_factory=time.monotonic)
    _accepted: int = 0

    def accept(self, waiter: Waiter) -> bool | None:
        """Whether the interaction of *waiter* must run now: True; or was accepted before and still runs (it
        will be answered with it): None; or is done: False. Raises SequenceGap."""
        seq = waiter.seq
        if seq > self._accepted + 1:
            raise SequenceGap(f"interaction {seq} came after {self._accepted}")
        if seq > self._accepted:
            self._accepted = seq
            self.running[seq] = [waiter]
            return True
        if seq in self.running:
            self.running[seq].append(waiter)
            return None
        return False

    def waiters(self) -> list[Waiter]:
        """Everybody who waits, not any more."""
        found = [waiter for waiters in self.running.values() for waiter in waiters]
        if self.poll:
            found.append(self.poll)
        self.running, self.poll = {}, None
        return found

    def state(self, now: float) -> ClientState:
        """What administrators see of it."""
        return ClientState(self.transport, self.hidden, 0.0 if self.poll else now - self.seen)

    def batch(self, waiter: Waiter, done: bool, delta: Delta | None) -> Batch:
        """What comes after the cursor of *waiter*, as JSON for the browser."""
        outbox = self.outbox
        first, payloads, reset = outbox.after(waiter.cursor)
        if not waiter.seq and not payloads:
            return Batch(b"", outbox.last, delta)
        parts = [b'{"first":%d,"payloads":[%s]' % (first, b",".join(payloads))]
        if reset:
            parts.append(b',"reset":true')
        if waiter.seq:
            parts.append(b',"seq":%d,"done":%s' % (waiter.seq, b"true" if done else b"false"))
        parts.append(b"}")
        return Batch(b"".join(parts), outbox.last, delta)
