"""Serves the site until Ctrl-C, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator

from flask import Flask
from werkzeug.serving import make_server

from ..errors import AppError, PoolError
from ..web.launch import base_dir, private_dir
from ..web.pools import pools

__all__ = ["bind", "bind_after", "scratch", "serve"]

ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP")

PORTS = 100
"""Ports after the first one that are tried."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    found = socket.socket(family, kind, protocol)
    try:
        if os.name != "nt":  # there it would take the port from somebody
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except BaseException:
        found.close()
        raise
    return found


def bind_after(host: str, port: int) -> socket.socket | None:
    """The same at the next port that nobody listens on, if there is one."""
    for other in range(port + 1, min(port + PORTS, 65536)):
        with contextlib.suppress(OSError):
            return bind(host, other)
    return None


@contextlib.contextmanager
def scratch() -> Iterator[str]:
    """A private folder for what the server and its pool write, which goes with them. It is where the pools of
    all servers are looked for."""
    base = private_dir(base_dir())
    folder = tempfile.mkdtemp(prefix="dev-", dir=base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # there are other servers
            os.rmdir(base)


def _is_not_told(record: logging.LogRecord) -> bool:
    """Whether a page of an error is the first to tell of it: the pool tells those of apps."""
    return not any(isinstance(part, AppError) for part in record.args or ())


def serve(flask_app: Flask, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serves *flask_app* on *bound* until SIGINT, SIGTERM or SIGHUP, and ends its pool.

    *ready* is called when pages can be asked for.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    logging.getLogger("htagweb_flask.web.pages").addFilter(_is_not_told)
    endings = [getattr(signal, name) for name in ENDINGS if hasattr(signal, name)]
    for ending in endings:
        signal.signal(ending, signal.default_int_handler)
    host, port = bound.getsockname()[:2]
    try:
        with bound:
            server = make_server(host, port, flask_app, threaded=True, fd=bound.fileno())
            ready()
            server.serve_forever()  # it ends at Ctrl-C, and so does each request with it
    except KeyboardInterrupt:  # before that
        pass
    finally:
        for ending in endings:
            signal.signal(ending, signal.SIG_IGN)  # nothing must be left, which takes a moment
        logging.disable()  # that pages lose their server is no error
        with contextlib.suppress(PoolError):  # it has left, or does not end: it misses its server then
            for pool in pools(flask_app.config["HTAG_RUN_DIR"]):
                pool.stop()
