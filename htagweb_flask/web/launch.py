"""Starts the pool: by the first request that needs it, by exactly one of those that race."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import stat
import subprocess  # our own commands, never through a shell  # nosec B404
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast

from ..brokers.socket import Connection
from ..config import Settings
from ..errors import PoolError
from ..locks import lock
from ..placement import POOL, SAFE_PATH

__all__ = [
    "base_dir",
    "elected",
    "interpreter",
    "kind_of",
    "owned_dir",
    "private_dir",
    "run_dir_of",
    "server_of",
    "start_pool",
]

logger = logging.getLogger(__name__)

AGAIN = 10.0
"""Seconds after which a page asks again for a pool that did not start."""

WARM = ["htagweb_flask.extension"]
"""What the modules of most apps import, and Flask with it: in processes that are forked, it is there."""


def kind_of(settings: Settings) -> str:
    """How processes reach each other here: "unix" or "tcp"."""
    import socket

    if settings.broker == "auto":
        return "unix" if hasattr(socket, "AF_UNIX") else "tcp"
    return settings.broker


def server_of(environ: Mapping[str, Any]) -> int:
    """The pid of the process that stands for the whole server: the one that all its web processes share.

    Web processes of a pre-forking server have it as their parent; so has the process that Werkzeug's
    reloader starts anew at each change. The known single-process servers stand for themselves.
    """
    if "uwsgi.version" in environ:  # it does not say its name as others do
        return os.getppid()
    software = str(environ.get("SERVER_SOFTWARE", "")).partition("/")[0].lower()
    alone = software in ("waitress", "werkzeug", "gevent", "cheroot", "wsgiserver", "")
    if alone and not os.environ.get("WERKZEUG_RUN_MAIN"):
        return os.getpid()
    return os.getppid()


def private_dir(path: str) -> str:
    """*path* as a folder that is ours alone (mode 0700), made if need be. Raises PoolError if it is not."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise PoolError(f"{path} cannot be made ({error.strerror}): set HTAG_RUN_DIR") from None
    return owned_dir(path)


def owned_dir(path: str) -> str:
    """*path*, which is a folder that is ours alone. Raises PoolError if it is not."""
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode):
        raise PoolError(f"{path} is not a folder: remove it, or set HTAG_RUN_DIR")
    if hasattr(os, "getuid") and (info.st_uid != os.getuid() or info.st_mode & 0o077):
        raise PoolError(f"{path} is open to other users: remove it, or set HTAG_RUN_DIR to a private folder")
    if not os.access(path, os.W_OK | os.X_OK):
        raise PoolError(f"{path} cannot be written: set HTAG_RUN_DIR to a folder that can")
    return path


def base_dir() -> str:
    """The folder that holds those of this user's pools, unless HTAG_RUN_DIR says otherwise."""
    owner = os.getuid() if hasattr(os, "getuid") else "0"
    return os.path.join(tempfile.gettempdir(), f"htagweb-{owner}")


def run_dir_of(settings: Settings, server: int) -> str:
    """The folder of the pool's sockets: the same for all web processes of a server, and for no other."""
    if settings.run_dir:
        return private_dir(os.path.abspath(settings.run_dir))
    base, born = private_dir(base_dir()), ""
    with contextlib.suppress(OSError), open(f"/proc/{server}/stat") as file:
        born = file.read().rpartition(")")[2].split()[19]  # field 22, starttime: pids are used again
    return private_dir(os.path.join(base, hashlib.sha256(f"{server}/{born}".encode()).hexdigest()[:16]))


def start_pool(settings: Settings, run_dir: str, kind: str, server: int) -> None:
    """Returns when a pool can be reached in *run_dir*: found, or started. Raises PoolError."""
    deadline = time.monotonic() + settings.pool_start
    while True:
        with contextlib.suppress(OSError):
            Connection(run_dir, POOL, kind, server).close()
            return
        try:
            if _start_alone(settings, private_dir(run_dir), kind, server):
                return
        except OSError as error:
            raise PoolError(f"the pool cannot be started: {error} (set HTAG_RUN_DIR)") from None
        if time.monotonic() > deadline:
            late = f"the pool did not start within {settings.pool_start:g} s (see the server's log)"
            raise PoolError(late, retry=AGAIN)
        time.sleep(0.02)  # another web process starts it; a lock that blocks would stop a gevent worker


