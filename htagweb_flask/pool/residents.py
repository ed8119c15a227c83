"""The instances of a worker, and the room that there is for them."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterator

from ..errors import Full
from .caps import FOR_ALL, FOR_SESSION
from .instance import Instance

__all__ = ["CROWDED", "Key", "Residents"]

logger = logging.getLogger(__name__)

CROWDED = "This app serves as many visitors as it can just now. Please try again in a minute."
TOO_MANY = "You have {} pages of this app open, which is the most. Close one of them, and reload this page."
"""What is said to who finds no room."""

Key = tuple[str, str]
"""The link of a session, and which of its instances: the query, or the client that it is for."""


class Residents:
    """Lives in the thread of the worker. A page looks at few of them, however many there are."""

    def __init__(self, slot: str, most: int, most_of_session: int) -> None:
        self.gone = 0
        """How many have ended so far, their threads too."""
        self.changed = time.monotonic()
        """When the last of them has."""
        self._slot = slot
        self._most = most
        self._most_of_session = most_of_session
        self._instances: dict[Key, Instance] = {}
        self._of_session: defaultdict[str, set[Key]] = defaultdict(set)
        self._unclaimed: set[Key] = set()  # as far as is known

    def __len__(self) -> int:
        return len(self._instances)

    def __iter__(self) -> Iterator[Instance]:
        """Those that there are now; there may be others meanwhile."""
        return iter(list(self._instances.values()))

    def items(self) -> list[tuple[Key, Instance]]:
        """The same, with their keys."""
        return list(self._instances.items())

    def links(self) -> set[str]:
        """The sessions that have some."""
        return {link for link, _ in self._instances}

    def of(self, link: str) -> list[Instance]:
        """Those of session *link*."""
        return [self._instances[key] for key in self._of_session.get(link, ())]

    def get(self, key: Key) -> Instance | None:
        """The one at *key*; it may have ended."""
        return self._instances.get(key)

    def add(self, key: Key, instance: Instance) -> None:
        """In the place of one that has ended, perhaps."""
        self.gone += key in self._instances
        self._instances[key] = instance
        self._of_session[key[0]].add(key)
        self._unclaimed.add(key)

    def discard(self, key: Key) -> None:
        """Its thread has ended, or is given up."""
        del self._instances[key]
        self._unclaimed.discard(key)
        keys = self._of_session[key[0]]
        keys.remove(key)
        if not keys:
            del self._of_session[key[0]]
        self.gone, self.changed = self.gone + 1, time.monotonic()

    def make_room(self, link: str) -> None:
        """Ends an instance, if there would be too many with another one for session *link*. Raises Full."""
        own = [one for one in self.of(link) if not one.ended]
        full = Full(TOO_MANY.format(self._most_of_session))
        leaver = FOR_SESSION.leaver(own, self._most_of_session, full) or self._leaver()
        if leaver:
            logger.info("%s ends, to make room", leaver.name)
            leaver.end()

    def _leaver(self) -> Instance | None:
        """Which of all has to end so that another has room. Looks at all of them only if there may be none:
        that takes some milliseconds, for each page."""
        known = {key: self._instances.get(key) for key in self._unclaimed}
        self._unclaimed = {key for key, one in known.items() if one and not (one.claimed or one.ended)}
        if FOR_ALL.roomy(len(self._instances), len(self._unclaimed), self._most):
            return None
        live = [one for one in self._instances.values() if not one.ended]
        full = Full(CROWDED, f"worker {self._slot} has {self._most} instances (HTAG_INSTANCES)")
        return FOR_ALL.leaver(live, self._most, full)
