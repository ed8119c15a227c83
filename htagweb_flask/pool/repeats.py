"""Lines of the log that anybody in the net can cause: one in a while is enough."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["Repeats"]

PAUSE = 60.0
"""Seconds between two lines."""


class Repeats:
    """Logs the first warning, and in each minute after that one at most, with the number of those it stands
    for."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._logged = -PAUSE
        self._silent = 0

    def warning(self, text: str, *args: object) -> None:
        """As that of a logger."""
        now = self._clock()
        if now - self._logged < PAUSE:
            self._silent += 1
            return
        if self._silent:
            text, args = f"{text} (and %d such before)", (*args, self._silent)
        self._logged, self._silent = now, 0
        self._logger.warning(text, *args)