def _start_alone(settings: Settings, run_dir: str, kind: str, server: int) -> bool:
    """Starts the pool, unless another process does it just now. Returns whether there is one."""
    with elected(os.path.join(run_dir, "start.lock")) as mine:
        if mine:
            with contextlib.suppress(OSError):  # somebody was faster
                Connection(run_dir, POOL, kind, server).close()
                return True
            _spawn(settings, run_dir, kind)
        return mine


@contextlib.contextmanager
def elected(path: str) -> Iterator[bool]:
    """Whether this process holds the lock of *path*: at most one does, until the end of the block."""
    with open(path, "w") as file:
        yield lock(file) and _is_at(file, path)  # closing the file releases it


def _is_at(file: IO[str], path: str) -> bool:
    """Whether *file* is what is found at *path* now: a pool that leaves may have removed it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def pool_config(settings: Settings, run_dir: str, kind: str) -> dict[str, Any]:
    """What a pool is told of the settings: the fields of its PoolConfig."""
    return {
        "run_dir": run_dir,
        "temporary": not settings.run_dir,
        "kind": kind,
        "grace": settings.pool_grace,
        "start": settings.pool_start,
        "fast": settings.fast,
        "processes": settings.processes,
        "warm": WARM,
    }


def _spawn(settings: Settings, run_dir: str, kind: str) -> None:
    level = logging.getLevelName(logging.getLogger("htagweb_flask").getEffectiveLevel())
    config = {**pool_config(settings, run_dir, kind), "log": level}
    python, environ = interpreter(settings)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command  # nosec B603
            [python, "-m", "htagweb_flask.pool"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
            # A Ctrl-C or a kill of the server's group is not for the pool.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )
    except OSError as error:
        raise PoolError(f"the pool cannot be started: {error} (set HTAG_PYTHON)") from None
    # It is not ended with this web process; but if it ends before, somebody has to wait for it.
    threading.Thread(target=process.wait, name="htag-pool", daemon=True).start()
    stdin, stdout = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
    with contextlib.suppress(OSError):
        stdin.write(json.dumps(config).encode())
        stdin.close()
    answer = _answer(stdout, settings.pool_start)
    if "ready" not in answer:
        process.kill()  # it may be late only, and the next request would start another one
        reason = answer.get("error") or f"see the log of the server, or set HTAG_PYTHON (it is {python})"
        raise PoolError(f"the pool cannot be started: {reason}", retry=AGAIN)
    logger.info("started the pool as %s", answer["ready"])


def _answer(stdout: IO[bytes], timeout: float) -> dict[str, Any]:
    """The word of a new pool. A thread reads it: not everywhere can one wait for a pipe with a limit."""
    lines: list[bytes] = []

    def read() -> None:
        with stdout:
            lines.append(stdout.readline())

    thread = threading.Thread(target=read, name="htag-start", daemon=True)
    thread.start()
    thread.join(timeout)
    answer: dict[str, Any] = json.loads(lines[0]) if lines and lines[0].startswith(b"{") else {}
    return answer


def interpreter(settings: Settings) -> tuple[str, dict[str, str]]:
    """The Python of the pool, and its environment. Raises PoolError when there is none."""
    # The pool finds modules where this process does; a relative entry ("") is the current folder.
    paths = [os.path.abspath(path) for path in sys.path]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
    # `python -m` would put the current folder first, where a file may have the name of any library.
    environ.setdefault("PYTHONSAFEPATH", SAFE_PATH)
    return _python(settings), environ


def _python(settings: Settings) -> str:
    if settings.python:
        return settings.python
    # Under uWSGI and some embedders sys.executable is the server, not Python.
    name = os.path.basename(sys.executable or "").lower()
    found: str = sys.executable
    if not name.startswith(("python", "pypy")):
        found = getattr(sys, "_base_executable", "")
    if not os.path.basename(found).lower().startswith(("python", "pypy")):
        raise PoolError(f"{found or 'nothing'} is not a Python interpreter: set HTAG_PYTHON to one")
    return found
