"""How many interactions an instance takes: what nobody can click, or can wait for, is put off."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import TooMany

__all__ = ["Intake"]

BURST = 2.0
"""Seconds of its rate that an instance takes at once, after it had none."""


class Intake:
    """At most *rate* interactions in a second, and *queue* of a page that wait or run. For one thread."""

    def __init__(self, rate: float, queue: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._queue = queue
        self._clock = clock
        self._left = rate * BURST
        self._counted = clock()

    def take(self, waiting: int) -> None:
        """One more, of a page of which *waiting* have not ended. Raises TooMany."""
        now = self._clock()
        self._left = min(self._rate * BURST, self._left + (now - self._counted) * self._rate)
        self._counted = now
        if waiting >= self._queue or self._left < 1:
            raise TooMany(
                f"{waiting} interactions of the page wait, {self._left:.0f} are left for this second"
            )
        self._left -= 1
