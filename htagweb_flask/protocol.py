"""What web processes and the pool say to each other: typed messages, and their frames.

A frame is a length (4 bytes, big endian) and a msgpack body. Every request gets exactly one reply on the
same connection, and a connection carries one request at a time. No I/O happens here.
"""

from __future__ import annotations

import struct

import msgspec

from .errors import HtagError, TooLarge

__all__ = [
    "MAX_FRAME",
    "VERSION",
    "Batch",
    "Decoder",
    "Delta",
    "Done",
    "EnsureWorker",
    "Failure",
    "Hello",
    "Interact",
    "Leave",
    "Message",
    "Page",
    "Poll",
    "Render",
    "RequestInfo",
    "WorkerReady",
    "encode",
    "failure",
]

VERSION = 1
"""Raised at each incompatible change: a web process never talks to a pool of another version."""

MAX_FRAME = 64 * 1024 * 1024
"""Bytes. Four times the default body limit: a page or a re-render may be larger than what caused it."""

_LENGTH = struct.Struct(">I")


class _Message(msgspec.Struct, array_like=True, tag=True):
    """Arrays with a tag in front: half the bytes and time of maps, and the order is ours."""


class Delta(_Message):
    """Changes of a session: packed values by key, and deleted keys."""

    put: dict[str, bytes]
    drop: list[str]


class Hello(_Message):
    """First message of every connection. *server* is the process whose life a pool shares (0: this one)."""

    secret: str
    version: int = VERSION
    pid: int = 0
    server: int = 0


class Done(_Message):
    """The reply that says nothing more."""

    pid: int = 0


class EnsureWorker(_Message):
    """To the supervisor: have the worker of *slot* running, with *app* imported. Reply: Done or Failure."""

    slot: str
    app: str
    options: dict[str, str | int | float | bool]


class WorkerReady(_Message):
    """From a new worker to the supervisor: listening, or failed to import its app."""

    slot: str
    pid: int
    error: str = ""
    trace: str = ""


class RequestInfo(_Message):
    """The HTTP request of a page, as far as htag 2 shows it to apps as ``request``."""

    method: str
    scheme: str
    host: str
    port: int
    root_path: str
    path: str
    query: str
    client: tuple[str, int]
    headers: list[tuple[str, str]]


class Render(_Message):
    """Render the app's page for *client*. Reply: Page."""

    client: str
    link: str
    request: RequestInfo
    session: bytes
    transport: str
    script: str
    boot: dict[str, str | bool | dict[str, str]]


class Page(_Message):
    """A whole HTML page."""

    html: bytes
    delta: Delta | None = None


class Interact(_Message):
    """An interaction: *body* is the JSON that the browser posted, not looked at on its way. Reply: Batch."""

    client: str
    body: bytes


class Poll(_Message):
    """What comes after *cursor*, after at most *wait* seconds. *fresh* says that the cursor is the browser's
    own word (a new stream, a poll), and not what was written to a stream that is still open. Reply: Batch."""

    client: str
    cursor: int
    wait: float
    fresh: bool = True


class Batch(_Message):
    """JSON for the browser (empty when there is nothing to say), and the number of its last payload."""

    body: bytes
    last: int
    delta: Delta | None = None


class Leave(_Message):
    """The browser says that this page is closed. Reply: Done."""

    client: str


class Failure(_Message):
    """An error of :mod:`htagweb_flask.errors`, by its code."""

    code: str
    text: str
    trace: str = ""


Message = (
    Hello | Done | EnsureWorker | WorkerReady | Render | Page | Interact | Poll | Batch | Leave | Failure
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """The frame of *message*. Raises TooLarge over MAX_FRAME bytes."""
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME:
        raise TooLarge(f"a message of {len(body)} bytes is over the limit of {MAX_FRAME}")
    return _LENGTH.pack(len(body)) + body


def failure(error: Exception) -> Failure:
    """*error* as it travels; anything that is not ours travels as a plain error."""
    if isinstance(error, HtagError):
        return Failure(error.code, str(error), error.trace)
    return Failure(HtagError.code, f"{type(error).__name__}: {error}")


class Decoder:
    """Collects bytes, gives messages. One per connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages completed by *data*.

        Raises TooLarge for a frame over MAX_FRAME (before it is read) and msgspec.DecodeError for anything
        that is not one of our messages; the connection is of no use after either.
        """
        buffer = self._buffer
        buffer += data
        messages: list[Message] = []
        start, size = 0, len(buffer)
        while size - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MAX_FRAME:
                raise TooLarge(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
            end = start + _LENGTH.size + length
            if end > size:
                break
            with memoryview(buffer) as view:
                try:
                    messages.append(_decoder.decode(view[start + _LENGTH.size : end]))
                except UnicodeDecodeError as error:
                    raise msgspec.DecodeError(str(error)) from None
            start = end
        if start:
            del buffer[:start]
        return messages
