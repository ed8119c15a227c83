"""A process that this one has started.

In place of asyncio's, as on Windows that needs a kind of loop which has no ``add_reader()``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess  # our own commands, never through a shell  # nosec B404
import threading
from collections.abc import Sequence
from typing import IO, cast

__all__ = ["Child"]


class Child:
    """A process, seen from the loop of the one that has started it."""

    def __init__(self, command: Sequence[str], given: bytes) -> None:
        """Starts *command*, with *given* as its standard input. Raises OSError when that cannot be done."""
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - our own  # nosec B603
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[int] = self._loop.create_future()
        name = f"child-{self.pid}"
        threading.Thread(target=self._attend, args=(given,), name=name, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    async def wait(self) -> int:
        """Its exit status, when it has ended; that of a signal is negative."""
        return await asyncio.shield(self._end)

    def terminate(self) -> None:
        """Asks it to end. Windows knows no such question: there it ends with its connection to us."""
        if os.name == "posix":
            self._process.terminate()

    def kill(self) -> None:
        """Ends it."""
        self._process.kill()

    def _attend(self, given: bytes) -> None:
        stdin = cast(IO[bytes], self._process.stdin)
        with contextlib.suppress(OSError):  # it has ended before
            stdin.write(given)
        with contextlib.suppress(OSError):
            stdin.close()
        status = self._process.wait()
        with contextlib.suppress(RuntimeError):  # our loop has ended before
            self._loop.call_soon_threadsafe(self._ended, status)

    def _ended(self, status: int) -> None:
        if not self._end.done():
            self._end.set_result(status)
