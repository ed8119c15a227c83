"""The server on this machine: the page before the page, and a way to the app for what is sealed.

Nothing else is passed on: no page, script or cookie of the app's server gets into the browser, but what it
has sealed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import urllib.request
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs

from ..errors import PoolError
from ..web import client_script, shell
from .target import TIMEOUT, Target

__all__ = ["Relay"]

HOST = "127.0.0.1"

MAX_BODY = 64 * 1024 * 1024
"""Bytes of what a page may send; what the server takes it says itself."""

PASSED_ON = ("Content-Type", "X-Htag", "User-Agent", "Accept-Language")
PASSED_BACK = ("X-Htag", "Retry-After")
KINDS = ("application/octet-stream", "text/event-stream")
"""What an answer may be. No browser takes one of these for a page or a script."""


class Relay(ThreadingHTTPServer):
    """Serves one app at this machine, for whoever comes with the address that it gives out."""

    daemon_threads = True

    def __init__(self, target: Target, port: int = 0) -> None:
        try:
            super().__init__((HOST, port), _Visit)
        except OSError as error:
            raise PoolError(f"port {port} cannot be used: {error.strerror}. Leave --port out") from None
        self.target = target
        self.origin = f"http://{HOST}:{self.server_port}"
        self.tickets = {secrets.token_urlsafe(32)}  # an address is for once: others may see it being opened
        self.cookie = f"htag-open-{self.server_port}={secrets.token_urlsafe(32)}"
        known = {**target.urls, "path": target.path, "origin": target.origin, "pin": list(target.pin)}
        if target.secret:
            known["secret"] = list(target.secret)
        base = f"{target.path.rstrip('/')}/_htag/"
        self.page = shell.document(known, base + shell.script_name()).encode()
        self.scripts = {
            client_script.script_name(debug): client_script.script(debug) for debug in (False, True)
        }
        self.scripts[shell.script_name()] = shell.script()

    def address(self, query: str = "", fragment: str = "") -> str:
        """Where the browser finds the app. Query and fragment stay on this machine, and are sealed."""
        more = "&".join(filter(None, (f"htag-open={min(self.tickets)}", query)))
        return f"{self.origin}{self.target.path}?{more}" + (f"#{fragment}" if fragment else "")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Visit(BaseHTTPRequestHandler):
    """One request of the browser. HTTP/1.0: an answer ends with its connection, be it a stream or not."""

    server: Relay

    def do_GET(self) -> None:
        """The page before the page, and scripts."""
        path, _, query = self.path.partition("?")
        asked = parse_qs(query)
        if not self._is_for_here():
            self._say(403, b"This is not for other sites.")
        elif path == self.server.target.path and asked.get("htag-open", [""])[0] in self.server.tickets:
            self._let_in(path, query)
        elif not self._is_let_in():
            self._say(403, b"Open the address that the command has shown.")
        elif path == self.server.target.path and "_htag" not in asked:
            self._say(200, self.server.page, "text/html; charset=utf-8")
        else:
            self._script(asked.get("_htag", [path.rpartition("/")[2]])[0])

    def _let_in(self, path: str, query: str) -> None:
        self.server.tickets.clear()
        left = "&".join(part for part in query.split("&") if not part.startswith("htag-open="))
        self.send_response(303)
        self.send_header("Location", path + (f"?{left}" if left else ""))
        self.send_header("Set-Cookie", f"{self.server.cookie}; HttpOnly; SameSite=Strict; Path=/")
        self.end_headers()

    def _script(self, name: str) -> None:
        if name in self.server.scripts:
            self._say(200, self.server.scripts[name], "text/javascript")
        elif name.startswith("htagweb-") and name.endswith(".js"):
            told = "The server has another version of htagweb_flask than this machine: install the same."
            sys.stderr.write(f"{told}\n")
            script = f"document.documentElement.textContent = {json.dumps(told)};"
            self._say(200, script.encode(), "text/javascript")
        else:
            self._say(404, b"Only what is sealed is passed on.")

    def do_POST(self) -> None:
        """What is sealed, and what seals it, goes to the server; its answer goes to the browser."""
        status = self._refused()
        if status:
            self._say(status)
            return
        target = self.server.target
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        request = urllib.request.Request(  # noqa: S310 - http or https, see target_of()
            target.origin + self.path,
            self.rfile.read(int(self.headers["Content-Length"])),
            {**headers, "Origin": target.origin},
        )
        try:
            with target.opener.open(request, timeout=TIMEOUT) as answer:
                self._pass_back(answer)
        except HTTPError as error:
            with error:  # a redirect leads to a login, and that is not for here
                status = 401 if 300 <= error.code < 400 else error.code
                self._say(status, extra=_passed_back(error.headers))
        except (OSError, HTTPException):
            self._say(502)

    def _refused(self) -> int:
        """The status for what is not passed on, else 0."""
        size, path = self.headers.get("Content-Length", ""), self.server.target.path
        if not (
            self._is_for_here() and self._is_let_in() and self.headers.get("Origin") == self.server.origin
        ):
            return 403
        if not self.path.startswith((f"{path}?_htag=", f"{path.rstrip('/')}/_htag/")):
            return 404
        if not size.isdigit():
            return 411
        return 413 if int(size) > MAX_BODY else 0

    def _pass_back(self, answer: Any) -> None:
        kind = answer.headers.get_content_type()
        if answer.status == 204:
            self._say(204)
        elif kind not in KINDS:
            self._say(502)
        else:
            self._begin(answer.status, kind, _passed_back(answer.headers))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                while data := answer.read1(65536):
                    self.wfile.write(data)

    # ---- who asks --------------------------------------------------------------------------------------

    def _is_for_here(self) -> bool:
        """Not by a name that leads here from elsewhere."""
        return self.headers.get("Host") == self.server.origin.removeprefix("http://")

    def _is_let_in(self) -> bool:
        """Whether it is the browser that was given the address, and nobody else on this machine."""
        said = self.headers.get("Cookie", "").replace(" ", "").split(";")
        return any(secrets.compare_digest(each.encode(), self.server.cookie.encode()) for each in said)

    # ---- answers ---------------------------------------------------------------------------------------

    def _begin(self, status: int, kind: str, extra: Mapping[str, str]) -> None:
        self.send_response(status)
        fixed = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
        for name, value in {"Content-Type": kind, **fixed, "Referrer-Policy": "no-referrer", **extra}.items():
            self.send_header(name, value)
        self.end_headers()

    def _say(
        self, status: int, body: bytes = b"", kind: str = "text/plain", extra: Mapping[str, str] | None = None
    ) -> None:
        self._begin(status, kind, {**(extra or {}), "Content-Length": str(len(body))})
        if body:
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: what is asked for is nobody's business."""


def _passed_back(headers: Message) -> dict[str, str]:
    return {name: headers[name] for name in PASSED_BACK if name in headers}
