"""A minimal WebSocket client: text messages, one question and one answer at a time, no compression."""

from __future__ import annotations

import asyncio
import base64
import os
import struct

from .connection import Connection, request_head

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_NO_MASK = bytes(4)  # the mask must be there, zeros are as good as any and cost nothing


def frame(opcode: int, data: bytes) -> bytes:
    """A whole client frame (a final one, masked by zeros)."""
    size = len(data)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + _NO_MASK + data


def parse(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take one unfragmented server frame off the buffer: opcode and data, or None if it is not whole."""
    if len(buffer) < 2:
        return None
    size, start = buffer[1] & 0x7F, 2
    if size == 126:
        start = 4
    elif size == 127:
        start = 10
    if len(buffer) < start:
        return None
    if start > 2:
        size = int.from_bytes(buffer[2:start], "big")
    if len(buffer) < start + size:
        return None
    opcode, data = buffer[0] & 0x0F, bytes(buffer[start : start + size])
    del buffer[: start + size]
    return opcode, data


class WebSocket:
    """An open WebSocket."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self._answer: asyncio.Future[bytes] | None = None

    @classmethod
    async def open(cls, port: int, path: str, cookies: str) -> WebSocket:
        """Connect and shake hands."""
        websocket = cls(await Connection.open(port))
        key = base64.b64encode(os.urandom(16)).decode()
        head = request_head(
            "GET",
            path,
            port,
            Connection="Upgrade",
            Upgrade="websocket",
            Cookie=cookies,
            Sec_WebSocket_Version="13",
            Sec_WebSocket_Key=key,
        )
        response = await websocket._connection.send(head + b"\r\n", websocket._feed)
        if response.status != 101:
            raise ConnectionError(f"the WebSocket was refused with status {response.status}")
        return websocket

    def ask(self, text: bytes) -> asyncio.Future[bytes]:
        """Send a text message and return the future next message of the server."""
        self._answer = asyncio.get_running_loop().create_future()
        self._connection.write(frame(_TEXT, text))
        return self._answer

    def close(self) -> None:
        """Close the connection at once."""
        self._connection.close()

    def _feed(self, data: bytes) -> None:
        self._buffer += data
        while (found := parse(self._buffer)) is not None:
            opcode, content = found
            if opcode == _PING:
                self._connection.write(frame(_PONG, content))
            elif self._answer is not None and not self._answer.done():
                if opcode == _CLOSE:
                    self._answer.set_exception(ConnectionResetError("the server has closed the WebSocket"))
                else:
                    self._answer.set_result(content)
