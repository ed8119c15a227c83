"""HTTP as a browser speaks it, for who looks at a site from outside: cookies, origins, answers in pieces."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

__all__ = ["Answer", "Stream", "Visitor"]

TIMEOUT = 40.0
"""Seconds for one answer: a page whose pool must be started takes up to 20."""

REDIRECTS = (301, 302, 303, 307, 308)


@dataclass
class Answer:
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float

    def data(self) -> dict[str, Any]:
        """Its JSON; nothing where there is another body."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def ours(self) -> bool:
        """Whether the site has answered, and nothing on the way."""
        return "payloads" in self.data() or "error" in self.data()


class Visitor:
    """Each request has a connection of its own, so that any web process may answer. Raises OSError and
    http.client.HTTPException."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None, insecure: bool = False) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self._headers = {"User-Agent": "htag-doctor", "Accept-Encoding": "identity"}
        for name, value in (headers or {}).items():
            if name.lower() == "cookie":
                self.cookies |= dict(pair.strip().partition("=")[::2] for pair in value.split(";"))
            else:
                self._headers[name] = value
        self._context = ssl.create_default_context()
        self._context.set_alpn_protocols(["http/1.1"])
        if insecure:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a browser writes them: without the port that goes without saying."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        usual = {"http": 80, "https": 443}[parts.scheme]
        port = "" if parts.port in (None, usual) else f":{parts.port}"
        return f"{parts.scheme}://{host}{port}"

    @property
    def secure(self) -> bool:
        """Whether the public address is one of https."""
        return urlsplit(self.url).scheme == "https"

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if self.secure:
            return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=self._context)
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)

    def begin(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> http.client.HTTPConnection:
        """Sends a request; its answer is to be read from the connection."""
        parts = urlsplit(urljoin(self.url, url))
        connection = self._connect(timeout)
        sent = {**self._headers, **(headers or {})}
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, body, sent)
        except BaseException:
            connection.close()
            raise
        return connection

    def ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request and its whole answer."""
        start = time.monotonic()
        connection = self.begin(method, url, body, headers)
        try:
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        self._keep_cookies(response.headers)
        return Answer(response.status, response.headers, data, time.monotonic() - start)

    def load(self) -> Answer:
        """The page at the address, after redirects: from then on, the address is where they lead."""
        navigation = {"Accept": "text/html,*/*", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
        for _ in range(5):
            answer = self.ask("GET", self.url, headers=navigation)
            target = urljoin(self.url, answer.headers.get("Location", ""))
            if answer.status not in REDIRECTS or urlsplit(target).scheme not in ("http", "https"):
                break
            self.url = target
        return answer

    def _keep_cookies(self, headers: http.client.HTTPMessage) -> None:
        for line in headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name.strip()] = value.strip()
            self.set_cookies.append(line)

    def speaks_http2(self) -> bool:
        """Whether the other end of an https address offers HTTP/2."""
        parts = urlsplit(self.url)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        plain = socket.create_connection((parts.hostname or "", parts.port or 443), TIMEOUT)
        with plain, context.wrap_socket(plain, server_hostname=parts.hostname) as wrapped:
            return wrapped.selected_alpn_protocol() == "h2"


class Stream:
    """A stream of server-sent events, each with the time at which it came. A thread reads: a socket that was
    once waited for in vain cannot be read any more."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        """Raises TimeoutError when not even the headers come within the timeout of *connection*."""
        self._start = time.monotonic()
        self._connection = connection
        self._socket = connection.sock  # the connection forgets it when the answer ends with it
        try:
            self.response = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        self._socket.settimeout(None)
        self._events: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        packed = self.response.headers.get("Content-Encoding", "") in ("gzip", "deflate")
        unpack = zlib.decompressobj(47).decompress if packed else bytes
        text = b""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, zlib.error):
            while piece := self.response.read1(65536):
                *blocks, text = (text + unpack(piece)).split(b"\n\n")
                for block in blocks:
                    name = block.partition(b"\n")[0].removeprefix(b"event:").strip()
                    self._events.put((name.decode("latin-1"), time.monotonic() - self._start))
        self._events.put(("", time.monotonic() - self._start))

    def event(self, seconds: float) -> tuple[str, float]:
        """(name, seconds since the request) of the next event; ("", …) when the stream has ended. Raises
        TimeoutError when there is none in time."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None

    def close(self) -> None:
        """Leaves."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._connection.close()
