"""Parano: the sealed channels between a worker and the pages of its clients.

They end here. Web processes pass sealed bytes on and hold no key; what is behind this file, the instance and
its outboxes above all, is told what was sealed and does not know that it was.
"""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Container

import msgspec

from ..errors import Altered, AppError, BadMessage, Foreign, Gone, PoolError, Replayed
from ..keyfile import ServerKey, read_key
from ..protocol import (
    Batch,
    Delta,
    Failure,
    Handshake,
    Interact,
    Leave,
    Message,
    Page,
    Poll,
    Render,
    Shaken,
)
from ..seal import THIRD, Channel
from ..seal import Handshake as Shaking
from ..session import PEER, pack
from .client import Reply
from .intake import Intake

__all__ = ["Channels"]

logger = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds that a handshake may take, and that a channel is kept without a client."""

HALF_OPEN = 1000
"""Handshakes that have not come to their end at most: the oldest goes. Each has some 10 kB."""

RATE = 5.0
"""Handshakes of a session in a second, and twice as many at once."""

MINUTE, FAILURES = 60.0, 16
"""So many records that were altered, in so many seconds, close a channel."""

ASKED = 32
"""Polls of a page of which it is known which record they came in: a stream says which one it answers. Those
that still go on count as new ones."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser asks for with its first record, and whether it can keep its key for the next page."""

    query: str
    kept: bool = True


