"""What an administrator asks a pool: what runs in it, and to end some of it."""

from __future__ import annotations

from .base import Struct

__all__ = ["ClientState", "InstanceState", "Kill", "Killed", "PoolState", "Stop", "Survey", "WorkerState"]


class ClientState(Struct):
    """A page that is open: how it collects, whether nobody looks at it, and for how many seconds nothing was
    heard of it."""

    transport: str
    hidden: bool
    silent: float


class InstanceState(Struct):
    """An instance: its name as the log has it, and a name of its session, which opens none. Seconds since it
    was made (*age*), and since a page of it was loaded or something was done there (*idle*). One that is
    *ending* has been told to, and its thread still runs."""

    name: str
    session: str
    age: float
    idle: float
    ending: bool
    clients: list[ClientState]


class WorkerState(Struct):
    """A worker: its mount and its app ("module:Class"), the seconds since it was started, and the bytes of
    memory that it uses (0: unknown here). One that does not *answer* begins, ends or hangs. *stuck* are
    threads that cannot be ended. *id* is that of the Survey."""

    mount: str
    app: str
    pid: int
    age: float = 0.0
    memory: int = 0
    answers: bool = True
    stuck: int = 0
    instances: list[InstanceState] = []
    id: int = 0


class PoolState(Struct):
    """The pool: its supervisor and its workers, and the pids of the servers that it lives for."""

    pid: int
    servers: list[int]
    age: float
    memory: int
    workers: list[WorkerState]


class Survey(Struct):
    """What runs? To the supervisor; reply: PoolState. From it to a worker, with an *id*, which answers with
    a WorkerState."""

    id: int = 0


class Kill(Struct):
    """End one of these: the workers of an *app* ("module:Class", or its mount), the *worker* of this pid, the
    instances of a *session*, or the *instance* of this name. To the supervisor; reply: Killed. From it to a
    worker, with an *id*: one for which nothing is named ends all of its instances, and leaves."""

    app: str = ""
    worker: int = 0
    session: str = ""
    instance: str = ""
    id: int = 0


class Killed(Struct):
    """What has ended: workers by pid, instances by name. What has not: instances whose threads are *stuck*,
    and workers that are *silent*, of which nobody knows what is in them."""

    workers: list[int]
    instances: list[str]
    stuck: list[str]
    silent: list[int] = []
    id: int = 0


class Stop(Struct):
    """To the supervisor: end all workers, and leave. Reply: Done when they have ended."""
