"""The site of docs/deploy.md, with an app of the tests in it; and it notes which streams are open."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from werkzeug.wsgi import ClosingIterator

from tests.apps.desk import name_the_worker
from tests.support import ROOT

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def documented(**replaced: str) -> dict[str, Any]:
    """The names of the Python block of the page, with the app of the tests in place of the reader's."""
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    for old, new in {"from hello import App": "from tests.apps.desk import Desk as App", **replaced}.items():
        assert old in code, old
        code = code.replace(old, new)
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(code, "docs/deploy.md", "exec"), names)
    return names


def watched(inner: Wsgi) -> Wsgi:
    """Writes a line into a file when a stream begins and when it ends."""

    def note(word: str) -> None:
        with open(os.environ["STREAMS"], "a") as file:
            file.write(f"{word}\n")

    def outer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if not environ["PATH_INFO"].endswith("/stream") or "STREAMS" not in os.environ:
            return inner(environ, start)
        token = environ["HTTP_X_HTAG"]
        note(f"open {token}")
        return ClosingIterator(inner(environ, start), lambda: note(f"closed {token}"))

    return outer


def site(**replaced: str) -> Flask:
    made: Flask = documented(**replaced)["app"]
    made.after_request(name_the_worker)
    made.wsgi_app = watched(made.wsgi_app)  # type: ignore[method-assign]
    return made


app = site()


def plain() -> Flask:
    """For a proxy without https."""
    return site(**{"SESSION_COOKIE_SECURE=True, ": ""})


def bare() -> Flask:
    """For a proxy that sets no header."""
    return site(**{"SESSION_COOKIE_SECURE=True, ": "", "app.wsgi_app = ProxyFix": "ProxyFix"})


def prefixed() -> Flask:
    return site(**{"x_proto=1": "x_proto=1, x_prefix=1"})


def shared() -> Flask:
    """For several machines: a key and sessions that all have."""
    lines = (
        "from redis import Redis",
        "app.config.update(SECRET_KEY='s' * 32, SESSION_TYPE='redis', "
        f"SESSION_REDIS=Redis.from_url({os.environ['REDIS']!r}))",
        "app.register_blueprint(",
    )
    return site(**{"SESSION_COOKIE_SECURE=True, ": "", "app.register_blueprint(": "\n".join(lines)})
