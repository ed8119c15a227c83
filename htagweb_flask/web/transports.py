"""How payloads reach a page: in answers, by a stream of server-sent events, by long polls."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import Gone, HtagError
from ..protocol import Batch
from .peer import PeerGone
from .seats import Seats

__all__ = ["BEAT", "MAX_WAIT", "events", "transport_of"]

logger = logging.getLogger(__name__)

BEAT = 15.0
"""Seconds of silence after which a stream shows that it lives; nginx cuts a silent one after 60 s."""

MAX_WAIT = 25.0
"""Seconds that a long poll may wait, whatever the browser asks for."""


def transport_of(environ: Mapping[str, Any], wanted: str, seats: Seats) -> str:
    """The transport that a page starts with: *wanted*, unless that is "auto".

    A server that does one request at a time has no seat for a stream.
    """
    if wanted != "auto":
        return wanted
    return "sse" if seats.count(environ) else "longpoll"


def _event(name: str, data: bytes = b"{}") -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)  # our JSON has no line ends


def events(poll: Callable[[int, float, bool], Batch], cursor: int) -> Iterator[bytes]:
    """The stream of a page that has applied everything up to *cursor*.

    *poll(cursor, wait, fresh)* asks the pool. No context of Flask is needed, or there.
    """
    yield _event("hello")
    fresh = True
    while True:
        try:
            batch = poll(cursor, 0 if fresh else BEAT, fresh)
        except Gone:
            yield _event("gone")
            return
        except PeerGone:
            break
        except HtagError as error:
            logger.warning("a stream ends: %s", error)
            break
        if batch.body:
            yield _event("batch", batch.body)
        elif not fresh:
            yield _event("beat")
        cursor, fresh = batch.last, False
    yield _event("bye")
