"""flask htag doctor: what it finds in a deployment, through its public address."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from htagweb_flask.web.doctor import FAIL, OK, WARN, Finding, Visitor, examine
from tests.proxies import Running, apache, block, nginx
from tests.server.desk import DESK, QUICK, SOON
from tests.servers import Server, serve
from tests.support import ROOT, wait_until

NGINX = block("nginx", "listen 443")
PREFIX = block("nginx", "X-Forwarded-Prefix")

FIRST = ["page", "headers", "urls", "cookies", "origin", "forwarded"]
OUTSIDE = [*FIRST, "refusals", "workers", "crowd", "poll", "body", "stream", "protocol"]


def look(url: str, *, long: bool = False, insecure: bool = True) -> list[Finding]:
    return list(examine(Visitor(url, insecure=insecure), long))


def bad(findings: list[Finding]) -> dict[str, Finding]:
    """What is not ok, by its name."""
    return {finding.name: finding for finding in findings if finding.level != OK}


def levels(findings: list[Finding]) -> dict[str, str]:
    return {name: finding.level for name, finding in bad(findings).items()}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The site of docs/deploy.md."""
    with serve("gunicorn-gevent", "tests.apps.deployed:app", env=QUICK, options=SOON) as running:
        yield running


@pytest.fixture
def through(server: Server) -> Iterator[Callable[..., Running]]:
    """Runs nginx with the documented block, changed: through("http2", "")."""
    with contextlib.ExitStack() as stack:

        def start(old: str, new: str, port: int = server.port) -> Running:
            assert old in NGINX
            return stack.enter_context(nginx(NGINX.replace(old, new, 1), port))

        yield start


# ---- what is right


def test_the_documented_nginx_is_right(through: Callable[..., Running]) -> None:
    findings = look(through("", "").url)
    assert levels(findings) == {}
    assert [finding.name for finding in findings] == OUTSIDE


def test_the_documented_apache_is_right(server: Server) -> None:
    with apache(block("apache", "<VirtualHost"), server.port) as running:
        assert levels(look(running.url)) == {}


@pytest.mark.slow
def test_two_heartbeats(through: Callable[..., Running]) -> None:
    findings = look(through("", "").url, long=True)
    assert levels(findings) == {}
    (heartbeat,) = (finding for finding in findings if finding.name == "heartbeat")
    first, second = map(int, re.findall(r"\d+", heartbeat.text))
    assert 12 <= first <= 20
    assert 12 <= second - first <= 20


def test_gunicorn_alone(live: Callable[..., Server]) -> None:
    server = live("gunicorn-gevent", DESK, env=QUICK, options=SOON)
    assert levels(look(server.url)) == {}
    assert levels(look(f"{server.url}/none")) == {}


def test_a_server_that_does_one_request_at_a_time(live: Callable[..., Server]) -> None:
    findings = look(live("gunicorn-sync", DESK, env=QUICK).url)
    assert levels(findings) == {"crowd": WARN}
    assert "gevent" in bad(findings)["crowd"].cure
    (stream,) = (finding for finding in findings if finding.name == "stream")
    assert "longpoll" in stream.text


def test_it_leaves_the_pages_that_it_opens(live: Callable[..., Server]) -> None:
    server = live("gunicorn-gevent", DESK, workers=1, env=QUICK, options=(*SOON, "--access-logfile", "-"))
    look(server.url)

    def left() -> bool:
        log = server.log_text()
        return log.count('/_htag/leave HTTP/1.1" 204') == log.count('"GET / HTTP/1.1" 200') > 1

    wait_until(left)


# ---- what is wrong


CASES = [
    (
        "proxy_pass",
        "proxy_ignore_headers X-Accel-Buffering; proxy_pass",
        "stream",
        FAIL,
        "proxy_ignore_headers",
    ),
    ("proxy_set_header Host $http_host;", "", "origin", FAIL, "proxy_set_header Host $http_host"),
    ("$http_host", "other.example", "origin", FAIL, "HTAG_ORIGINS"),
    ("proxy_set_header X-Forwarded-Proto $scheme;", "", "origin", FAIL, "X-Forwarded-Proto"),
    ("client_max_body_size 16m;", "", "body", WARN, "client_max_body_size"),
    (" http2;", ";", "protocol", WARN, "http2"),
    ("proxy_pass", "proxy_read_timeout 1s; proxy_pass", "poll", FAIL, "25 seconds"),
    ("proxy_pass", "proxy_hide_header Cache-Control; proxy_pass", "headers", FAIL, "Cache-Control"),
    ("proxy_pass", "proxy_hide_header Set-Cookie; proxy_pass", "cookies", FAIL, "must reach the browser"),
    ("proxy_pass", "proxy_cookie_flags ~ nohttponly; proxy_pass", "cookies", WARN, "SESSION_COOKIE_HTTPONLY"),
    ("proxy_pass", "proxy_cookie_flags ~ nosecure; proxy_pass", "cookies", WARN, "SESSION_COOKIE_SECURE"),
    (
        "proxy_pass",
        "proxy_set_header X-Htag $http_x_htag; proxy_set_header Origin $scheme://$http_host; proxy_pass",
        "refusals",
        FAIL,
        "rewrites",
    ),
]


@pytest.mark.parametrize(("old", "new", "name", "level", "cure"), CASES)
def test_a_mistake_in_nginx_is_found(
    through: Callable[..., Running], old: str, new: str, name: str, level: str, cure: str
) -> None:
    found = bad(look(through(old, new).url))
    assert found[name].level == level
    assert cure in found[name].cure
    if name not in ("cookies", "headers"):
        assert set(found) == {name}


