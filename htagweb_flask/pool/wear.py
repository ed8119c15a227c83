"""When a worker has to make room for a new one: its code is old, its threads are stuck, it is too large."""

from __future__ import annotations

import logging
import math
import os
import time

from .config import WorkerConfig
from .freshness import Freshness
from .resources import memory_of
from .watchdog import Watchdog

__all__ = ["Wear"]

logger = logging.getLogger(__name__)

MANY_STUCK = 8
"""Threads that cannot be ended, at which a worker leaves although it is used."""

LARGE = 1.5
"""How much larger than it should be a worker may grow until it leaves although it is used."""

DRAIN = 600.0
"""Seconds after which it leaves in any case, if until then there was no time at which nobody used it."""


class Wear:
    """Looks at the process that it is in. There is no way back from what it finds."""

    def __init__(self, config: WorkerConfig, code: Freshness, watchdog: Watchdog) -> None:
        self.retired = False
        """Takes no new page: a successor does, in a slot of its own."""
        self._config = config
        self._code = code
        self._watchdog = watchdog
        self._since = math.inf

    @property
    def outdated(self) -> bool:
        """New pages are made by a process with the new code: web processes see to that."""
        return self._code.outdated

    def look(self) -> None:
        """To be called every now and then."""
        self._code.look()
        reason = "" if self.retired else self._reason()
        if reason:
            logger.warning("worker %s takes no new page: %s", self._config.slot, reason)
            self.retired, self._since = True, time.monotonic()

    def _reason(self) -> str:
        stuck, size = len(self._watchdog.stuck), self._excess()
        if stuck:
            return f"{stuck} of its threads cannot be ended"
        return f"it uses {memory_of(os.getpid()) >> 20} MB, see HTAG_WORKER_MEMORY" if size > 1 else ""

    def _excess(self) -> float:
        return memory_of(os.getpid()) / self._config.worker_memory if self._config.worker_memory else 0.0

    @property
    def spent(self) -> bool:
        """Whether it cannot wait until nobody uses it."""
        if not self.retired:
            return False
        late = time.monotonic() - self._since > DRAIN
        return late or len(self._watchdog.stuck) >= MANY_STUCK or self._excess() > LARGE
