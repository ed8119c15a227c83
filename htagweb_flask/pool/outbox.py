"""The outbox of one client: numbered payloads, the only way out of an instance.

Pure: no clock, no lock, no I/O; the instance locks around it.
"""

from __future__ import annotations

from collections import deque

__all__ = ["Outbox"]


class Outbox:
    """The last payloads of a client, numbered from 1.

    A client says with its cursor what it has applied, and gets what comes after. Payloads are kept until the
    cursor has passed them, at most *max_count* of them and *max_bytes* in all; who is further behind than
    that needs a full render (see :meth:`missed`).
    """

    def __init__(self, max_count: int = 500, max_bytes: int = 2 * 1024 * 1024) -> None:
        self._kept: deque[bytes] = deque()
        self._bytes = 0
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._reset = 0  # number of the last full render
        self._passed = 0  # the furthest cursor
        self.last = 0
        """Number of the newest payload."""
        self.sent = 0
        """Number of the newest payload that was handed to a carrier (an answer, a stream, a poll)."""

    def __repr__(self) -> str:
        return f"<Outbox {self.last - len(self._kept) + 1}..{self.last} sent {self.sent} {self._bytes} bytes>"

    def put(self, payload: bytes) -> int:
        """Adds a payload (JSON), returns its number. One that is too large for the limit is kept alone."""
        self._kept.append(payload)
        self._bytes += len(payload)
        self.last += 1
        while len(self._kept) > self._max_count or (self._bytes > self._max_bytes and len(self._kept) > 1):
            self._bytes -= len(self._kept.popleft())
        return self.last

    def put_reset(self, payload: bytes) -> int:
        """Adds a full render: whatever came before it is not needed any more."""
        self._kept.clear()
        self._bytes = 0
        self._reset = self.put(payload)
        return self._reset

    def acknowledge(self, cursor: int) -> None:
        """The client has applied everything up to *cursor*."""
        first = self.last - len(self._kept) + 1
        for _ in range(min(cursor, self.last) - first + 1):
            self._bytes -= len(self._kept.popleft())
        self._passed = max(self._passed, min(cursor, self.last))
        self.sent = max(self.sent, self._passed)

    def missed(self, cursor: int) -> bool:
        """True when payloads after *cursor* are no longer there, so that only a full render helps.

        A cursor never goes back: one that does was sent before, and overtaken on its way.
        """
        first = self.last - len(self._kept) + 1
        return cursor > self.last or (max(cursor, self._passed) + 1 < first and first != self._reset)

    def after(self, cursor: int) -> tuple[int, list[bytes], bool]:
        """(number of the first, payloads, whether the first is a full render) that come after *cursor*."""
        first = self.last - len(self._kept) + 1
        start = max(cursor + 1, first)
        payloads = [self._kept[index] for index in range(start - first, len(self._kept))]
        self.sent = self.last
        return start, payloads, bool(payloads) and start == self._reset
