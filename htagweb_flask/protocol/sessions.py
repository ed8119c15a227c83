"""What web processes and the pool say about sessions: what has changed, and whether it is stored."""

from __future__ import annotations

from .base import Struct

__all__ = [
    "Changed",
    "Changes",
    "Collect",
    "Company",
    "Current",
    "Delta",
    "Keep",
    "Kept",
    "Part",
    "Patched",
    "Saved",
]


class Part(Struct):
    """Changes of a dict: packed values by key, and deleted keys."""

    put: dict[str, bytes]
    drop: list[str]


class Delta(Part):
    """Changes of a session, and those *inside* of its values that are dicts. Who stores it says so by its
    number; and stores it before *until* (by the monotonic clock of this machine; 0: whenever) or not at all,
    as it is given to somebody else then. *shared* says that workers of other apps may hold the same
    session."""

    number: int = 0
    until: float = 0.0
    inside: dict[str, Part] = {}
    shared: bool = False


class Saved(Struct):
    """The delta *number* of session *link* is stored, or could not be. Reply: none; or Done to who wants to
    *wait* until the workers of other apps know it."""

    link: str
    number: int
    ok: bool = True
    wait: bool = False

    @property
    def wants_reply(self) -> bool:
        """See above."""
        return self.wait


class Patched(Struct):
    """Session *link*, whose id is now *sid* (empty: unchanged), has been changed; without a delta, it has
    ended (that of id *sid*: it may have a new one since; if *sid* is empty, whatever its id).

    From a view, for the supervisor, which passes it on to every worker (with an *id* to acknowledge) and
    replies Done; or from the worker of *slot*, for those of other apps, with Done as the reply if it has an
    *id* of its own."""

    link: str
    sid: str
    delta: Delta | None
    id: int = 0
    slot: str = ""


class Current(Struct):
    """Which id does session *link* have by now, which had *sid* just before? Reply: the same with its *sid*;
    empty: it has ended, or *sid* is that of long ago."""

    link: str
    sid: str


class Company(Struct):
    """From the supervisor to a worker: there are workers of other apps, which may hold the same sessions.
    It is acknowledged as Patched is."""

    id: int = 0


class Changed(Struct):
    """From a worker to the supervisor: code that no request waits for has changed session *link*."""

    slot: str
    link: str
    sid: str
    delta: Delta


class Collect(Struct):
    """What has changed without a request, after at most *wait* seconds, and what became of the last changes
    (slot, Saved). Reply: Changes."""

    wait: float
    saved: list[tuple[str, Saved]]


class Changes(Struct):
    """The reply to Collect."""

    changes: list[Changed]


class Keep(Struct):
    """The memory of the pool, for sessions: sets *key* for *seconds*, deletes it (0 seconds), or reads it
    (no value). Reply: Kept."""

    key: str
    value: bytes | None = None
    seconds: float = 0.0


class Kept(Struct):
    """The value of a key, before it was changed, and for how many seconds it would have been there."""

    value: bytes | None
    seconds: float | None = None
