"""How many instances, and processes of sessions, there may be; and who ends first where there are more."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from enum import IntEnum
from typing import Protocol, TypeVar

from ..errors import Full

__all__ = ["FOR_ALL", "FOR_SESSION", "Cap", "Member", "Use"]

logger = logging.getLogger(__name__)

UNCLAIMED_SHARE = 0.2
"""How much of what is there may be for pages that nobody has shown to run: robots and crawlers, whoever comes
without a cookie time and again."""


WARN = 60.0
"""Seconds between two lines in the log about the same."""


class Use(IntEnum):
    """How much an instance is needed, or the process of a session."""

    UNCLAIMED = 0
    """No browser has polled, streamed or clicked yet."""
    IDLE = 1
    """No page shows it."""
    SHOWN = 2
    """A page shows it, or is being made."""


class Member(Protocol):
    """Who takes room."""

    @property
    def use(self) -> Use:
        """How much it is needed."""

    @property
    def since(self) -> float:
        """Since when, by the monotonic clock."""


M = TypeVar("M", bound=Member)


class Cap:
    """A rule about who ends first."""

    def __init__(self, first: Use, then: Use, share: float) -> None:
        """*share*: of all that there may be, so many may be unclaimed."""
        self._order = first, then
        self._share = share
        self._warned = -WARN

    def roomy(self, members: int, unclaimed: int, most: int) -> bool:
        """Whether another one has room beside so many, of which so many are unclaimed."""
        return members < most and unclaimed < max(1, most * self._share)

    def leaver(self, members: Collection[M], most: int, full: Full) -> M | None:
        """Who has to end so that another one has room, where *most* have; None: nobody.

        Raises *full* when all are needed. Its trace is for the log.
        """
        if self.roomy(len(members), sum(member.use is Use.UNCLAIMED for member in members), most):
            return None
        for use in self._order:
            found = [member for member in members if member.use is use]
            if found:
                return min(found, key=lambda member: member.since)
        if full.trace and time.monotonic() - self._warned > WARN:
            self._warned = time.monotonic()
            logger.warning("there is no room: %s", full.trace)
        raise full


FOR_ALL = Cap(Use.UNCLAIMED, Use.IDLE, UNCLAIMED_SHARE)
"""Among strangers: who has a page, or may come back to one, goes before who was never seen."""

FOR_SESSION = Cap(Use.IDLE, Use.UNCLAIMED, 1.0)
"""Among the pages of one user: a page that has just been opened is worth more than one that was closed."""
