"""A terminal in which somebody runs the development server, and what may be left when he has ended it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.servers import _with_environment
from tests.support import ROOT, wait_until

__all__ = ["Terminal", "terminal"]

START = 60
"""Seconds: this machine may be busy."""


class Terminal:
    """A command in a pseudo terminal. What it writes to the folder for temporary files is its own."""

    def __init__(self, *command: str, cwd: Path, **env: str) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="ht", dir="/tmp"))  # short, for the paths of sockets
        self._written = bytearray()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HTAG_")}
        environ = {**inherited, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.scratch), "TERM": "dumb", **env}
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environ,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other side is closed
            while data := os.read(self._master, 65536):
                self._written += data

    @property
    def text(self) -> str:
        """All that was written so far, without colours."""
        plain = self._written.decode(errors="replace").replace("\r\n", "\n")
        return re.sub(r"\x1b\[[\d;]*m", "", plain)

    def lines(self) -> list[str]:
        return [line for line in self.text.splitlines() if line.strip()]

    def shows(self, pattern: str) -> re.Match[str]:
        """Waits until that is written."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.text)
            if match is None and self.process.poll() is not None:
                raise AssertionError(f"it has ended:\n{self.text}")
            return match

        return wait_until(found, START, f"{pattern!r} in {self.text!r}")

    def url(self) -> str:
        """Where it serves."""
        return self.shows(r"(http://\S+/)\n")[1].rstrip("/")

    def processes(self) -> list[int]:
        """Those of it that are alive."""
        return _with_environment(f"TMPDIR={self.scratch}".encode())

    def ctrl_c(self) -> int:
        """Presses Ctrl-C, and returns the exit status; nothing is left then."""
        os.write(self._master, b"\x03")
        status = self.process.wait(START)
        self._reader.join(START)
        assert self.processes() == []
        assert list(self.scratch.iterdir()) == []
        return status

    def close(self) -> None:
        """Ends what is left of it, after a test that failed."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait(10)
        os.close(self._master)
        shutil.rmtree(self.scratch, ignore_errors=True)


@contextlib.contextmanager
def terminal(*arguments: str, cwd: Path, flask: bool = False, **env: str) -> Iterator[Terminal]:
    """``python -m htagweb_flask`` with these arguments, or ``flask htag run``."""
    program = [sys.executable, "-m", "htagweb_flask"]
    if flask:
        program = [str(Path(sys.executable).with_name("flask")), "htag", "run"]
    opened = Terminal(*program, *arguments, cwd=cwd, **env)
    try:
        yield opened
    finally:
        opened.close()
