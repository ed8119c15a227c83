"""What processes say of themselves: who they are, that they are ready, that something failed."""

from __future__ import annotations

from ..errors import HtagError
from .base import Struct

__all__ = [
    "VERSION",
    "Alive",
    "Done",
    "EnsureWorker",
    "Failure",
    "Hello",
    "WorkerLeaves",
    "WorkerReady",
    "WorkerUse",
    "failure",
]

VERSION = 6
"""Raised at each incompatible change: a web process never talks to a pool of another version."""


class Hello(Struct):
    """First message of every connection. *server* is the process whose life a pool shares (0: this one)."""

    secret: str
    version: int = VERSION
    pid: int = 0
    server: int = 0


class Done(Struct):
    """The reply that says nothing more."""

    pid: int = 0


class Failure(Struct):
    """An error of :mod:`htagweb_flask.errors`, by its code."""

    code: str
    text: str
    trace: str = ""
    retry: float = 0.0


class EnsureWorker(Struct):
    """To the supervisor: have the worker of *slot* running, with *app* imported. Reply: Done or Failure."""

    slot: str
    app: str
    options: dict[str, str | int | float | bool]


class WorkerReady(Struct):
    """From a new worker to the supervisor: listening, or failed to import its app."""

    slot: str
    pid: int
    error: Failure | None = None


class WorkerLeaves(Struct):
    """From a worker to the supervisor: it listens no more, and ends. Another may take its slot, unless it is
    *retired*: new pages have gone to a successor in another one."""

    slot: str
    retired: bool = False


class WorkerUse(Struct):
    """From a worker for one session to the supervisor: how much it is needed (pool.caps.Use)."""

    slot: str
    use: int


class Alive(Struct):
    """From the supervisor to the worker of *slot*, which sends it back: its main thread runs."""

    slot: str


def failure(error: Exception) -> Failure:
    """*error* as it travels; anything that is not ours travels as a plain error."""
    if isinstance(error, HtagError):
        return Failure(error.code, str(error), error.trace, error.retry)
    return Failure(HtagError.code, f"{type(error).__name__}: {error}")
