"""Where an instance lives: a pure function, so that every web process finds it without a registry."""

from __future__ import annotations

import hashlib
import os
import re

__all__ = [
    "POOL",
    "SAFE_PATH",
    "SECRET",
    "address_file",
    "is_address",
    "may_hold",
    "mount_of",
    "own_slot_of",
    "session_name",
    "slot_of",
    "successor_of",
]

POOL = "pool"
"""Name of the supervisor's own socket."""

SECRET = "secret"  # noqa: S105 - the name of a file  # nosec B105
"""File of the run directory whose content opens every connection."""

SAFE_PATH = "htag"
"""Our value of PYTHONSAFEPATH: apps, and what they start, do not get it."""


_OWN = "s"
"""Begins the last part of the name of a slot that is for one session."""


def address_file(run_dir: str, name: str, kind: str) -> str:
    """The file in *run_dir* by which *name* (a slot, or POOL) is reached: its unix socket, or for kind "tcp"
    a file that holds its port on the loopback interface."""
    return os.path.join(run_dir, f"{name}.{'sock' if kind == 'unix' else 'port'}")


def slot_of(mount: str, link: str, workers: int) -> str:
    """The slot (name of a worker) that holds the instances of session *link* for the app mounted as *mount*.

    All instances of one session and app share a worker, so that they can share the session's data.
    """
    digest = hashlib.sha256(f"{mount}/{link}".encode()).digest()
    return f"{mount}-{int.from_bytes(digest[:8], 'big') % workers}"


def successor_of(slot: str, number: str) -> str:
    """The slot that takes new pages in place of *slot*, whose worker takes none any more. *number* is "1", or
    "2" where that takes none, either."""
    mount, _, name = slot.rpartition("-")
    return f"{mount}~{number}-{name}"


def is_address(name: str) -> bool:
    """Whether a file of that name is the address of a slot."""
    return re.fullmatch(r".+-[0-9a-f]{10}-[0-9a-f]{6}[~-].+\.(sock|port)", name) is not None


def own_slot_of(mount: str, link: str) -> str:
    """The slot that holds the instances of session *link* for that app, and nothing else."""
    return f"{mount}-{_OWN}{hashlib.sha256(link.encode()).hexdigest()[:12]}"


def may_hold(slot: str, link: str) -> bool:
    """Whether there may be instances of session *link* in *slot*."""
    name = slot.rpartition("-")[2]
    return not name.startswith(_OWN) or slot == own_slot_of(mount_of(slot), link)


def mount_of(slot: str) -> str:
    """The mount whose instances *slot* holds."""
    return slot.rpartition("-")[0]


def session_name(link: str) -> str:
    """What administrators see of the session *link*: it tells sessions apart, and opens none."""
    return hashlib.sha256(f"session/{link}".encode()).hexdigest()[:10]
