"""The rule of the cursor, as every client of the project follows it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.http_session import ProtocolError

__all__ = ["GAP_SECONDS", "Inbox"]

#: How long what is missing may be on its way in another answer.
GAP_SECONDS = 2.0


@dataclass
class Inbox:
    """The rule of the cursor: each payload is applied once, in the order of the numbers."""

    cursor: int
    apply: Callable[[int, Any], None]
    seen: dict[int, str] = field(default_factory=dict)
    held: dict[int, Any] = field(default_factory=dict)
    held_since: float = 0.0
    duplicates: int = 0
    resets: list[int] = field(default_factory=list)

    def take(self, batch: Mapping[str, Any]) -> None:
        """Applies a batch: what is next now, what is beyond later, what is known never."""
        first, payloads = batch["first"], batch["payloads"]
        if not isinstance(first, int) or not isinstance(payloads, list):
            raise ProtocolError(f"not a batch: {batch!r}")
        if batch.get("reset"):
            self._reset(first, payloads)
        for number, payload in enumerate(payloads, first):
            self._note(number, payload)
            if number <= self.cursor:
                self.duplicates += 1
            else:
                self.held[number] = payload
        while self.cursor + 1 in self.held:
            self.cursor += 1
            self.apply(self.cursor, self.held.pop(self.cursor))
        if not self.held:
            self.held_since = 0.0
        elif not self.held_since:
            self.held_since = time.monotonic()

    @property
    def gap_is_old(self) -> bool:
        return bool(self.held) and time.monotonic() - self.held_since > GAP_SECONDS

    def _reset(self, first: int, payloads: list[Any]) -> None:
        if not payloads:
            raise ProtocolError("a reset without its re-render")
        if first > self.cursor:
            self.cursor = first - 1
            self.resets.append(first)
            self.held = {number: payload for number, payload in self.held.items() if number >= first}

    def _note(self, number: int, payload: Any) -> None:
        text = json.dumps(payload, sort_keys=True)
        if self.seen.setdefault(number, text) != text:
            known = self.seen[number]
            raise ProtocolError(f"number {number} was given twice: {known[:200]} and {text[:200]}")