class _Line:
    """An open channel. For any thread."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._failed: deque[float] = deque([-MINUTE] * FAILURES, FAILURES)
        self._asked: deque[int] = deque(maxlen=ASKED)
        self.born = time.monotonic()

    def open(self, record: bytes) -> tuple[int, bytes]:
        """The number of a record, and what is in it. Raises Altered, Replayed, and Gone for one that was
        altered too often."""
        try:
            with self._lock:
                return self._channel.open(record)
        except Altered:
            now = time.monotonic()
            if now - self._failed[0] < MINUTE:
                raise Gone("too many records were altered") from None
            self._failed.append(now)
            raise

    def seal(self, message: bytes, answers: int) -> bytes:
        """The record of *message*, which is good as the answer to that record only."""
        with self._lock:
            return self._channel.seal(message, answers)

    def poll(self, message: Poll) -> tuple[Poll, int]:
        """What the browser asks for, and by which record. Raises as :meth:`open`, and BadMessage."""
        if not message.fresh:
            if message.answers not in self._asked:
                raise Altered("no stream has begun so")
            self._asked.remove(message.answers)
            self._asked.append(message.answers)
            return message, message.answers
        seq, body = self.open(message.sealed)
        poll = Poll.read(message.client, body, message.wait)
        self._asked.append(seq)
        return poll, seq


def _entry(body: bytes) -> _Entry:
    try:
        return msgspec.json.decode(body, type=_Entry)
    except (ValueError, RecursionError) as error:
        raise BadMessage(str(error)) from None


class Channels:
    """Those of one worker. Lives in its thread; replies come from any."""

    def __init__(self, debug: bool, key_file: str) -> None:
        self._debug, self._key_file = debug, key_file
        self._complained = ""
        self._half: dict[str, tuple[float, Shaking]] = {}
        self._lines: dict[str, _Line] = {}
        self._intakes: dict[str, Intake] = {}

    def begin(self, message: Handshake) -> Shaken:
        """Answers the first message of a handshake. Raises Altered and TooMany, and PoolError where the
        server's key cannot be read."""
        self._intakes.setdefault(message.link, Intake(RATE, 1)).take(0)
        shaking = Shaking(message.origin, message.place, *self._key())
        second = shaking.answer(message.first)
        self._half[message.client] = time.monotonic(), shaking
        if len(self._half) > HALF_OPEN:
            del self._half[next(iter(self._half))]
        return Shaken(second)

    def _key(self) -> ServerKey | tuple[()]:
        """The server's key, as it is now."""
        try:
            return read_key(self._key_file) or ()
        except PoolError as error:  # it may demand a secret: nothing goes on without it
            if str(error) != self._complained:
                logger.error("parano: %s", error)
            self._complained = str(error)
            raise

    def opened(self, message: Message, reply: Reply) -> tuple[Message, Reply]:
        """*message* as it was before it was sealed, and what seals the reply to it.

        Raises Altered, Replayed, Foreign, BadMessage, and Gone where there is no such channel.
        """
        if isinstance(message, Render):
            return self._enter(message, reply)
        if not isinstance(message, Interact | Poll | Leave):
            return message, reply
        line = self._lines.get(message.client)
        if line is None:
            raise Gone("the channel has ended")
        try:
            if isinstance(message, Poll):
                poll, seq = line.poll(message)
                return poll, _sealed_batch(line, seq, not poll.fresh, reply)
            seq, body = line.open(message.sealed if isinstance(message, Leave) else message.body)
        except Gone:
            del self._lines[message.client]
            raise
        if isinstance(message, Leave):
            del self._lines[message.client]
            return message, reply
        return Interact(message.client, body), _sealed_batch(line, seq, False, reply)

    def _enter(self, message: Render, reply: Reply) -> tuple[Render, Reply]:
        """The end of a handshake. Raises Gone where it has not begun, and Replayed where it has ended."""
        if message.client in self._lines:
            raise Replayed("this handshake has ended")
        _, shaking = self._half.pop(message.client, (0.0, None))
        if shaking is None:
            raise Gone("no handshake has begun")
        channel = shaking.finish(message.sealed[:THIRD])
        peer = channel.peer.hex()
        if message.peer not in ("", peer):
            raise Foreign("this session belongs to another browser")
        line = self._lines[message.client] = _Line(channel)
        seq, body = line.open(message.sealed[THIRD:])
        entry = _entry(body)
        message.request.query = entry.query
        known = peer if entry.kept and not message.peer else None
        return message, functools.partial(self._reply_page, line, seq, known, reply)

    def _reply_page(self, line: _Line, seq: int, peer: str | None, reply: Reply, answer: Message) -> None:
        delta = None
        if isinstance(answer, Page):
            said: dict[str, str] = {"html": answer.html.decode()}
            delta = answer.delta
        elif isinstance(answer, Failure) and answer.code == AppError.code:
            said = self._told(answer)
        else:
            reply(answer)
            return
        if peer:
            delta = delta or Delta({}, [])
            delta = msgspec.structs.replace(delta, put={**delta.put, PEER: pack(peer)})
        reply(Page(line.seal(msgspec.json.encode(said), seq), delta))

    def _told(self, error: Failure) -> dict[str, str]:
        """What a page says in place of an app that has failed."""
        if self._debug:
            return {"error": error.text, "trace": error.trace}
        reference = secrets.token_hex(4)
        logger.error("[%s] %s", reference, error.text)
        return {"error": f"The log of the server says more, at reference {reference}.", "trace": ""}

    @property
    def awaited(self) -> bool:
        """Whether a handshake is on its way, and a page to come."""
        return bool(self._half)

    def sweep(self, clients: Container[str]) -> None:
        """Forgets handshakes that came to no end, and channels whose client is not among *clients*."""
        late = time.monotonic() - PATIENCE
        self._half = {client: half for client, half in self._half.items() if half[0] > late}
        self._lines = {
            client: line for client, line in self._lines.items() if client in clients or line.born > late
        }
        self._intakes.clear()


def _sealed_batch(line: _Line, seq: int, streams: bool, reply: Reply) -> Callable[[Message], None]:
    """Seals a Batch for *reply*. An empty one says nothing to a stream; who has asked gets an answer."""

    def seal(answer: Message) -> None:
        if isinstance(answer, Batch):
            body = answer.body if streams else answer.answer
            body = line.seal(body, seq) if body else b""
            answer = msgspec.structs.replace(answer, body=body, answers=seq)
        reply(answer)

    return seal
