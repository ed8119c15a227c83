"""A server under measurement: started with directories of its own, ended with all that it has started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from .connection import HOST
from .process_tree import descendants, marked, start_time

BENCHMARKS = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 5.0


class ServerFailed(Exception):
    """A server did not start, or could not be measured; the text ends with the end of its log."""


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """One server process and all that it starts, as a context manager.

    A pool is no child of the server: its supervisor leaves its pid in ``HTAG_RUN_DIR/**/pool.pid``. What has
    left both trees is found by its environment, which names the directory of this server.
    """

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="hb-"))  # a short name: it holds unix sockets
        self._log = self.directory / "log"
        self._command = [part.replace("{port}", str(self.port)) for part in command]
        # The project is imported from the working tree, whatever the environment has installed.
        path = os.pathsep.join([str(BENCHMARKS), str(BENCHMARKS.parent)])
        self._env = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **env}
        for variable, name in (("BENCH_DIR", "b"), ("HTAG_RUN_DIR", "r"), ("HTAG_DATA_DIR", "d")):
            own = self.directory / name
            own.mkdir(mode=0o700)
            self._env[variable] = str(own)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def pool_pids(self) -> set[int]:
        """The living processes of the pool."""
        roots = set()
        for file in self.directory.glob("**/pool.pid"):
            with suppress(OSError, ValueError):  # just being written or removed
                roots.add(int(file.read_text()))
        return descendants(roots)

    def pids(self) -> set[int]:
        """The living processes of the server and of its pool."""
        roots = marked(str(self.directory)) | self.pool_pids()
        if self.process is not None:
            roots.add(self.process.pid)
        return descendants(roots)

    def log_tail(self, lines: int = 20) -> str:
        """The end of what the server wrote."""
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def _start(self) -> None:
        """Start the server and wait until it listens.

        Raises:
            ServerFailed: it ended, or does not listen after START_SECONDS.
        """
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=self.directory,
                env=self._env,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
                return
            time.sleep(0.02)
        raise ServerFailed(f"does not listen\n{self.log_tail()}")

    def _stop(self) -> None:
        """End every process, the server itself first and in order, and remove the directories."""
        started = {pid: start_time(pid) for pid in self.pids()}
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        for sig in (signal.SIGTERM, signal.SIGKILL):
            started.update({pid: start_time(pid) for pid in self.pids()})
            self._end({pid: ticks for pid, ticks in started.items() if ticks is not None}, sig)
        if self.process is not None:
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    @staticmethod
    def _end(started: dict[int, int], sig: signal.Signals) -> None:
        """Send a signal to those of the processes that still live and wait until they are gone."""
        for pid, ticks in started.items():
            with suppress(ProcessLookupError):
                if start_time(pid) == ticks:
                    os.kill(pid, sig)
        deadline = time.monotonic() + STOP_SECONDS
        while any(start_time(pid) == ticks for pid, ticks in started.items()) and time.monotonic() < deadline:
            time.sleep(0.02)
