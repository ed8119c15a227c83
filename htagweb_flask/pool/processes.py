"""How the processes of workers come to be: started anew, or forked from a template that is warm."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import signal
import sys
import time
from collections import defaultdict
from typing import Any, Protocol

from ..errors import PoolError
from ..placement import mount_of
from .child import Child
from .config import PoolConfig, TemplateConfig, WorkerConfig

__all__ = ["Process", "Processes"]

logger = logging.getLogger(__name__)

UNFIT = 60.0
"""Seconds until another attempt, where a template cannot be had."""

FORK = 5.0
"""Seconds that a template may take to fork: more only if it does not react any more."""

UNKNOWN = -1
"""The status of a process whose template has ended before it."""


class Process(Protocol):
    """The process of a worker."""

    @property
    def pid(self) -> int:
        """Its number."""

    async def wait(self) -> int:
        """Its status, when it has ended: negative if a signal has ended it."""

    def terminate(self) -> None:
        """Asks it to end. May raise ProcessLookupError, when it has."""

    def kill(self) -> None:
        """Ends it. May raise ProcessLookupError, when it has ended."""


class Processes:
    """Starts them. Lives in the supervisor's loop."""

    def __init__(self, config: PoolConfig) -> None:
        self._config = config
        self._templates: dict[str, _Template] = {}
        self._unfit: dict[str, float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self, worker: WorkerConfig) -> Process:
        """A new process, which becomes that worker. Raises OSError."""
        if worker.isolation == "session" and worker.preload != "none" and _can_fork():
            template = await self._template(worker)
            try:
                if template:
                    return await template.fork(worker)
            except PoolError as error:
                logger.warning("the process of %s is started anew: %s", worker.slot, error)
        return Child(_command("worker"), _line(worker))

    async def _template(self, worker: WorkerConfig) -> _Template | None:
        """One for *worker*. None where there cannot be one."""
        keys = [""]  # any app may be imported in its forks
        if worker.preload == "app":
            # It tells the version of the code, too, which successors share.
            keys.insert(0, mount_of(worker.slot).partition("~")[0])
        for key in keys:
            async with self._locks[key]:
                if await self._has(key, worker.app if key else ""):
                    return self._templates[key]
        return None

    async def _has(self, key: str, app: str) -> bool:
        """Whether there is a template of that key, which is started if it must be and can be."""
        found = self._templates.get(key)
        if found and not found.ended:
            return True
        if time.monotonic() - self._unfit.get(key, -UNFIT) < UNFIT:
            return False
        try:
            config = TemplateConfig(app, self._config.warm, self._config.fast)
            template = await _Template.start(config, self._config.start)
        except (OSError, PoolError) as error:
            logger.warning("processes are not forked from a template of %s: %s", app or "htag", error)
            self._unfit[key] = time.monotonic()
            return False
        self._outdate(key)
        self._templates[key] = template
        return True

    def _outdate(self, newest: str) -> None:
        """Lets go the templates of the same mount that have other code."""
        for key in [key for key in self._templates if mount_of(key) == mount_of(newest)]:
            self._templates.pop(key).close()

    def close(self) -> None:
        """Lets all templates go."""
        for template in self._templates.values():
            template.close()


def _can_fork() -> bool:
    # macOS has os.fork(), but its frameworks do not bear it. pidfd_open may be there and refused, as by old
    # kernels and by some sandboxes.
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def _command(kind: str) -> list[str]:
    return [sys.executable, "-m", f"{__package__}", kind]


def _line(config: WorkerConfig | TemplateConfig) -> bytes:
    return json.dumps(dataclasses.asdict(config)).encode() + b"\n"


class _Template:
    """What the supervisor has of a template."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._wanted: dict[str, asyncio.Future[_Fork]] = {}
        self._forks: dict[int, _Fork] = {}
        self._reading: asyncio.Task[None] | None = None
        self.ended = False

    @classmethod
    async def start(cls, config: TemplateConfig, patience: float) -> _Template:
        """Raises OSError and PoolError when there cannot be one."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*_command("template"), stdin=pipe, stdout=pipe)
        template = cls(process)
        template._write(config)
        try:
            report = await asyncio.wait_for(template._report(), patience)
        except asyncio.TimeoutError:
            report = {"unfit": f"it takes longer than {patience:g} s"}
        if report is None or report["unfit"]:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise PoolError(report["unfit"] if report else "its process has ended")
        template._reading = asyncio.create_task(template._read())
        return template

    async def fork(self, config: WorkerConfig) -> Process:
        """A new fork, which becomes that worker. Raises PoolError."""
        wanted = self._wanted[config.slot] = asyncio.get_running_loop().create_future()
        self._write(config)
        try:
            return await asyncio.wait_for(wanted, FORK)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            raise PoolError("their template does not react") from None

    def close(self) -> None:
        """It ends when its last fork has ended."""
        if self._process.stdin:
            self._process.stdin.close()

    def _write(self, config: WorkerConfig | TemplateConfig) -> None:
        if self._process.stdin:
            self._process.stdin.write(_line(config))

    async def _report(self) -> dict[str, Any] | None:
        line = await self._process.stdout.readline() if self._process.stdout else b""
        return json.loads(line) if line.endswith(b"\n") else None

    async def _read(self) -> None:
        while report := await self._report():
            wanted = self._wanted.pop(report.get("slot", ""), None)
            if "status" in report:
                self._forks.pop(report["pid"]).over(report["status"])
            elif "pid" in report:
                fork = self._forks[report["pid"]] = _Fork(report["pid"])
                if wanted and not wanted.done():
                    wanted.set_result(fork)
                else:
                    fork.kill()  # it came too late
            elif wanted and not wanted.done():
                wanted.set_exception(PoolError(report["error"]))
        self.ended = True
        for wanted in self._wanted.values():
            if not wanted.done():
                wanted.set_exception(PoolError("their template has ended"))
        for fork in self._forks.values():
            fork.orphaned()
        await self._process.wait()


class _Fork:
    """A process that is a child of a template."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._loop = asyncio.get_running_loop()
        self._status: asyncio.Future[int] = self._loop.create_future()
        try:
            self._descriptor = os.pidfd_open(pid)  # means this process, when the number is used again, too
        except OSError:
            self._descriptor = -1

    async def wait(self) -> int:
        """See :class:`Process`."""
        return await asyncio.shield(self._status)

    def terminate(self) -> None:
        """See :class:`Process`."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """See :class:`Process`."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._descriptor >= 0:
            signal.pidfd_send_signal(self._descriptor, number)

    def over(self, status: int) -> None:
        """It has ended."""
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
        if not self._status.done():
            self._status.set_result(status)

    def orphaned(self) -> None:
        """Nobody will tell its status any more."""
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self.over, UNKNOWN)
        else:
            self.over(UNKNOWN)
