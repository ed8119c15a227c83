"""Locks of files, which a process holds until it closes the file, or ends however it ends."""

from __future__ import annotations

import importlib
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["lock"]


def lock(file: IO[Any]) -> bool:
    """Locks *file*, unless another process, or another open file of this one, holds it: whether that was
    done. Never waits: a lock that waits in the kernel would stop all greenlets of a gevent worker."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            windows = importlib.import_module("msvcrt")
            file.seek(0)  # what is locked is a byte at a place
            windows.locking(file.fileno(), windows.LK_NBLCK, 1)
    except OSError:
        return False
    return True
