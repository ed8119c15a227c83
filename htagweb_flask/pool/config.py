"""What the processes of the pool are told when they start."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import EnsureWorker

__all__ = ["PoolConfig", "TemplateConfig", "WorkerConfig", "worker_config"]


@dataclass(frozen=True)
class PoolConfig:
    """What the web process that starts the pool tells it."""

    run_dir: str
    temporary: bool
    """Whether the folder has been made for this server, and goes with it."""
    kind: str
    grace: float
    start: float
    fast: bool
    processes: int
    warm: list[str]


@dataclass(frozen=True)
class TemplateConfig:
    """What the supervisor tells a new template. *app* is imported, if it is not empty; the modules *warm*,
    which most apps import, if they can be."""

    app: str
    warm: list[str]
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
    isolation: str
    preload: str
    instances: int
    session_instances: int
    idle_timeout: float
    interaction_timeout: float
    worker_memory: int
    max_rate: float
    max_queue: int
    parano: bool
    key_file: str
    debug: bool
    reload: bool
    fast: bool


def worker_config(pool: PoolConfig, secret: str, message: EnsureWorker) -> WorkerConfig:
    """The configuration of the worker that *message* asks for."""
    return WorkerConfig(
        run_dir=pool.run_dir,
        kind=pool.kind,
        secret=secret,
        slot=message.slot,
        app=message.app,
        fast=pool.fast,
        **message.options,  # type: ignore[arg-type]
    )
