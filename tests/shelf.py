"""A store of sessions, and views that use it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from htagweb_flask.protocol import Delta
from htagweb_flask.session import pack
from htagweb_flask.store import SessionStore

__all__ = ["HOUR", "Shelf", "delta"]

HOUR = datetime.timedelta(hours=1)


def delta(*drop: str, **put: Any) -> Delta:
    return Delta({key: pack(value) for key, value in put.items()}, list(drop))


class Shelf:
    """A store, and the folder or server that it is in."""

    def __init__(self, interface: Any, folder: Path) -> None:
        (folder / "locks").mkdir(exist_ok=True)
        self.interface = interface
        self.files = folder / "sessions"
        self.lifetime = HOUR
        self.store = SessionStore(interface, str(folder / "locks"), lambda: self.lifetime)
        self.flask_app = Flask("shelf")

    def begin(self, sid: str) -> Any:
        """A view begins: its session."""
        with self.flask_app.test_request_context("/", headers={"Cookie": f"session={sid}"}):
            session = self.interface.open_session(self.flask_app, request)
            self.store.opened(session)
            return session

    def finish(self, session: Any) -> None:
        """It ends."""
        with self.flask_app.test_request_context("/"):
            self.interface.save_session(self.flask_app, session, Response())
