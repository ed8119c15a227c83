"""A client: one loaded page, its outbox, and whoever waits for news in its name."""

from __future__ import annotations

import json
import re
import time
from asyncio import TimerHandle
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ..errors import BadMessage, Gone, SequenceGap
from ..protocol import Batch, ClientState, Delta, Message, failure
from .outbox import Outbox

__all__ = ["Call", "Client", "Reply", "Waiter", "decode_call"]

Reply = Callable[[Message], None]
"""Sends the one reply to a request. Callable from any thread."""


RESYNC = 1.0
"""Seconds between two full renders for a client that asks for what its page does not offer."""

RUNS = 64
"""What a client knows of the numbers of emissions, see Client.mark; who has seen less has seen nothing."""


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an interaction, as the browser posts it. *at* is the cursor when the user acted, where that
    is not *cursor*: it may have waited for others."""

    seq: int
    cursor: int
    message: msgspec.Raw
    at: int | None = None


_decoder = msgspec.json.Decoder(Call)

DEPTH, NODES = 32, 100_000
"""How deep the values of a message may be nested, and how many there may be."""

_BRACKETS = re.compile(rb"[\[{\]}]")


def check_shape(body: bytes) -> None:
    """Raises BadMessage for JSON that is nested too deep or has too many values, without reading it."""
    if body.count(b"[") + body.count(b"{") <= DEPTH and body.count(b",") < NODES:
        return  # as of nearly all
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > 4 * NODES:  # two for a key, two for its value
        raise BadMessage(f"over {NODES} values")
    bare = b"".join(plain.split(b'"')[::2])  # without texts
    if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > NODES:
        raise BadMessage(f"over {NODES} values")
    depth = 0
    for bracket in _BRACKETS.findall(bare):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH:
            raise BadMessage(f"nested deeper than {DEPTH}")


def decode_call(body: bytes) -> Call:
    """The interaction in *body*. Raises BadMessage."""
    check_shape(body)
    try:
        try:
            call = _decoder.decode(body)
        except msgspec.DecodeError:  # half of a surrogate pair, perhaps: JavaScript has such texts
            text = json.dumps(json.loads(body), ensure_ascii=False)
            call = _decoder.decode(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise BadMessage(str(error)) from None
    if call.seq < 1 or call.cursor < 0 or (call.at or 0) < 0:
        raise BadMessage("seq counts from 1, cursors from 0")
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
    heard: float = field(default_factory=time.monotonic)
    resynced: float = -RESYNC
    accepted: int = 0
    """The number of the last interaction."""
    _marks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=RUNS))

    def mark(self, number: int, emission: int) -> None:
        """The payload *number* is that *emission* of the instance. Kept are runs in which both count on."""
        if not self._marks or self._marks[-1][1] != emission - number:
            self._marks.append((number, emission - number))

    def seen(self, cursor: int) -> int:
        """The last emission that it has seen when its cursor was *cursor*."""
        cursor = min(cursor, self.outbox.last)
        return next((cursor + ahead for first, ahead in reversed(self._marks) if first <= cursor), 0)

    def accept(self, waiter: Waiter) -> bool | None:
        """Whether the interaction of *waiter* must run now: True; or was accepted before and still runs (it
        will be answered with it): None; or is done: False. Raises SequenceGap."""
        seq = waiter.seq
        if seq > self.accepted + 1:
            raise SequenceGap(f"interaction {seq} came after {self.accepted}")
        if seq > self.accepted:
            self.accepted = seq
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
        return ClientState(self.transport, self.hidden, 0.0 if self.poll else now - self.heard)

    def batch(self, waiter: Waiter, done: bool, delta: Delta | None) -> Batch:
        """What comes after the cursor of *waiter*, as JSON for the browser; and how many interactions of it
        still run, for what it says should the instance be gone."""
        outbox = self.outbox
        first, payloads, reset = outbox.after(waiter.cursor)
        if not (waiter.seq or payloads or self.running):
            return Batch(b"", outbox.last, delta)
        parts = [b'{"first":%d,"payloads":[%s]' % (first, b",".join(payloads))]
        if reset:
            parts.append(b',"reset":true')
        if waiter.seq:
            parts.append(b',"seq":%d,"done":%s' % (waiter.seq, b"true" if done else b"false"))
        if self.running:
            parts.append(b',"running":%d' % len(self.running))
        parts.append(b"}")
        return Batch(b"".join(parts), outbox.last, delta)
