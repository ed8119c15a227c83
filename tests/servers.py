"""Real servers for the tests: each in its own process group, always reaped, and nothing of it left behind.

    with serve("gunicorn-gevent", "tests.apps.plain:app") as server:
        urlopen(server.url)

The listening socket is bound here and handed to the server, so that there is no port to guess and a stopped
server can be started again at the same address. It is isolated by its own HTAG_RUN_DIR and HTAG_DATA_DIR, and
every process that it starts, the pool above all, is found again by them.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support import ROOT, unavailable, wait_until

__all__ = ["KINDS", "LEAVING", "RUNNING", "Server", "ServerError", "alive", "redis_server", "serve"]

KINDS = ("gunicorn-gevent", "gunicorn-gthread", "gunicorn-sync", "waitress", "werkzeug")

#: Servers that run now: the log of each is shown with a failed test.
RUNNING: list[Server] = []

#: Called with a server's url before an orderly end, so that its open pages can be left first (browser.py).
LEAVING: list[Callable[[str], None]] = []

#: Whether all apps are sealed: PARANO=1 pytest tests/web. What is marked "clear" is left out then.
PARANO = bool(os.environ.get("PARANO"))

START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0
#: How long the pool outlives the web processes, and how long its end is waited for. A test that leaves no web
#: process for longer than that gives HTAG_POOL_GRACE in env.
POOL_GRACE = 1.0
POOL_TIMEOUT = POOL_GRACE + 10.0


class ServerError(AssertionError):
    """The server did not start, or left something behind."""


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie, which only waits to be reaped, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def _group(pgid: int) -> list[int]:
    """The living processes of a process group."""
    return [pid for pid in _pids() if alive(pid) and _pgid(pid) == pgid]


def _pgid(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _with_environment(entry: bytes) -> list[int]:
    """The living processes that were started with this NAME=value in their environment."""
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            if entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and alive(pid):
                found.append(pid)
    return found


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Server:
    """One server. start() and stop() may be called again: the address and the data stay the same."""

    def __init__(
        self,
        kind: str,
        target: str,
        *,
        cwd: Path | str = ROOT,
        workers: int = 4,
        threads: int = 8,
        env: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}")
        if options and not kind.startswith("gunicorn"):
            raise ValueError("only gunicorn takes options")
        self.kind, self.target, self.cwd = kind, target, Path(cwd)
        self.workers, self.threads, self.options = workers, threads, tuple(options)
        # Short, as the path of a unix socket is limited to about 100 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="ht", dir="/tmp"))
        self.run_dir, self.data_dir, self.log = self.folder / "r", self.folder / "d", self.folder / "log"
        self.run_dir.mkdir(mode=0o700)
        self.data_dir.mkdir(mode=0o700)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("HTAG_")}
        self._env |= {
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),  # also where the package is not installed, and from any folder
            "HTAG_RUN_DIR": str(self.run_dir),
            "HTAG_DATA_DIR": str(self.data_dir),
            "HTAG_POOL_GRACE": str(POOL_GRACE),
            "XDG_RUNTIME_DIR": str(self.folder),  # gunicorn's control socket: two servers never meet
            **({"HTAG_PARANO": "1"} if PARANO else {}),
            **(env or {}),
        }

    def __repr__(self) -> str:
        return f"<Server {self.kind} {self.target} {self.url} pid={self._process and self._process.pid}>"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The server's own process: gunicorn's master, else the one that serves."""
        if self._process is None:
            raise ServerError(f"{self!r} is not started")
        return self._process.pid

    def log_text(self) -> str:
        """All that the server, its workers and its pool have written."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_end(self, lines: int = 60) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])

    def worker_pids(self) -> list[int]:
        """The processes that answer requests, oldest first."""
        if not self.kind.startswith("gunicorn"):
            return [self.pid] if alive(self.pid) else []
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        # A worker is the master's fork, in its group; anything else that the master may start is not.
        return sorted(pid for pid in map(int, children) if alive(pid) and _pgid(pid) == self.pid)

    def pool_pids(self) -> list[int]:
        """The pools of this server, by the files in which they write their number."""
        pids = []
        for file in self.run_dir.rglob("pool.pid"):
            with contextlib.suppress(OSError, ValueError):
                pids.append(int(file.read_text().split()[0]))
        return [pid for pid in pids if alive(pid)]

    def pool_processes(self) -> dict[int, str]:
        """Every living process of this server outside the server's own group: pid and command line."""
        started = {*_with_environment(f"HTAG_RUN_DIR={self.run_dir}".encode()), *self.pool_pids()}
        own = self._process.pid if self._process else 0
        return {pid: _command(pid) for pid in sorted(started) if own == 0 or _pgid(pid) != own}

    def terminate(self) -> None:
        """SIGTERM to the server, as an init system does."""
        os.kill(self.pid, signal.SIGTERM)

    def hup(self) -> None:
        """SIGHUP: gunicorn loads the app anew in new workers."""
        os.kill(self.pid, signal.SIGHUP)

    def kill(self, pid: int | None = None) -> None:
        """SIGKILL to one process of the server, or to its whole group at once."""
        if pid is None:
            os.killpg(self.pid, signal.SIGKILL)
        elif _pgid(pid) == self.pid or pid in self.pool_processes():
            os.kill(pid, signal.SIGKILL)
        else:
            raise ValueError(f"{pid} is no process of {self!r}")

    def start(self) -> None:
        """Starts the server and returns when it answers."""
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", self.port))
        bound.listen(512)
        self.port = bound.getsockname()[1]
        with bound, self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(bound.fileno()),
                cwd=self.cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[bound.fileno()],
                start_new_session=True,
            )
        RUNNING.append(self)
        try:
            wait_until(self._ready, START_TIMEOUT, "the server answers", every=0.05)
        except BaseException as error:
            _kill(_group(self.pid))
            self._reap()
            raise ServerError(f"{self.kind} with {self.target}: {error}\n{self.log_end()}") from None

    def stop(self, timeout: float = STOP_TIMEOUT, *, wait_pool: bool = True) -> None:
        """Ends the server (SIGTERM, then SIGKILL after *timeout*) and sees that nothing of it is left."""
        if self._process is None:
            return
        pgid, problems = self._process.pid, []
        if self._process.poll() is None:
            self.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                problems.append(f"it did not stop within {timeout:g} seconds of SIGTERM")
        if not _gone(lambda: _group(pgid), 5):
            left = _group(pgid)
            problems += [f"left of its group: {pid} {_command(pid)}" for pid in left if pid != pgid]
            _kill(left)
        self._reap()
        if wait_pool:
            problems += self._without_pool()
        if _connects(self.port):
            problems.append(f"port {self.port} still accepts connections")
        if problems:
            raise ServerError(f"{self.kind} with {self.target}: {'; '.join(problems)}\n{self.log_end()}")

    def _without_pool(self) -> list[str]:
        """Waits for the end of the pool; what stays is killed and told."""
        if _gone(self.pool_processes, POOL_TIMEOUT):
            return []
        left = self.pool_processes()
        _kill(list(left))
        after = f"left of its pool after {POOL_TIMEOUT:g} seconds"
        return [f"{after}: {pid} {name}" for pid, name in left.items()]

    def remove(self) -> None:
        """Removes the folders; the server must be stopped."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(5)
        self._process = None
        if self in RUNNING:
            RUNNING.remove(self)

    def _command(self, fd: int) -> list[str]:
        if not self.kind.startswith("gunicorn"):
            runner = str(ROOT / "tests" / "runner.py")
            return [sys.executable, runner, self.kind, self.target, str(fd), str(self.threads)]
        worker = self.kind.removeprefix("gunicorn-")
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-k",
            worker,
            "-w",
            str(self.workers),
            "-b",
            f"fd://{fd}",
        ]
        if worker == "gthread":
            command += ["--threads", str(self.threads)]
        return [*command, "--graceful-timeout", "10", *self.options, self.target]

    def _ready(self) -> bool:
        """Any answer will do: the path need not exist. HEAD, as it asks for no page to be made."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise ServerError(f"it ended with status {self._process.returncode}")
        if self.kind.startswith("gunicorn") and len(self.worker_pids()) < self.workers:
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("HEAD", "/health")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True


