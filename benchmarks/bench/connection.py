"""A raw HTTP/1.1 client connection, small enough not to be the bottleneck (some 15 us of CPU per request).

One request at a time, keep-alive. The body of an answer comes whole, or piece by piece to a sink
(event streams); after ``101 Switching Protocols`` everything received goes to the sink (WebSocket).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple, cast

HOST = "127.0.0.1"
Sink = Callable[[bytes], None]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: *([^=]+=[^;\r]*)", re.IGNORECASE)


class Response(NamedTuple):
    """An answer: its status, its raw head and its body (empty when a sink takes the body)."""

    status: int
    head: bytes
    body: bytes

    def cookies(self) -> str:
        """The cookies that the answer sets, as the value of a Cookie header."""
        return "; ".join(found.decode() for found in _COOKIE.findall(self.head))


def request_head(method: str, path: str, port: int, **headers: str) -> bytes:
    """The head of a request but for its length; ``Content_Type="..."`` becomes ``Content-Type: ...``."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}:{port}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value),
    ]
    return "\r\n".join(lines).encode() + b"\r\n"


def with_body(head: bytes, body: bytes) -> bytes:
    """A whole request: head, length and body."""
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


class Connection(asyncio.Protocol):
    """One TCP connection to a server on this machine."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[Response] | None = None
        self._head: bytes | None = None  # of the answer whose body is under way
        self._missing = 0  # bytes of a body with a length still to come
        self._chunked = False
        self._upgraded = False
        self._body: list[bytes] = []
        self._sink: Sink | None = None

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connect to a port of this machine."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, HOST, port)
        return connection

    def send(self, request: bytes, sink: Sink | None = None) -> asyncio.Future[Response]:
        """Send a request and return its future answer.

        With a sink, the answer is there as soon as its head is, and the body goes to the sink.
        """
        assert self._answer is None, "one request at a time"
        self._answer = asyncio.get_running_loop().create_future()
        self._sink = sink
        if self._transport is None:
            self._answer.set_exception(ConnectionResetError("the server has closed the connection"))
        else:
            self._transport.write(request)
        return self._answer

    def write(self, data: bytes) -> None:
        """Send bytes of an upgraded connection."""
        if self._transport is None:
            raise ConnectionResetError("the server has closed the connection")
        self._transport.write(data)

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the server has closed the connection"))

    def data_received(self, data: bytes) -> None:
        if self._upgraded and self._sink is not None:
            self._sink(data)
            return
        self._buffer += data
        if self._head is None and not self._read_head():
            return
        if self._upgraded:
            return
        ended = self._read_chunks() if self._chunked else self._read_length()
        if ended:
            self._resolve(b"".join(self._body))
            self._head = None
            self._body.clear()

    # parsing
    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._head = head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        length = _LENGTH.search(head)
        self._missing = int(length[1]) if length else 0
        self._chunked = _CHUNKED.search(head) is not None
        self._upgraded = head[9:12] == b"101"
        if self._upgraded or self._sink is not None:
            self._resolve(b"")
        if self._upgraded and self._sink is not None and self._buffer:
            self._sink(bytes(self._buffer))
        return True

    def _read_length(self) -> bool:
        if self._missing:
            piece = bytes(self._buffer[: self._missing])
            del self._buffer[: len(piece)]
            self._missing -= len(piece)
            self._take(piece)
        return self._missing == 0

    def _read_chunks(self) -> bool:
        while (end := self._buffer.find(b"\r\n")) >= 0:
            size = int(self._buffer[:end].split(b";")[0], 16)
            if len(self._buffer) < end + 2 + size + 2:
                return False
            piece = bytes(self._buffer[end + 2 : end + 2 + size])
            del self._buffer[: end + 2 + size + 2]
            if size == 0:
                return True
            self._take(piece)
        return False

    def _take(self, piece: bytes) -> None:
        if self._sink is None:
            self._body.append(piece)
        else:
            self._sink(piece)

    def _resolve(self, body: bytes) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done() and self._head is not None:
            answer.set_result(Response(int(self._head[9:12]), self._head, body))
