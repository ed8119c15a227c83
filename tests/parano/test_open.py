"""python -m htagweb_flask.open: a page of this machine, which only the server of the pin can answer."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from htagweb_flask.keyfile import make_key, new_secret, pin_of, stretched
from htagweb_flask.noise import new_key, public_key
from htagweb_flask.open.relay import Relay
from htagweb_flask.open.target import Target
from tests.proxies import certificate
from tests.servers import Server
from tests.support import ROOT
from tests.web.pages import click, connected, gunicorn, part

if TYPE_CHECKING:
    from playwright.sync_api import Page

PRIVATE = new_key()
PIN = pin_of(public_key(PRIVATE))

PINNED, LOCKED = "The server does not have this key", "This app demands a secret"
"""What the page begins to say when it stops."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with gunicorn("tests.apps.parano:app", "--access-logfile", "-") as running:
        make_key(key_file(running), PRIVATE)
        yield running


def key_file(server: Server) -> str:
    return str(Path(server.data_dir, "parano.key"))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "htagweb_flask.open", *arguments, "--no-browser"]


@contextlib.contextmanager
def opened(url: str, *arguments: str, secret: str = "") -> Iterator[str]:
    """The address that the command gives out."""
    process = subprocess.Popen(
        command(url, *arguments), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{secret}\n")
        process.stdin.flush()
        process.stdout.readline()
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def shown(page: Page, text: str) -> None:
    """The page of the app is there, and says that."""
    part(page, "hello").get_by_text(text).wait_for(timeout=20_000)


def stopped(page: Page, text: str) -> None:
    """The page says that, and has nothing of the app."""
    page.get_by_text(text).wait_for(timeout=20_000)
    assert part(page, "hello").count() == 0


@pytest.mark.parametrize(
    "path", ["/app/?name=world", "/app?name=world", "/app/#?name=world", "/view?name=world"]
)
def test_an_app_works_in_a_page_of_this_machine(server: Server, page: Page, path: str) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    with opened(server.url + path, "--pin", PIN.lower()) as address:
        page.goto(address)
        shown(page, "hello world")
        click(connected(page), "press")
        part(page, "shown").get_by_text("1").wait_for()
        click(page, "start")
        part(page, "pushed").get_by_text("pushed").wait_for()
        page.reload()
        shown(connected(page), "hello world")
        assert page.context.cookies(server.url) == page.context.cookies(address)  # both at 127.0.0.1
        assert [cookie["name"] for cookie in page.context.cookies(address)] == [
            f"htag-open-{urlsplit(address).port}"
        ]
        page.goto("about:blank")
    here = f"http://127.0.0.1:{urlsplit(address).port}/"
    assert all(url.startswith((here, "data:", "about:")) for url in asked), asked
    assert "world" not in server.log_text()  # the query is sealed, too
    assert "/_htag/key" in server.log_text() or "_htag=key" in server.log_text()


def test_a_server_with_another_key_cannot_answer(server: Server, page: Page, complaints: Any) -> None:
    complaints.allow("400")
    with opened(f"{server.url}/app/", "--pin", pin_of(public_key(new_key()))) as address:
        page.goto(address)
        stopped(page, PINNED)


def test_a_secret_is_demanded_of_everybody(
    server: Server, new_user: Callable[..., Any], complaints: Any
) -> None:
    complaints.allow("400", "403")
    secret = new_secret()
    make_key(key_file(server), PRIVATE, stretched(secret))
    try:
        plain = new_user().new_page()
        plain.goto(f"{server.url}/app/")
        stopped(plain, LOCKED)
        for arguments, typed, passes in (
            ((), "", False),
            (("--secret",), new_secret(), False),
            (("--secret",), secret.lower(), True),
        ):
            page = new_user().new_page()
            with opened(f"{server.url}/app/", "--pin", PIN, *arguments, secret=typed) as address:
                page.goto(address)
                if passes:
                    shown(page, "hello nobody")
                else:
                    stopped(page, PINNED if typed else LOCKED)
                page.goto("about:blank")
    finally:
        make_key(key_file(server), PRIVATE)


def test_a_key_that_cannot_be_trusted_lets_nobody_in(server: Server, page: Page, complaints: Any) -> None:
    complaints.allow("503")
    Path(key_file(server)).chmod(0o644)
    try:
        page.goto(f"{server.url}/app/")
        page.get_by_text("cannot be started").wait_for(timeout=20_000)
        assert "chmod 600" in server.log_text()
    finally:
        Path(key_file(server)).chmod(0o600)
    part(page, "hello").wait_for(timeout=40_000)  # it has tried again by itself


# ---- the address on this machine ---------------------------------------------------------------------------


class Evil(BaseHTTPRequestHandler):
    """What an attacked server may answer."""

    def do_POST(self) -> None:
        """A page in place of what was asked for."""
        self.rfile.read(int(self.headers["Content-Length"]))
        sealed = self.path.endswith("/sealed")
        self.send_response(302 if self.path.endswith("/redirect") else 200)
        self.send_header("Content-Type", "application/octet-stream" if sealed else "text/html")
        self.send_header("Location", "http://127.0.0.1:9/")
        self.send_header("Set-Cookie", "evil=1")
        self.end_headers()
        self.wfile.write(b"sealed" if sealed else b"<script>alert(1)</script>")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """In front of a server that is up to no good."""
    evil = ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    urls = {"key": "/app/_htag/key", "page": "/app/_htag/page"}
    here = Relay(Target(f"http://127.0.0.1:{evil.server_port}", "/app/", urls, bytes(32), None))
    for each in (evil, here):
        threading.Thread(target=each.serve_forever, args=(0.05,), daemon=True).start()
    yield here
    for each in (here, evil):
        each.shutdown()
        each.server_close()


def said(
    relay: Relay, method: str, path: str, body: bytes | None = None, **headers: str
) -> http.client.HTTPResponse:
    """The answer to a request of whoever has been let in, with other headers where they are given."""
    usual = {"Cookie": relay.cookie, **({"Origin": relay.origin} if method == "POST" else {})}
    connection = http.client.HTTPConnection("127.0.0.1", relay.server_port, timeout=30)
    connection.request(method, path, body, {**usual, **headers})
    answer = connection.getresponse()
    answer.content = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def test_the_address_is_for_one_browser_and_for_once(relay: Relay) -> None:
    path = relay.address("name=x").removeprefix(relay.origin)
    assert said(relay, "GET", "/app/", Cookie="").status == 403
    assert said(relay, "GET", "/app/?htag-open=guess", Cookie="").status == 403
    first = said(relay, "GET", path, Cookie="")
    assert (first.status, first.headers["Location"]) == (303, "/app/?name=x")
    assert first.headers["Set-Cookie"] == f"{relay.cookie}; HttpOnly; SameSite=Strict; Path=/"
    assert said(relay, "GET", path, Cookie="").status == 403
    assert said(relay, "GET", "/app/?name=x").status == 200


def test_other_sites_and_other_names_have_no_business_here(relay: Relay) -> None:
    path = "/app/_htag/call"
    assert said(relay, "POST", path, b"x", Origin="https://evil.example").status == 403
    assert said(relay, "POST", path, b"x", Origin="null").status == 403
    assert said(relay, "POST", path, b"x", Cookie="").status == 403
    for method in ("GET", "POST"):
        assert said(relay, method, path, b"x", Host=f"evil.example:{relay.server_port}").status == 403


def test_nothing_but_the_app_and_what_is_sealed_comes_through(relay: Relay) -> None:
    for path in ("/", "/static/x.js", "/app/logo.png", "/app/_htag/other.js", "/other/_htag/call"):
        assert said(relay, "GET", path).status == 404
    for path in ("/", "/app/", "/login", "/app", "/application/_htag/call"):
        assert said(relay, "POST", path, b"x").status == 404
    answer = said(relay, "POST", "/app/_htag/call", b"x")
    assert (answer.status, answer.content) == (502, b"")  # type: ignore[attr-defined]
    assert "Set-Cookie" not in answer.headers
    answer = said(relay, "POST", "/app/_htag/redirect", b"x")
    assert (answer.status, answer.headers["Location"]) == (401, None)


def test_a_certificate_is_not_looked_at(relay: Relay, tmp_path: Path) -> None:
    evil, context = ThreadingHTTPServer(("127.0.0.1", 0), Evil), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name, text in zip(("certificate", "key"), certificate(), strict=True):
        Path(tmp_path, name).write_text(text)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    evil.socket = context.wrap_socket(evil.socket, server_side=True)
    target = dataclasses.replace(relay.target, origin=f"https://127.0.0.1:{evil.server_port}")
    for each in (evil, here := Relay(target)):
        threading.Thread(target=each.serve_forever, args=(0.05,), daemon=True).start()
    try:
        answer = said(here, "POST", "/app/_htag/sealed", b"x")
        assert (answer.status, answer.content) == (200, b"sealed")  # type: ignore[attr-defined]
    finally:
        for each in (here, evil):
            each.shutdown()
            each.server_close()


def test_scripts_are_those_of_this_machine(relay: Relay) -> None:
    page = said(relay, "GET", "/app/").content.decode()  # type: ignore[attr-defined]
    (script,) = (name for name in relay.scripts if name in page)
    assert said(relay, "GET", f"/app/_htag/{script}").content == relay.scripts[script]  # type: ignore[attr-defined]
    other = said(relay, "GET", "/app/_htag/htagweb-000000000000.js")
    assert b"another version" in other.content  # type: ignore[attr-defined]


# ---- what the command says ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "arguments", "told"),
    [
        ("{server}/app/", ("--pin", "ABC"), "52 letters"),
        ("{server}/app/", (), "--pin"),
        ("{server}/clear/", ("--pin", PIN), "no app with parano"),
        ("{server}/members/", ("--pin", PIN), "login, which cannot be passed on"),
        ("{server}/nothing", ("--pin", PIN), "status 404"),
        ("http://127.0.0.1:9/", ("--pin", PIN), "cannot be reached"),
        ("ftp://example.org/", ("--pin", PIN), "http:// or https://"),
        ("http://user:word@127.0.0.1/", ("--pin", PIN), "http:// or https://"),
    ],
)
def test_what_is_wrong_is_said(server: Server, url: str, arguments: tuple[str, ...], told: str) -> None:
    done = subprocess.run(
        command(url.format(server=server.url), *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
