"""How often a worker that ends by itself is started again."""

from __future__ import annotations

from ..errors import AppError, HtagError, PoolError

__all__ = ["Breaker"]

RESTARTS, WITHIN = 5, 30.0
"""So many restarts in so many seconds are made at once, when somebody asks for a page."""

FIRST, LONGEST = 0.5, 30.0
"""Seconds of the first pause after that, and of the longest: each is twice as long as the one before."""


class Breaker:
    """Of one slot. Knows no clock: it is told the time, in seconds from whenever."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._pause = 0.0
        self._until = 0.0
        self._reason: HtagError = PoolError()

    def failed(self, now: float, reason: HtagError) -> bool:
        """The worker has ended by itself, or could not begin. Returns whether it is held back from now on,
        and was not before."""
        if self.calm(now):
            self._pause = 0.0
        self._reason = reason
        self._times = [time for time in self._times if now - time < WITHIN] + [now]
        former = self._pause
        if former or len(self._times) > RESTARTS:
            self._pause = min(max(FIRST, 2 * former), LONGEST)
            self._until = now + self._pause
        return bool(self._pause) and not former

    def calm(self, now: float) -> bool:
        """Whether all that happened is too long ago to count."""
        return now - max(self._until, *self._times[-1:], 0.0) > WITHIN

    def held(self, now: float) -> HtagError | None:
        """What to say instead of a start, if there must be none yet."""
        wait = self._until - now
        if wait <= 0:
            return None
        if isinstance(self._reason, AppError):  # it would fail again, and has told why
            return AppError(str(self._reason), self._reason.trace, retry=wait)
        text = (
            f"The process of this app ends again and again: {self._reason}, see the log of the server. "
            f"There will be another try in {wait:.0f} s, or a moment later."
        )
        return PoolError(text, retry=wait)
