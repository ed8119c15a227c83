"""What the processes of the pool are told when they start."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PoolConfig", "WorkerConfig"]


@dataclass(frozen=True)
class PoolConfig:
    """What the web process that starts the pool tells it."""

    run_dir: str
    kind: str
    grace: float
    start: float
    fast: bool


@dataclass(frozen=True)
class WorkerConfig:
    """What the supervisor tells a new worker."""

    run_dir: str
    kind: str
    secret: str
    slot: str
    app: str
    scope: str
    idle_timeout: float
    interaction_timeout: float
    debug: bool
    fast: bool
