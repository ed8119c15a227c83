"""Parano: the sealed channels between a worker and the pages of its clients.

They end here. Web processes pass sealed bytes on and hold no key; what is behind this file, the instance and
its outboxes above all, is told what was sealed and does not know that it was.
"""

from __future__ import annotations

import functools
import logging
import secrets
import time
from collections.abc import Container

import msgspec

from ..errors import AppError, BadMessage, Foreign, Gone, HtagError, PoolError, Replayed
from ..keyfile import ServerKey, read_key
from ..protocol import (
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
from ..seal import THIRD
from ..seal import Handshake as Shaking
from ..session import PEER, pack
from .client import Reply
from .intake import Intake
from .line import ENDED, Line

__all__ = ["Channels"]

logger = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds that a handshake may take."""

HALF_OPEN = 1000
"""Handshakes that have not come to their end at most: the oldest goes. Each has some 10 kB."""

RATE = 5.0
"""Handshakes of a session in a second, and twice as many at once."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser asks for with its first record, and whether it can keep its key for the next page."""

    query: str
    kept: bool = True


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
        self._lines: dict[str, Line] = {}
        self._intakes: dict[str, Intake] = {}

    def begin(self, message: Handshake) -> Shaken:
        """Answers the first message of a handshake. Raises Altered and TooMany, and PoolError where the
        server's key cannot be read."""
        self._intakes.setdefault(message.link, Intake(RATE, 1)).take(0)
        shaking = Shaking(message.origin, message.place, *self._key())
        second = shaking.answer(message.first)
        self._forget(message.client)
        self._half[message.client] = time.monotonic(), shaking
        if len(self._half) > HALF_OPEN:
            self._forget(next(iter(self._half)))
        return Shaken(second)

    def _forget(self, client: str) -> None:
        """The handshake of *client*, if there is one."""
        _, shaking = self._half.pop(client, (0.0, None))
        if shaking:
            shaking.close()

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
            raise Gone(ENDED)
        if isinstance(message, Poll):
            poll, seq = line.poll(message)
            return poll, line.batches(seq, not poll.fresh, reply)
        seq, body = line.open(message.sealed if isinstance(message, Leave) else message.body)
        if isinstance(message, Leave):
            line.close()
            return message, reply
        return Interact(message.client, body), line.batches(seq, False, reply)

    def _enter(self, message: Render, reply: Reply) -> tuple[Render, Reply]:
        """The end of a handshake. Raises Gone where it has not begun, and Replayed where it has ended."""
        if message.client in self._lines:
            raise Replayed("this handshake has ended")
        _, shaking = self._half.pop(message.client, (0.0, None))
        if shaking is None:
            raise Gone("no handshake has begun")
        try:
            line = Line(shaking.finish(message.sealed[:THIRD]))
        finally:
            shaking.close()
        try:
            seq, peer = self._introduced(line, message)
        except HtagError:
            line.close()
            raise
        self._lines[message.client] = line
        return message, functools.partial(self._reply_page, line, seq, peer, reply)

    def _introduced(self, line: Line, message: Render) -> tuple[int, str]:
        """Which record asks for the page, and the key by which the session is to know its browser again; none
        where it does already. Raises Foreign, Altered and BadMessage."""
        if message.peer not in ("", line.peer):
            raise Foreign("this session belongs to another browser")
        seq, body = line.open(message.sealed[THIRD:])
        entry = _entry(body)
        message.request.query = entry.query
        return seq, line.peer if entry.kept and not message.peer else ""

    def _reply_page(self, line: Line, seq: int, peer: str, reply: Reply, answer: Message) -> None:
        delta = None
        if isinstance(answer, Page):
            said: dict[str, str] = {"html": answer.html.decode()}
            delta = answer.delta
        elif isinstance(answer, Failure) and answer.code == AppError.code:
            said = self._told(answer)
        else:
            line.close()
            reply(answer)
            return
        if peer:
            delta = delta or Delta({}, [])
            delta = msgspec.structs.replace(delta, put={**delta.put, PEER: pack(peer)})
        sealed = line.seal(msgspec.json.encode(said), seq)
        if isinstance(answer, Page):
            line.awaited = False
        else:
            line.close()
        reply(Page(sealed, delta))

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
        for client in [client for client, (born, _) in self._half.items() if born <= late]:
            self._forget(client)
        for client, line in list(self._lines.items()):
            if not (line.awaited or client in clients):
                line.close()
            if line.closed:
                del self._lines[client]
        self._intakes.clear()
