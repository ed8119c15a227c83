"""Runs examples/demo on gunicorn with four gevent workers, and says where to look. Ctrl-C ends all."""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

DEMO = Path(__file__).resolve().parent.parent / "examples" / "demo"
HOST = "127.0.0.1"
START_SECONDS = 60


def free_port(first: int) -> int:
    """*first*, or the next port that nobody listens on."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise SystemExit(f"No free port from {first} to {first + 99}: make demo PORT=...")


def answers(port: int) -> bool:
    """Whether the server gives an HTTP answer, of any status."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def wait_for(server: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if answers(port):
            return True
        time.sleep(0.1)
    return False


def stop(server: subprocess.Popen[bytes]) -> None:
    """Lets the server end in its own time; a second Ctrl-C does not wait for it."""
    server.terminate()
    try:
        server.wait()
    except KeyboardInterrupt:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8000)
    port = free_port(options.parse_args().port)
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "4", "-b", f"{HOST}:{port}"]
    command += ["--log-level", "warning", "--graceful-timeout", "5", "wsgi:app"]
    # The pool leaves soon after the server, so that nothing of the demo is left behind. A session of its own
    # keeps the terminal's Ctrl-C from the workers, which would drop what they are doing with a traceback.
    environment = {"HTAG_POOL_GRACE": "1", **os.environ}
    server = subprocess.Popen(command, cwd=DEMO, env=environment, start_new_session=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if wait_for(server, port):
            print(f"\n  The demo runs:  http://{HOST}:{port}/        (Ctrl-C ends it)\n", flush=True)
            return server.wait()
        if server.poll() is None:
            print(f"The demo does not answer after {START_SECONDS} seconds.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe demo ends.", flush=True)
        return 0
    finally:
        if server.poll() is None:
            stop(server)


if __name__ == "__main__":
    sys.exit(main())
