"""The session of a request of one of our pages: opened when something looks at it, and not before."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from flask import Request
from flask.sessions import SessionMixin

from ..protocol import Delta
from ..session import pack
from ..store import changes

__all__ = ["OPENING", "LazySession", "fingerprint", "is_ours"]

OPENING = ("key", "page")
"""What a page with parano posts in place of a GET: it opens the session as that does."""


def is_ours(request: Request) -> bool:
    """Whether *request* comes from the script of a page of ours (Flask opens sessions before it routes)."""
    verb = request.path.rpartition("/_htag/")[2] if "/_htag/" in request.path else ""
    called = bool(verb) or "X-Htag" in request.headers
    return request.method == "POST" and called and (verb or request.args.get("_htag")) not in OPENING


def fingerprint(sid: str) -> str:
    """A session id as it may stand in a page: it tells two sessions apart, and opens none."""
    return hashlib.sha256(sid.encode()).hexdigest()[:16]


class LazySession(SessionMixin):
    """The session of a request, opened at the first look. Raises StoreError there, when it cannot be."""

    def __init__(self, open_session: Callable[[], Any]) -> None:
        self._open = open_session
        self._opened: Any = None
        self._before: dict[str, Any] = {}

    @property
    def opened(self) -> Any:
        """The session itself."""
        if self._opened is None:
            self._opened = self._open()
            self._before = copy.deepcopy(dict(self._opened))
        return self._opened

    def changed(self) -> bool:
        """Whether this request has changed it."""
        return self._opened is not None and any(changes(self._before, self._opened))

    def delta(self) -> Delta:
        """What this request has changed. Raises TypeError for values that cannot be stored."""
        put, drop = changes(self._before, self.opened)
        return Delta({key: pack(value) for key, value in put.items()}, drop)

    def __getitem__(self, key: str) -> Any:
        return self.opened[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.opened[key] = value

    def __delitem__(self, key: str) -> None:
        del self.opened[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.opened)

    def __len__(self) -> int:
        return len(self.opened)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.opened, name)
