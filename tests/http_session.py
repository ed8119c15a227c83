"""HTTP as a browser speaks it: cookies, kept connections, headers that tell where a request comes from."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

__all__ = [
    "TIMEOUT",
    "TRY_AGAIN",
    "Answer",
    "Headers",
    "ProtocolError",
    "Refused",
    "Session",
    "close_kept_connections",
]

TIMEOUT = 30.0
#: What a page tries again, with the same number: the server may not have seen it, and runs nothing twice.
TRY_AGAIN = frozenset({429, 502, 503, 504})

#: Headers to send in addition; one that is None is left out.
Headers = Mapping[str, "str | None"]


_keeping: set[Session] = set()


def close_kept_connections() -> None:
    """Closes what sessions keep open, as no test is bound to close its users. They connect again if used."""
    for session in list(_keeping):
        session.close()


class ProtocolError(AssertionError):
    """The server broke a rule of the wire."""


class Refused(AssertionError):
    """The server answered a call with an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}: {answer.body[:300]!r}")
        self.answer, self.status = answer, answer.status


@dataclass
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


S = TypeVar("S", bound="Session")


class Session:
    """What the tabs of a browser share: one cookie jar, and kept connections. Safe to use from many threads.

    With keep_alive=False every request has a connection of its own, so that it reaches any worker.
    """

    def __init__(
        self, url: str, *, keep_alive: bool = True, headers: Mapping[str, str] | None = None
    ) -> None:
        self.base = url.rstrip("/")
        self.keep_alive = keep_alive
        self.headers = dict(headers or {})
        self.cookies = http.cookiejar.CookieJar()
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            _keeping.discard(self)
        for connection in idle:
            connection.close()

    @property
    def origin(self) -> str:
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"

    def get(self, path: str, headers: Headers | None = None) -> Answer:
        """A GET as by typing the address: no Origin, Sec-Fetch-Site none."""
        navigation = {"Accept": "text/html,*/*", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
        return self.request("GET", path, headers={**navigation, **(headers or {})})

    def post(self, path: str, body: Any = b"", headers: Headers | None = None) -> Answer:
        """A POST as by fetch() from a page of this origin; a header of None is left out."""
        return self.request("POST", path, body, {**self.same_origin(), **(headers or {})})

    def same_origin(self) -> dict[str, str]:
        return {
            "Origin": self.origin,
            "Referer": f"{self.base}/",
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
            "Content-Type": "application/json",
        }

    def absolute(self, path: str) -> str:
        return path if "://" in path else self.base + path

    def request(self, method: str, path: str, body: Any = None, headers: Headers | None = None) -> Answer:
        """One request, read to its end. Sent once more if the server had closed the kept connection."""
        while True:
            connection, fresh = self._connection()
            try:
                response = self.send(connection, method, path, body, headers)
                answer = Answer(response.status, response.headers, response.read())
            except (OSError, http.client.HTTPException):
                connection.close()
                if fresh:
                    raise
                continue
            self._release(connection, response)
            return answer

    def send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Any = None,
        headers: Headers | None = None,
    ) -> http.client.HTTPResponse:
        """Sends with the user's cookies and takes those of the answer, whose body is not yet read."""
        url = self.absolute(path)
        parts = urlsplit(url)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if not self.keep_alive:
            headers = {**(headers or {}), "Connection": "close"}
        given = {**self.headers, **(headers or {})}
        sent = {name: value for name, value in given.items() if value is not None}
        cookies = urllib.request.Request(url)
        self.cookies.add_cookie_header(cookies)
        if cookies.has_header("Cookie"):
            sent.setdefault("Cookie", cookies.get_header("Cookie") or "")
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, sent)
        response = connection.getresponse()
        self.cookies.extract_cookies(response, cookies)
        return response

    def connect(self, timeout: float = TIMEOUT) -> http.client.HTTPConnection:
        parts = urlsplit(self.base)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), False
        return self.connect(), True

    def _release(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        if self.keep_alive and not response.will_close:
            with self._lock:
                self._idle.append(connection)
                _keeping.add(self)
        else:
            connection.close()
