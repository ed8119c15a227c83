"""What is wrong with a server is told in its log at the first page, with the cure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cachelib import SimpleCache
from flask.sessions import SecureCookieSessionInterface

from htagweb_flask.store import cached_sessions
from htagweb_flask.web import checks
from tests.server.desk import DESK, QUICK, SOON, Anywhere
from tests.servers import Server

ALL = (checks.SSE, checks.MEMORY, checks.HTTP2, checks.PRELOAD)

MISFITS = [
    ("gunicorn-sync", "tests.apps.misfits:sse()", (), checks.SSE),
    ("gunicorn-gevent", "tests.apps.misfits:memory()", (), checks.MEMORY),
    ("gunicorn-gevent", DESK, ("--preload",), checks.PRELOAD),
]
FINE = [
    ("gunicorn-gevent", DESK),
    ("gunicorn-sync", DESK),
    ("gunicorn-gthread", "tests.apps.misfits:sse()"),
    ("waitress", "tests.apps.misfits:memory()"),  # one process
]


def told(server: Server) -> list[str]:
    user = Anywhere(server.url)
    for _ in range(8):
        assert user.get("/").status == 200
    return [text for text in ALL for _ in range(server.log_text().count(text))]


@pytest.mark.parametrize(("kind", "target", "options", "warning"), MISFITS)
def test_a_mistake_is_told_once_by_each_process(
    live: Callable[..., Server], kind: str, target: str, options: tuple[str, ...], warning: str
) -> None:
    server = live(kind, target, workers=2, env=QUICK, options=(*SOON, *options))
    found = told(server)
    assert set(found) == {warning}
    assert len(found) <= 2


@pytest.mark.parametrize(("kind", "target"), FINE)
def test_nothing_is_told_where_nothing_is_wrong(live: Callable[..., Server], kind: str, target: str) -> None:
    options = SOON if kind.startswith("gunicorn") else ()
    assert told(live(kind, target, workers=2, env=QUICK, options=options)) == []


@pytest.mark.parametrize(
    ("environ", "warning"),
    [
        ({"SERVER_SOFTWARE": "gunicorn/27.0.1", "SERVER_PROTOCOL": "HTTP/2.0"}, [checks.HTTP2]),
        ({"SERVER_SOFTWARE": "gunicorn/27.0.1", "SERVER_PROTOCOL": "HTTP/1.1"}, []),
        ({"SERVER_SOFTWARE": "hypercorn", "SERVER_PROTOCOL": "HTTP/2"}, []),
        ({"wsgi.multithread": False}, [checks.SSE]),
        ({"wsgi.multiprocess": True, "memory": True}, [checks.MEMORY]),
        ({"wsgi.multiprocess": False, "memory": True}, []),
    ],
)
def test_what_a_request_shows(
    environ: dict[str, Any], warning: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    looker = checks.Checks()
    kept = cached_sessions(SimpleCache()) if environ.pop("memory", None) else SecureCookieSessionInterface()
    for _ in range(2):
        looker.look({"wsgi.multithread": True, **environ}, "sse", kept)
    assert [record.getMessage() for record in caplog.records] == warning
