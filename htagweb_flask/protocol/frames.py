"""Messages as bytes.

A frame is a length (4 bytes, big endian) and a msgpack body. Every request gets exactly one reply on the
same connection, and a connection carries one request at a time. No I/O happens here.
"""

from __future__ import annotations

import struct

import msgspec

from ..errors import TooLarge
from .listing import Kill, Killed, PoolState, Stop, Survey, WorkerState
from .pages import Batch, Handshake, Interact, Leave, Page, Poll, Render, Shaken
from .processes import Alive, Done, EnsureWorker, Failure, Hello, WorkerLeaves, WorkerReady, WorkerUse
from .sessions import Changed, Changes, Collect, Company, Current, Keep, Kept, Patched, Saved

__all__ = ["MAX_FRAME", "Decoder", "Message", "encode"]

MAX_FRAME = 64 * 1024 * 1024
"""Bytes. Four times the default body limit: a page or a re-render may be larger than what caused it."""

_LENGTH = struct.Struct(">I")

Message = (
    Hello
    | Done
    | EnsureWorker
    | WorkerReady
    | WorkerLeaves
    | WorkerUse
    | Alive
    | Render
    | Page
    | Interact
    | Poll
    | Batch
    | Leave
    | Handshake
    | Shaken
    | Saved
    | Patched
    | Company
    | Current
    | Changed
    | Collect
    | Changes
    | Keep
    | Kept
    | Survey
    | WorkerState
    | PoolState
    | Kill
    | Killed
    | Stop
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
