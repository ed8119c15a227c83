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
    "Alive",
    "Batch",
    "Changed",
    "Changes",
    "Collect",
    "Company",
    "Decoder",
    "Delta",
    "Done",
    "EnsureWorker",
    "Failure",
    "Hello",
    "Interact",
    "Keep",
    "Kept",
    "Leave",
    "Message",
    "Page",
    "Part",
    "Patched",
    "Poll",
    "Render",
    "RequestInfo",
    "Saved",
    "WorkerLeaves",
    "WorkerReady",
    "encode",
    "failure",
]

VERSION = 3
"""Raised at each incompatible change: a web process never talks to a pool of another version."""

MAX_FRAME = 64 * 1024 * 1024
"""Bytes. Four times the default body limit: a page or a re-render may be larger than what caused it."""

_LENGTH = struct.Struct(">I")


class _Message(msgspec.Struct, array_like=True, tag=True):
    """Arrays with a tag in front: half the bytes and time of maps, and the order is ours."""

    @property
    def wants_reply(self) -> bool:
        """Whether its sender waits for a reply."""
        return True


class Part(_Message):
    """Changes of a dict: packed values by key, and deleted keys."""

    put: dict[str, bytes]
    drop: list[str]


class Delta(Part):
    """Changes of a session, and those *inside* of its values that are dicts. Who stores it says so by its
    number; and stores it before *until* (by the monotonic clock of this machine; 0: whenever) or not at all,
    as it is given to somebody else then. *shared* says that workers of other apps may hold the same
    session."""

    number: int = 0
    until: float = 0.0
    inside: dict[str, Part] = {}
    shared: bool = False


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


class WorkerLeaves(_Message):
    """From a worker to the supervisor: it listens no more, and ends. Another may take its slot."""

    slot: str


class Alive(_Message):
    """From the supervisor to the worker of *slot*, which sends it back: its main thread runs."""

    slot: str


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
    """Render the app's page for *client*, with its session as it was *loaded* (at that time by the monotonic
    clock of this machine); *renew* says that a new instance may be asked for by the query. Reply: Page."""

    client: str
    link: str
    sid: str
    request: RequestInfo
    session: bytes
    loaded: float
    renew: bool
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
    own word (a new stream, a poll), and not what was written to a stream that is still open. A *hidden* page
    is one that nobody looks at. Reply: Batch."""

    client: str
    cursor: int
    wait: float
    fresh: bool = True
    hidden: bool = False


class Batch(_Message):
    """JSON for the browser (empty when there is nothing to say), and the number of its last payload.

    With a delta, the browser gets it when that is stored: what a user has seen is never lost. *sid* is the
    id of the session now (empty: as it was)."""

    body: bytes
    last: int
    delta: Delta | None = None
    sid: str = ""


class Leave(_Message):
    """The browser says that this page is closed. Reply: Done."""

    client: str


class Saved(_Message):
    """The delta *number* of session *link* is stored, or could not be. Reply: none; or Done to who wants to
    *wait* until the workers of other apps know it."""

    link: str
    number: int
    ok: bool = True
    wait: bool = False

    @property
    def wants_reply(self) -> bool:
        """See above."""
        return self.wait


class Patched(_Message):
    """Session *link*, whose id is now *sid* (empty: unchanged), has been changed; without a delta, it has
    ended (that of id *sid*: it may have a new one since; if *sid* is empty, whatever its id).

    From a view, for the supervisor, which passes it on to every worker (with an *id* to acknowledge) and
    replies Done; or from the worker of *slot*, for those of other apps, with Done as the reply if it has an
    *id* of its own."""

    link: str
    sid: str
    delta: Delta | None
    id: int = 0
    slot: str = ""


class Company(_Message):
    """From the supervisor to a worker: there are workers of other apps, which may hold the same sessions.
    It is acknowledged as Patched is."""

    id: int = 0


class Changed(_Message):
    """From a worker to the supervisor: code that no request waits for has changed session *link*."""

    slot: str
    link: str
    sid: str
    delta: Delta


class Collect(_Message):
    """What has changed without a request, after at most *wait* seconds, and what became of the last changes
    (slot, Saved). Reply: Changes."""

    wait: float
    saved: list[tuple[str, Saved]]


class Changes(_Message):
    """The reply to Collect."""

    changes: list[Changed]


class Keep(_Message):
    """The memory of the pool, for sessions: sets *key* for *seconds*, deletes it (0 seconds), or reads it
    (no value). Reply: Kept."""

    key: str
    value: bytes | None = None
    seconds: float = 0.0


class Kept(_Message):
    """The value of a key, before it was changed, and for how many seconds it would have been there."""

    value: bytes | None
    seconds: float | None = None


class Failure(_Message):
    """An error of :mod:`htagweb_flask.errors`, by its code."""

    code: str
    text: str
    trace: str = ""


Message = (
    Hello
    | Done
    | EnsureWorker
    | WorkerReady
    | WorkerLeaves
    | Alive
    | Render
    | Page
    | Interact
    | Poll
    | Batch
    | Leave
    | Saved
    | Patched
    | Company
    | Changed
    | Collect
    | Changes
    | Keep
    | Kept
    | Failure
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
