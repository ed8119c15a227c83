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


def finish(server: subprocess.Popen[bytes]) -> int:
    """Waits for the end of the server. A Ctrl-C reaches it too, so that here it only means: wait on."""
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:
            continue


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8000)
    port = free_port(options.parse_args().port)
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "4", "-b", f"{HOST}:{port}"]
    command += ["--log-level", "warning", "wsgi:app"]
    # The pool leaves soon after the server, so that nothing of the demo is left behind.
    server = subprocess.Popen(command, cwd=DEMO, env={"HTAG_POOL_GRACE": "2", **os.environ})
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        if wait_for(server, port):
            print(f"\n  The demo runs:  http://{HOST}:{port}/        (Ctrl-C ends it)\n", flush=True)
        elif server.poll() is None:
            print(f"The demo does not answer after {START_SECONDS} seconds.", file=sys.stderr)
            server.terminate()
    except KeyboardInterrupt:
        pass
    status = finish(server)
    print("The demo has ended.")
    return 0 if status in (0, -signal.SIGINT, -signal.SIGTERM) else 1


if __name__ == "__main__":
    sys.exit(main())
