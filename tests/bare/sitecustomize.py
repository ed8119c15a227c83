"""Takes away what Windows does not have, in every process that has this folder on its PYTHONPATH.

The library has been imported by then, as it works differently on each system; what the package and its
servers import and call afterwards finds nothing of it.
"""

from __future__ import annotations

import _socket
import asyncio
import builtins
import fcntl
import logging.handlers
import os
import random
import select
import selectors
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import types
from typing import Any, NoReturn

LOADED = (logging.handlers, random, subprocess, tempfile)

GONE: dict[Any, tuple[str, ...]] = {
    os: (
        *("fork", "forkpty", "posix_spawn", "register_at_fork", "wait", "wait3", "waitid", "pidfd_open"),
        *("getuid", "geteuid", "getgid", "getegid", "getgroups", "getpgid", "killpg", "setsid", "getsid"),
        *("chown", "fchmod", "fchown", "mkfifo", "openpty", "pread", "pwrite", "sched_getaffinity"),
        *("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "nice", "uname", "getloadavg"),
    ),
    socket: ("AF_UNIX", "MSG_DONTWAIT", "TCP_USER_TIMEOUT", "SO_PEERCRED", "SO_REUSEPORT"),
    _socket: ("socketpair",),
    select: ("poll", "epoll"),
    selectors: ("PollSelector", "EpollSelector"),
    signal: ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGALRM", "alarm", "setitimer", "set_wakeup_fd"),
}
MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "posix_ipc")
OURS = "htagweb_flask"


def ours(depth: int = 2) -> bool:
    """Whether the package has called."""
    return str(sys._getframe(depth).f_globals.get("__name__")).partition(".")[0] == OURS


class Proactor(asyncio.SelectorEventLoop):
    """What the usual loop of Windows cannot do."""

    def add_reader(self, *_: Any) -> NoReturn:
        raise NotImplementedError

    add_writer = remove_reader = remove_writer = add_reader


def refuse(*_: Any, **__: Any) -> NoReturn:
    raise NotImplementedError


def locking(descriptor: int, mode: int, _: int) -> None:
    """As that of msvcrt: one byte, at once or not at all."""
    assert mode == 2
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def select_sockets(read: list[int], *others: Any) -> Any:
    if ours() and not all(stat.S_ISSOCK(os.fstat(one).st_mode) for one in read):
        raise OSError(10038, "not a socket")
    return original_select(read, *others)


def open_files(file: Any, *others: Any, **named: Any) -> Any:
    if ours() and str(file).startswith("/proc"):
        raise FileNotFoundError(file)
    return original_open(file, *others, **named)


def pair(*_: Any) -> tuple[socket.socket, socket.socket]:
    """As Python makes a pair there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        return here, server.accept()[0]


for module, names in GONE.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
for name in MODULES:
    sys.modules[name] = None  # type: ignore[assignment]
windows = types.ModuleType("msvcrt")
windows.__dict__.update(LK_NBLCK=2, locking=locking)
sys.modules["msvcrt"] = windows
socket.socketpair = pair  # type: ignore[assignment]
original_select, select.select = select.select, select_sockets
original_open, builtins.open = builtins.open, open_files
selectors.DefaultSelector = selectors.SelectSelector  # type: ignore[misc]
asyncio.SelectorEventLoop.add_signal_handler = refuse  # type: ignore[method-assign]
asyncio.SelectorEventLoop._make_subprocess_transport = refuse  # type: ignore[attr-defined]
asyncio.new_event_loop = asyncio.events.new_event_loop = Proactor
