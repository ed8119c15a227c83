"""Serves the site until Ctrl-C, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wsgi import ClosingIterator

from ..errors import AppError, PoolError
from ..locks import lock
from ..protocol import Survey
from ..web.launch import base_dir, private_dir
from ..web.pools import pools

__all__ = ["bind", "bind_after", "scratch", "serve"]

ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP")

LAST = 2.0
"""Seconds that requests have to come to their end, when the pool has ended."""

START = 10.0
"""Seconds in which the pool has to say what runs, once it is started."""

SCRATCH, USED = "dev-", "used.lock"
"""Folders of servers begin so, and hold a file that is locked as long as the server lives."""

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
    _clear_away(base)
    folder = tempfile.mkdtemp(prefix=SCRATCH, dir=base)
    try:
        with open(os.path.join(folder, USED), "w") as file:
            lock(file)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # there are other servers
            os.rmdir(base)


def _clear_away(base: str) -> None:
    """Removes what servers have left that were killed."""
    for name in os.listdir(base):
        folder = os.path.join(base, name)
        with contextlib.suppress(OSError), open(os.path.join(folder, USED), "r+") as file:
            if name.startswith(SCRATCH) and lock(file):
                shutil.rmtree(folder, ignore_errors=True)


def _is_not_told(record: logging.LogRecord) -> bool:
    """Whether a page of an error is the first to tell of it: the pool tells those of apps."""
    return not any(isinstance(part, AppError) for part in record.args or ())


class _Gate:
    """Lets requests in until the server ends, and knows when the last one is over."""

    def __init__(self, flask_app: Flask) -> None:
        self._answer = flask_app.wsgi_app
        self._inside = 0
        self._open = True
        self._changed = threading.Condition()
        flask_app.wsgi_app = self  # type: ignore[method-assign]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        with self._changed:
            self._inside += self._open
            if not self._open:
                start_response("503 Service Unavailable", [])
                return ()
        return ClosingIterator(self._answer(environ, start_response), self._leave)

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Lets nobody in any more."""
        with self._changed:
            self._open = False

    def wait(self) -> None:
        """Until nobody is inside, but not for ever: a browser may take its time to read."""
        with self._changed:
            self._changed.wait_for(lambda: not self._inside, LAST)


class _Server(ThreadedWSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser may go away, and Ctrl-C closes the connection of who has just come."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(flask_app: Flask, bound: socket.socket, ready: Callable[[], None]) -> None:
    """Serves *flask_app* on *bound* until SIGINT, SIGTERM or SIGHUP, and ends its pool.

    *ready* is called when pages can be asked for. Raises PoolError when there is no pool.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line for each request
    logging.getLogger("htagweb_flask.web.error_page").addFilter(_is_not_told)
    gate = _Gate(flask_app)
    host, port = bound.getsockname()[:2]
    try:
        with bound:
            _at_the_end(signal.default_int_handler)
            server = _Server(host, port, flask_app, fd=bound.fileno())
            _start_pool(flask_app)
            ready()
            server.serve_forever()  # it returns at Ctrl-C
    except KeyboardInterrupt:  # before that
        pass
    finally:
        _at_the_end(signal.SIG_IGN)  # nothing must be left, which takes a moment
        logging.disable()  # that pages lose their server is no error
        gate.close()
        with contextlib.suppress(PoolError):  # it has left, or does not end: it misses its server then
            for pool in pools(flask_app.config["HTAG_RUN_DIR"]):
                pool.stop()
        gate.wait()


def _at_the_end(handler: Any) -> None:
    for name in ENDINGS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)


def _start_pool(flask_app: Flask) -> None:
    """Before there is a page: who ends the server knows of its pool then. So that is ended in any case, a
    Ctrl-C waits for it; the second one does not."""
    pressed: list[int] = []

    def note(number: int, _: Any) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    _at_the_end(note)
    with flask_app.test_request_context():
        flask_app.extensions["htag"].broker.pool(Survey(), START)
    _at_the_end(signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt
