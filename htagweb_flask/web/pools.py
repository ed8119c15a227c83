"""The pools of this machine, for whoever looks after them: what runs, and the end of it."""

from __future__ import annotations

import contextlib
import os
import select
import time

import msgspec

from ..brokers.socket import Connection
from ..errors import PoolError, from_wire
from ..placement import POOL, SECRET, address_file
from ..protocol import Failure, Kill, Killed, Message, PoolState, Stop, Survey, encode
from .launch import base_dir, owned_dir

__all__ = ["Pool", "folders", "pools"]

ASK = 10.0
"""Seconds that a pool may take to say what runs."""

END = 30.0
"""Seconds that it may take to end something: instances are interrupted, workers are killed meanwhile."""


class _Nobody(PoolError):
    """Nobody listens."""


class Pool:
    """A pool that runs: see :func:`pools`. Each call connects anew, and does not keep the pool alive."""

    def __init__(self, run_dir: str) -> None:
        """The pool whose sockets are in the folder *run_dir*. Raises PoolError when there is none, or when
        the folder is not ours alone."""
        self.run_dir = os.path.abspath(run_dir)
        self.pid = self.state().pid

    def __repr__(self) -> str:
        return f"<Pool {self.pid} {self.run_dir}>"

    def state(self) -> PoolState:
        """What runs: workers, their instances, their pages. Raises PoolError when the pool has left."""
        reply = self._ask(Survey(), ASK)
        if not isinstance(reply, PoolState):
            raise PoolError(f"the pool replied {type(reply).__name__}")
        return reply

    def kill(self, *, app: str = "", worker: int = 0, session: str = "", instance: str = "") -> Killed:
        """Ends one of: all workers of an *app* ("module:Class", or the name of a mount), the *worker* with
        this pid, the instances of a *session*, the *instance* of this name; all as :meth:`state` has them.

        Open pages are told that the application has ended; who loads them again has a new instance, with
        what is in ``tag.state``. Returns when threads and processes have ended, with what has ended and what
        could not be. Raises ValueError unless exactly one is given, PoolError when the pool has left.
        """
        if sum(map(bool, (app, worker, session, instance))) != 1:
            raise ValueError("name one of app, worker, session, instance")
        reply = self._ask(Kill(app, worker, session, instance), END)
        if not isinstance(reply, Killed):
            raise PoolError(f"the pool replied {type(reply).__name__}")
        return reply

    def stop(self) -> None:
        """Ends the pool with all of its processes, and returns when they have ended. The next page starts
        another one. Raises PoolError when it has left already, or does not end."""
        descriptor = -1
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(self.pid)
        try:
            self._ask(Stop(), END)
            until = time.monotonic() + END
            while not self._has_left(descriptor):
                if time.monotonic() > until:
                    raise PoolError(f"the pool {self.pid} does not end")
                time.sleep(0.02)
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _has_left(self, descriptor: int) -> bool:
        if descriptor < 0:  # where a process cannot be watched, by the file that it removes last
            return not os.path.exists(os.path.join(self.run_dir, SECRET))
        poll = select.poll()  # select() takes no descriptor above 1,023
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def _ask(self, message: Message, timeout: float) -> Message:
        try:
            with contextlib.closing(_connect(self.run_dir)) as connection:
                reply = connection.exchange(encode(message), timeout)
        except TimeoutError:
            raise PoolError(f"the pool in {self.run_dir} does not answer within {timeout:g} s") from None
        except (OSError, msgspec.DecodeError) as error:
            raise _Nobody(f"no pool runs in {self.run_dir}: {error}") from None
        if isinstance(reply, Failure):
            raise from_wire(reply.code, reply.text, reply.trace)
        return reply


def _connect(run_dir: str) -> Connection:
    """Raises OSError when there is no pool."""
    owned_dir(run_dir)
    unix = os.path.exists(address_file(run_dir, POOL, "unix"))
    return Connection(run_dir, POOL, "unix" if unix else "tcp", 0, guest=True)


def folders(run_dir: str = "") -> list[str]:
    """Where pools are looked for: in *run_dir* or in HTAG_RUN_DIR where it is set, else in a folder for each
    server of this user. Raises PoolError when the folder of all of them is open to others."""
    chosen = run_dir or os.environ.get("HTAG_RUN_DIR", "")
    if chosen:
        return [os.path.abspath(chosen)]
    base = base_dir()
    if not os.path.exists(base):
        return []
    return sorted(entry.path for entry in os.scandir(owned_dir(base)) if entry.is_dir())


def pools(run_dir: str = "") -> list[Pool]:
    """The pools of this user that run on this machine: that in *run_dir* or in HTAG_RUN_DIR where it is set,
    else one for each server. Raises PoolError for one that does not answer, or is of another version, and
    for a folder that is open to others."""
    found = []
    for folder in folders(run_dir):
        with contextlib.suppress(_Nobody):
            found.append(Pool(folder))
    return found
