"""Sessions in the memory of the pool: shared by all web processes, gone with the pool."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cachelib.base import BaseCache

from ..brokers.base import Broker
from ..protocol import Keep, Kept
from ..session import pack_foreign, read_session

__all__ = ["PoolCache"]

TIMEOUT = 5.0
"""Seconds that the pool may take to answer."""


class PoolCache(BaseCache):
    """A cachelib cache, as far as Flask-Session uses one. Raises PoolError when there is no pool."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self._broker = broker

    def _keep(self, message: Keep) -> bytes | None:
        reply = self._broker.pool(message, TIMEOUT)
        return reply.value if isinstance(reply, Kept) else None

    def get(self, key: str) -> Any:
        """See cachelib."""
        value = self._keep(Keep(key))
        return None if value is None else read_session(value)

    def left(self, key: str) -> float | None:
        """Seconds until *key* expires; None when it is not there."""
        reply = self._broker.pool(Keep(key), TIMEOUT)
        return reply.seconds if isinstance(reply, Kept) else None

    def set(self, key: str, value: Any, timeout: float | timedelta | None = None) -> bool:
        """See cachelib."""
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        self._keep(Keep(key, pack_foreign(value), float(seconds or self.default_timeout)))
        return True

    def delete(self, key: str) -> bool:
        """See cachelib."""
        return self._keep(Keep(key, b"")) is not None
