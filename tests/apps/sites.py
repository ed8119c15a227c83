"""Sites that differ in where their sessions are: who is in, is shown by an app and by a view."""

from __future__ import annotations

import os
from typing import Any

from cachelib import FileSystemCache
from flask import Flask, Response, session
from flask_session import Session
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION

KEY = "of the site, and of it alone"


class Door(Tag.App):
    """Shows who is in, as the session says, and lets the app itself say so."""

    def init(self) -> None:
        self.user = Tag.p("", _class="user")
        self.kept = Tag.p(f"kept {self.state.get('kept', 0)}", _class="kept")
        self += [self.user, self.kept, Tag.p(f"pid {os.getpid()}", _class="pid")]
        for name in ("look", "keep", "sign", "clear_all"):
            self += Tag.button(name, _onclick=getattr(self, name))
        if GENERATION == 2:
            self.look(None)

    def values(self) -> Any:
        return self.session if GENERATION == 1 else self.request.session

    def look(self, ev: Any) -> None:
        self.user.clear(f"user {self.values().get('user', '-')}")

    def keep(self, ev: Any) -> None:
        self.state["kept"] = self.state.get("kept", 0) + 1
        self.kept.clear(f"kept {self.state['kept']}")

    def sign(self, ev: Any) -> None:
        self.values()["user"] = "app"

    def clear_all(self, ev: Any) -> None:
        self.values().clear()


def site(name: str = __name__, **config: Any) -> Flask:
    """A site with these settings, without a SECRET_KEY if it is not among them."""
    flask_app = Flask(name)
    flask_app.config.update(config)
    flask_app.register_blueprint(htag_blueprint(Door, name="door"))

    @flask_app.get("/login/<user>")
    def login(user: str) -> str:
        session["user"] = user
        return "in"

    @flask_app.get("/logout")
    def logout() -> str:
        session.pop("user", None)
        return "out"

    @flask_app.get("/who")
    def who() -> dict[str, Any]:
        return {"user": session.get("user", "-"), "worker": os.getpid()}

    @flask_app.after_request
    def name_the_worker(response: Response) -> Response:
        response.headers["X-Worker"] = str(os.getpid())
        return response

    return flask_app


def bare() -> Flask:
    """Nothing is set."""
    return site()


def cached() -> Flask:
    """The site keeps its sessions by Flask-Session, as its documentation says."""
    cache = FileSystemCache(os.environ["SITE_CACHE"], threshold=0)
    flask_app = site(SECRET_KEY=KEY, SESSION_TYPE="cachelib", SESSION_CACHELIB=cache)
    Session(flask_app)
    return flask_app


def configured() -> Flask:
    """The settings of Flask-Session alone: Session(app) was never called."""
    cache = FileSystemCache(os.environ["SITE_CACHE"], threshold=0)
    return site(SECRET_KEY=KEY, SESSION_TYPE="cachelib", SESSION_CACHELIB=cache)


def keyed() -> Flask:
    """Files, although there is a SECRET_KEY."""
    return site(SECRET_KEY=KEY, HTAG_SESSIONS="files")


def cookie() -> Flask:
    """Flask's own sessions, in a signed cookie."""
    return site(SECRET_KEY=KEY)
