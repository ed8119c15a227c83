"""The template: a warm process without threads, from which the processes of single sessions are forked.

It reads the configurations of workers, a line of JSON each, and writes what becomes of them. Of what it has,
a fork gets memory and the error log, and nothing else.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from typing import Any

from ..errors import AppError, HtagError
from .adapters import adapter_class
from .config import TemplateConfig, WorkerConfig
from .process import hosted

__all__ = ["Template"]


class Template:
    """Lives in the main thread of a process that never has another one."""

    def __init__(self) -> None:
        self._orders = sys.stdin.fileno()
        # What apps print goes to the error log, as everywhere in the pool.
        self._reports = os.dup(1)
        os.dup2(2, 1)
        self._wakes, self._wake = os.pipe()
        self._unread = b""
        self._forks: set[int] = set()

    def run(self) -> WorkerConfig | None:
        """Forks until nobody wants it any more. In a fork, returns what that is to do; at the end None."""
        config = TemplateConfig(**next(self._lines()))
        try:
            self._prepare(config)
        except HtagError as error:
            self._report(unfit=str(error))
            return None
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._report(unfit="")
        return self._serve()

    def _prepare(self, config: TemplateConfig) -> None:
        adapter = adapter_class()
        if config.fast:
            adapter.quicken()
        for module in config.warm:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        if config.app:
            hosted(config.app)
        threads = len(os.listdir("/proc/self/task"))
        if threads > 1:
            raise AppError(f"its import starts {threads - 1} threads, which a fork would be without")
        gc.collect()
        gc.freeze()  # a collection in a fork writes to what it looks at, which would be copied then

    def _serve(self) -> WorkerConfig | None:
        wanted = True
        while wanted or self._forks:  # who has no parent is not reaped everywhere
            sources = [self._orders, self._wakes] if wanted else [self._wakes]
            ready, _, _ = select.select(sources, [], [])
            if self._wakes in ready:
                os.read(self._wakes, 4096)
                self._reap()
            if self._orders in ready:
                wanted = False
                for order in self._lines():
                    wanted = True
                    if self._fork(order["slot"]) == 0:
                        return WorkerConfig(**order)
        return None

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The orders that have come, at least one; none at the end."""
        while b"\n" not in self._unread:
            data = os.read(self._orders, 65536)
            if not data:
                return
            self._unread += data
        while b"\n" in self._unread:
            line, _, self._unread = self._unread.partition(b"\n")
            yield json.loads(line)

    def _fork(self, slot: str) -> int:
        try:
            pid = os.fork()
        except OSError as error:
            self._report(slot=slot, error=str(error))
            return -1
        if pid:
            self._forks.add(pid)
            self._report(slot=slot, pid=pid)
        else:
            self._let_go()
        return pid

    def _let_go(self) -> None:
        """In a fork: gives up what belongs to the template."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, self._orders)
        for descriptor in (nothing, self._reports, self._wakes, self._wake):
            os.close(descriptor)

    def _reap(self) -> None:
        for pid in list(self._forks):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._forks.discard(pid)
                self._report(pid=pid, status=os.waitstatus_to_exitcode(status))

    def _report(self, **words: Any) -> None:
        try:
            os.write(self._reports, json.dumps(words).encode() + b"\n")
        except BrokenPipeError:
            pass  # the supervisor is gone, and the end of the orders will say so
