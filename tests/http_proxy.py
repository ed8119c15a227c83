"""An HTTP proxy that does what bad ones do: it buffers, delays, repeats, refuses, and cuts.

with BadProxy(server.port, repeat=True) as proxy:
    page.goto(proxy.url)
"""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["BadProxy"]

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade", "server", "date"}
"""Headers that a proxy does not pass on as they are."""


class BadProxy:
    """A proxy in front of *port*, as a context manager.

    *buffer*: an answer is passed on when its end has come, which a stream never has
    *life*: seconds after which a connection of the browser is cut, whatever goes on
    *delay*: seconds, at most, by which each request and each answer is late
    *repeat*: each POST is sent on twice, at the same time; the browser gets the answer that comes last
    *refuse*: the status of the answer to who asks for a stream
    """

    def __init__(
        self,
        port: int,
        *,
        buffer: bool = False,
        life: float = 0,
        delay: float = 0,
        repeat: bool = False,
        refuse: int = 0,
    ) -> None:
        self.target = port
        self.buffer, self.life, self.delay, self.repeat, self.refuse = buffer, life, delay, repeat, refuse
        self.cuts = self.repeated = self.refused = self.held = 0
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> BadProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def late(self) -> None:
        time.sleep(random.random() * self.delay)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, proxy: BadProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, *_: Any) -> None:
        """Connections break here: that is what it is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.proxy = self.server.proxy
        self.clock = threading.Timer(self.proxy.life, self._cut) if self.proxy.life else None
        if self.clock:
            self.clock.daemon = True
            self.clock.start()

    def _cut(self) -> None:
        self.proxy.cuts += 1
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        if self.clock:
            self.clock.cancel()
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        proxy = self.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if proxy.refuse and self.path.endswith("/stream"):
            proxy.refused += 1
            self.send_response(proxy.refuse)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        proxy.late()
        first = self._twice(body) if proxy.repeat and self.command == "POST" else None
        with contextlib.closing(self._ask(body)) as connection:
            if first:
                first.join()
            self._answer(connection.getresponse())

    def _ask(self, body: bytes) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.target, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection

    def _twice(self, body: bytes) -> threading.Thread | None:
        if self.path.endswith("/stream"):
            return None  # it has no end to wait for

        def ask() -> None:
            with contextlib.closing(self._ask(body)) as connection:
                connection.getresponse().read()

        self.proxy.repeated += 1
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        return thread

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        proxy = self.proxy
        whole = answer.headers["Content-Length"] is not None or proxy.buffer
        proxy.held += answer.headers["Content-Length"] is None and whole
        body = answer.read() if whole else b""
        proxy.late()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if whole:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)
        while not whole and (piece := answer.read1(65536)):
            self.wfile.write(piece)
            self.wfile.flush()
