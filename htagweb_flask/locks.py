"""Locks of files, which a process holds until it closes the file, or ends however it ends."""

from __future__ import annotations

import sys
from typing import IO, Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["lock"]


def lock(file: IO[Any]) -> bool:
    """Locks *file*, unless another process, or another open file of this one, holds it: whether that was
    done. Never waits: a lock that waits in the kernel would stop all greenlets of a gevent worker."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
