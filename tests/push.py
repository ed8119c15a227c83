"""Threads that bring pushes to a page: by server-sent events, or by long-polling."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.http_session import TIMEOUT, TRY_AGAIN, Answer, ProtocolError, Refused
from tests.support import wait_until

if TYPE_CHECKING:
    from tests.http_page import Packed, Page

__all__ = ["Collector", "Polling", "Stream"]


class Collector:
    """A thread that brings pushes to a page, until it is closed or the instance is gone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.failure: BaseException | None = None
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Collector:
        self._thread.start()
        wait_until(lambda: self._ready.is_set() or self.failure, TIMEOUT, "the push channel is open")
        self._check()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        self.close()
        if kind is None:
            self._check()

    def close(self) -> None:
        self._stop.set()
        self.cut()
        self._thread.join(TIMEOUT)

    def cut(self) -> None:
        """Breaks the connection; a collector that is not closed connects again."""
        connected = self._socket
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self.page.gone:
                try:
                    self._connect_and_collect()
                except (OSError, http.client.HTTPException, ValueError) as error:
                    # ValueError: what a response whose socket was closed by cut() raises in its reader.
                    if isinstance(error, json.JSONDecodeError):
                        raise
                self._stop.wait(random.uniform(0, 0.1))
        except Refused as error:
            if not self.page.gone:
                self.failure = error
        except BaseException as error:  # told to the test, in its own thread
            self.failure = error

    def _connect_and_collect(self) -> None:
        connection = self.page.user.connect(60)
        try:
            connection.connect()
            # Kept here, as http.client forgets the socket of an answer that ends with its connection.
            self._socket = connection.sock
            if not self._stop.is_set():
                self._collect(connection)
        finally:
            self._socket = None
            connection.close()

    def _collect(self, connection: http.client.HTTPConnection) -> None:
        raise NotImplementedError


class Polling(Collector):
    """Long-polling: each answer is followed by the next request."""

    def __init__(self, page: Page, wait: float) -> None:
        super().__init__(page)
        self._wait = wait

    def _collect(self, connection: http.client.HTTPConnection) -> None:
        self.page.poll(self._wait if self._ready.is_set() else 0, connection)
        self._ready.set()


class Stream(Collector):
    """Server-sent events. `events` holds (time, name) of each, to see the heartbeats."""

    def __init__(self, page: Page, *, reconnect: bool = True) -> None:
        super().__init__(page)
        self.events: list[tuple[float, str]] = []
        self.headers: http.client.HTTPMessage | None = None
        self.connections = 0
        self._reconnect = reconnect

    def _collect(self, connection: http.client.HTTPConnection) -> None:
        packed = self.page.pack({"cursor": self.page.cursor})
        sent = {**self.page.headers(), **packed.headers, "Accept": "text/event-stream"}
        response = self.page.user.send(connection, "POST", self.page.urls["stream"], packed.body, sent)
        if response.status in TRY_AGAIN:
            return
        if response.status != 200:
            self.page.gone = self.page.gone or response.status == 410
            raise Refused(Answer(response.status, response.headers, response.read()))
        self.headers = response.headers
        self.connections += 1
        for name, data in _events(response):
            self._take(name, data, packed)
            if name in ("bye", "gone") or self._stop.is_set():
                break
        if not self._reconnect:
            self._stop.set()

    def _take(self, name: str, data: str, packed: Packed) -> None:
        self.events.append((time.monotonic(), name))
        if name == "batch":
            self.page.take(json.loads(packed.event(data)), "stream")
        elif name == "hello":
            self._ready.set()
        elif name == "gone":
            self.page.gone = True
        elif name not in ("beat", "bye"):
            raise ProtocolError(f"unknown event {name!r}")


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, str]]:
    """The events of a stream, as the standard of server-sent events reads them."""
    name = "message"
    data: list[str] = []
    while line := response.readline():
        text = line.decode().rstrip("\r\n")
        if not text:
            if data:
                yield name, "\n".join(data)
            name, data = "message", []
        elif text.startswith("event:"):
            name = text[6:].strip()
        elif text.startswith("data:"):
            data.append(text[5:].removeprefix(" "))