def test_what_the_site_believes_to_be_is_told(through: Callable[..., Running]) -> None:
    running = through("proxy_set_header X-Forwarded-Proto $scheme;", "")
    assert f"believes that it is http://127.0.0.1:{running.port}" in bad(look(running.url))["origin"].text
    running = through("$http_host", "$host")
    assert bad(look(running.url))["origin"].text.endswith("believes that it is https://127.0.0.1")


def test_buffers_are_told_as_such(through: Callable[..., Running]) -> None:
    running = through("proxy_pass", "proxy_ignore_headers X-Accel-Buffering; proxy_pass")
    (found,) = bad(look(running.url)).values()
    assert found.text == "no event comes within 3 s: it is buffered"


@pytest.mark.slow
def test_a_proxy_that_cuts_silent_streams(through: Callable[..., Running]) -> None:
    findings = bad(look(through("proxy_pass", "proxy_read_timeout 10s; proxy_pass").url, long=True))
    assert findings["heartbeat"].text == "the stream was cut after 10 s"
    assert findings["poll"].level == FAIL


def test_a_prefix_that_nobody_tells(server: Server) -> None:
    before, _, rest = NGINX.partition("    location / {")
    part = PREFIX.replace("proxy_set_header X-Forwarded-Prefix /desk;", "")
    with nginx(f"{before}{part}{rest.partition('}')[2]}", server.port) as running:
        findings = look(f"{running.url}/desk/")
    assert levels(findings) == {"urls": FAIL}
    assert findings[-1].name == "urls"  # more would say the same
    assert "X-Forwarded-Prefix" in findings[-1].cure


def test_headers_that_are_believed_of_anybody(live: Callable[..., Server]) -> None:
    server = live("gunicorn-gevent", "tests.apps.mounted:proxied", workers=2, env=QUICK, options=SOON)
    found = bad(look(server.url))
    assert found["forwarded"].text == "anybody can set X-Forwarded-Host and X-Forwarded-Prefix"


def test_processes_with_sessions_of_their_own(live: Callable[..., Server]) -> None:
    found = bad(look(live("gunicorn-gevent", "tests.apps.misfits:memory()", env=QUICK, options=SOON).url))
    assert found["workers"].level == FAIL
    assert "SESSION_TYPE" in found["workers"].cure


# ---- no page


def test_nobody_is_there() -> None:
    (found,) = look("http://127.0.0.1:9/")
    assert (found.name, found.level) == ("page", FAIL)
    assert "does the server run" in found.cure


def test_a_certificate_that_nobody_trusts(through: Callable[..., Running]) -> None:
    (found,) = look(through("", "").url, insecure=False)
    assert "CERTIFICATE_VERIFY_FAILED" in found.text
    assert "--insecure" in found.cure


def test_a_proxy_without_a_server(through: Callable[..., Running]) -> None:
    (found,) = look(through("", "", 9).url)
    assert "status 502" in found.text
    assert "does it run" in found.cure


@pytest.mark.parametrize(
    ("path", "text"), [("/", "status 200, but no page of an htag app"), ("/nowhere", "status 404")]
)
def test_no_page_of_an_htag_app(live: Callable[..., Server], path: str, text: str) -> None:
    (found,) = look(live("waitress", "tests.apps.plain:app").url + path)
    assert found.level == FAIL
    assert text in found.text


def test_a_page_behind_a_login(live: Callable[..., Server]) -> None:
    server = live("gunicorn-gevent", "tests.apps.mounted:app", workers=2, env=QUICK, options=SOON)
    (found,) = look(f"{server.url}/guarded")
    assert "--header" in found.cure
    visitor = Visitor(f"{server.url}/enter")
    visitor.load()
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    inside = list(examine(Visitor(f"{server.url}/guarded", {"Cookie": cookie})))
    assert levels(inside) == {}


# ---- the command


def run(*arguments: str, env: dict[str, str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=90)


def test_the_command(server: Server, tmp_path: Path) -> None:
    env = {"HTAG_DATA_DIR": str(tmp_path), "FLASK_APP": "tests.apps.deployed:app"}
    done = run("htag", "doctor", server.url, env=env)
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert {line.split()[0] for line in lines} <= {OK, WARN, FAIL}
    assert {"key", "sessions", "pool", *OUTSIDE} <= {line.split()[1] for line in lines}
    # The cookie is for https alone: on http, no browser would send it.
    assert done.returncode == int(any(line.startswith(FAIL) for line in lines)) == 0


def test_the_command_for_programs(through: Callable[..., Running], tmp_path: Path) -> None:
    env = {"HTAG_DATA_DIR": str(tmp_path)}
    arguments = ("--app", "tests.apps.deployed:app", "htag", "doctor", "--json")
    done = run(*arguments, "http://127.0.0.1:9/", env=env)
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["ok"] is False
    assert told["checks"][-1]["name"] == "page"
    assert set(told["checks"][0]) == {"name", "level", "text", "cure"}
    done = run(*arguments, "--insecure", through("", "").url, env=env)
    assert done.returncode == 0
    assert json.loads(done.stdout)["ok"] is True


def test_without_an_address_it_looks_at_the_configuration(tmp_path: Path) -> None:
    env = {"HTAG_DATA_DIR": str(tmp_path)}
    done = run("--app", "tests.apps.deployed:app", "htag", "doctor", "--json", env=env)
    assert {check["name"] for check in json.loads(done.stdout)["checks"]} == {
        "key",
        "sessions",
        "data",
        "sockets",
        "server",
        "pool",
    }


def test_what_is_no_address_is_told(tmp_path: Path) -> None:
    env = {"HTAG_DATA_DIR": str(tmp_path)}
    done = run("--app", "tests.apps.deployed:app", "htag", "doctor", "example.org", env=env)
    assert done.returncode == 2
    assert "http://" in done.stderr
