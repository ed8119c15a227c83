"""What the processes of the pool are told when they start."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import EnsureWorker

__all__ = ["PoolConfig", "WorkerConfig", "worker_config"]


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
    max_rate: float
    max_queue: int
    debug: bool
    fast: bool


def worker_config(pool: PoolConfig, secret: str, message: EnsureWorker) -> WorkerConfig:
    """The configuration of the worker that *message* asks for."""
    return WorkerConfig(
        run_dir=pool.run_dir,
        kind=pool.kind,
        secret=secret,
        slot=message.slot,
        app=message.app,
        scope=str(message.options["scope"]),
        idle_timeout=float(message.options["idle_timeout"]),
        interaction_timeout=float(message.options["interaction_timeout"]),
        max_rate=float(message.options["max_rate"]),
        max_queue=int(message.options["max_queue"]),
        debug=bool(message.options["debug"]),
        fast=pool.fast,
    )