def _gone(left: Callable[[], object], timeout: float) -> bool:
    """Whether *left* becomes empty in time."""
    try:
        return wait_until(lambda: not left(), timeout)
    except pytest.fail.Exception:
        return False


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def serve(
    kind: str,
    target: str = "tests.apps.plain:app",
    *,
    cwd: Path | str = ROOT,
    workers: int = 4,
    threads: int = 8,
    env: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Iterator[Server]:
    """A running server; at the end it is stopped, and anything left of it is an error of the test."""
    server = Server(kind, target, cwd=cwd, workers=workers, threads=threads, env=env, options=options)
    try:
        server.start()
        yield server
    except BaseException:
        # The test has its error already; what the stop finds must not hide it.
        with contextlib.suppress(ServerError):
            server.stop()
        raise
    else:
        for leave in LEAVING:
            leave(server.url)
        server.stop()
    finally:
        server.remove()


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """The url of a Redis of one's own, that keeps nothing on disk. On a unix socket: no port to guess."""
    program = shutil.which("redis-server") or unavailable("redis-server")
    folder = tempfile.mkdtemp(prefix="hr", dir="/tmp")
    path = f"{folder}/s"
    command = [
        program,
        "--port",
        "0",
        "--unixsocket",
        path,
        "--dir",
        folder,
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    with open(f"{folder}/log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers_ping(path), 10, "Redis answers")
        yield f"unix://{path}"
    finally:
        process.kill()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _answers_ping(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False
