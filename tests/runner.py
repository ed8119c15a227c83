"""Serves a WSGI app on a socket that is already bound: runner.py waitress|werkzeug MODULE:APP FD THREADS

gunicorn takes such a socket by itself (-b fd://N); these two need the few lines here.
"""

from __future__ import annotations

import importlib
import os
import socket
import sys
from typing import Any


def load(target: str) -> Any:
    """The app, or what its factory makes, when the target ends with "()"."""
    module, _, name = target.partition(":")
    found = getattr(importlib.import_module(module), name.removesuffix("()") or "app")
    return found() if name.endswith("()") else found


def run_waitress(app: Any, fd: int, threads: int) -> None:
    import waitress

    # Without lookahead, waitress does not see that a browser has closed its connection.
    lookahead = int(os.environ.get("WAITRESS_LOOKAHEAD", "0"))
    sockets = [socket.socket(fileno=fd)]
    waitress.serve(app, sockets=sockets, threads=threads, channel_request_lookahead=lookahead)


def run_werkzeug(app: Any, fd: int, _threads: int) -> None:
    from werkzeug.serving import make_server

    with socket.socket(fileno=os.dup(fd)) as bound:
        host, port = bound.getsockname()
    make_server(host, port, app, threaded=True, fd=fd).serve_forever()


def main() -> None:
    sys.path[0] = os.getcwd()  # not the folder of this file: the app is imported as gunicorn would
    kind, target, fd, threads = sys.argv[1:]
    os.set_inheritable(int(fd), False)
    {"waitress": run_waitress, "werkzeug": run_werkzeug}[kind](load(target), int(fd), int(threads))


if __name__ == "__main__":
    main()
