"""An open channel of parano between a worker and one page: what it hears, and what it says."""

from __future__ import annotations

import threading
import time
from collections import deque

import msgspec

from ..errors import Altered, Gone
from ..protocol import Batch, Message, Poll, failure
from ..seal import Channel
from .client import Reply

__all__ = ["ENDED", "Line"]

MINUTE, FAILURES = 60.0, 16
"""So many records that were altered, in so many seconds, close a channel."""

ASKED = 32
"""Polls of a page of which it is known which record they came in: a stream says which one it answers. Those
that still go on count as new ones."""


ENDED = "the channel has ended"


class Line:
    """For any thread."""

    def __init__(self, channel: Channel) -> None:
        self.awaited = True
        """Whether its page is being made: no client has it yet."""
        self.closed = False
        """Whether its keys are forgotten."""
        self.peer = channel.peer.hex()
        """The public key of the browser."""
        self._channel = channel
        self._lock = threading.Lock()
        self._failed: deque[float] = deque([-MINUTE] * FAILURES, FAILURES)
        self._asked: deque[int] = deque(maxlen=ASKED)

    def open(self, record: bytes) -> tuple[int, bytes]:
        """The number of a record, and what is in it. Raises Altered, Replayed, and Gone for one that was
        altered too often, or comes after the end."""
        try:
            with self._lock:
                if self.closed:
                    raise Gone(ENDED)
                return self._channel.open(record)
        except Altered:
            now = time.monotonic()
            if now - self._failed[0] < MINUTE:
                self.close()
                raise Gone("too many records were altered") from None
            self._failed.append(now)
            raise

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

    def seal(self, message: bytes, answers: int) -> bytes:
        """The record of *message*, which is good as the answer to that record only; nothing after the end."""
        with self._lock:
            try:
                return self._channel.seal(message, answers)
            except Altered:
                return b""

    def batches(self, seq: int, streams: bool, reply: Reply) -> Reply:
        """Seals a Batch for *reply*, as an answer to the record *seq*. An empty one says nothing to a stream;
        who has asked gets an answer."""

        def seal(answer: Message) -> None:
            if isinstance(answer, Batch):
                body = answer.body if streams else answer.answer
                sealed = self.seal(body, seq) if body else b""
                if body and not sealed and not answer.delta:  # what has changed is stored all the same
                    reply(failure(Gone(ENDED)))
                    return
                answer = msgspec.structs.replace(answer, body=sealed, answers=seq)
            reply(answer)

        return seal

    def close(self) -> None:
        """Forgets its keys: nothing is opened or sealed any more."""
        with self._lock:
            self.closed = True
            self._channel.close()
