"""The messages of a page of htag 2: events of tags, and JavaScript errors that it reports."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import msgspec

from ...errors import BadMessage

__all__ = ["Reader", "decode_event"]

MINUTE, REPORTS = 60.0, 20
"""A page may report so many JavaScript errors in so many seconds: they are lines in the server's log."""


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    """What the page posts: an event of a tag."""

    id: str
    event: str
    data: dict[str, Any]


class _LogError(msgspec.Struct, forbid_unknown_fields=True):
    """A JavaScript error that the page reports."""

    action: str
    error: str


decode_event = msgspec.json.Decoder(_Event).decode
_decode_log = msgspec.json.Decoder(_LogError).decode


class Reader:
    """Reads the messages of one instance."""

    def __init__(self) -> None:
        self._reports: deque[float] = deque([-MINUTE] * REPORTS, REPORTS)

    def read(self, message: bytes) -> dict[str, Any]:
        """*message* as htag takes it: one with "data" is an event. Raises BadMessage for what is neither, and
        for too many reports."""
        try:
            return msgspec.structs.asdict(decode_event(message))
        except (ValueError, RecursionError) as error:
            return self._reported(message, error)

    def _reported(self, message: bytes, reason: Exception) -> dict[str, Any]:
        try:
            report = _decode_log(message)
        except (ValueError, RecursionError):
            raise BadMessage(str(reason)) from None
        if report.action != "log_error":
            raise BadMessage(f"unknown action {report.action!r}")
        if time.monotonic() - self._reports[0] < MINUTE:
            raise BadMessage("too many errors are reported")
        self._reports.append(time.monotonic())
        return {"action": "log_error", "error": report.error[:10_000]}
