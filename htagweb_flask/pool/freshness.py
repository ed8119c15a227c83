"""Whether a worker still has the code that is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..appref import AppRef
from ..code import saved_after, version_of

__all__ = ["Freshness"]

LOOK = 0.2
"""Seconds between two looks, where open pages are to follow within 2 s: a process has to start in them."""


class Freshness:
    """Looks at the code of *app*, and calls *tell* when it was saved: once, when it is saved to its end.

    *born* is when its import began (nanoseconds, as ``time.time_ns()``): what is saved from then on is new.
    """

    def __init__(self, app: AppRef, wide: bool, born: int, tell: Callable[[], None] | None) -> None:
        self._app = app
        self._wide = wide
        self._tell = tell
        self._version = version_of(app, wide)
        self.outdated = saved_after(app, wide, born)
        if tell:
            self._seen = "" if self.outdated else self._version
            asyncio.get_running_loop().call_later(LOOK, self._follow)

    def look(self) -> bool:
        """Whether other code than that of this process is on disk, or was."""
        self.outdated = self.outdated or version_of(self._app, self._wide) != self._version
        return self.outdated

    def _follow(self) -> None:
        version = version_of(self._app, self._wide)
        self.outdated = self.outdated or version != self._version
        if self._tell and self.outdated and version == self._seen:
            self._tell()
            return
        self._seen = version
        asyncio.get_running_loop().call_later(LOOK, self._follow)
