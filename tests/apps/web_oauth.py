"""The example of a login, and beside it what its tests look at.

OAUTH_KIND   files, memory or redis
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from flask import Response, redirect, session, url_for
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.state_site import PATIENCE, passed, readable
from tests.apps.web_kit import button, named

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from login import app, oauth, session_of, text  # noqa: E402

KIND = os.environ.get("OAUTH_KIND", "files")
if KIND == "memory":
    app.config["HTAG_SESSIONS"] = "memory"
elif KIND == "redis":
    from redis import Redis

    app.config["SESSION_TYPE"] = "redis"
    app.config["SESSION_REDIS"] = Redis.from_url(os.environ["OAUTH_REDIS"])


class Desk(Tag.App):
    """Counts in its state, and has a callback that writes only when the gate of that name is open."""

    def init(self, gate: str = "") -> None:
        self.gate = gate
        self.user, self.count = named("user", "?"), named("count", "0")
        self.held = named("held", "-")
        self += [self.user, self.count, self.held, named("made", f"{time.monotonic_ns()}")]
        for callback in (self.look, self.more, self.hold):
            self += button(callback.__name__, callback)
        self.look(None)

    def look(self, ev: Any) -> None:
        user = session_of(self).get("user")
        self.user.clear(text(user["name"]) if user else "nobody")
        self.count.clear(str(self.state.get("count", 0)))

    def more(self, ev: Any) -> None:
        self.state["count"] = self.state.get("count", 0) + 1
        self.look(ev)

    def hold(self, ev: Any) -> None:
        """Blocks, as an app's own code may: nothing can stop it."""
        deadline = time.monotonic() + PATIENCE
        while not passed(self.gate) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.state["held"] = self.gate
        session_of(self)["late"] = self.gate
        self.held.clear("held")
        passed(f"{self.gate}-over")


app.register_blueprint(htag_blueprint(Desk), url_prefix="/desk")


@app.get("/login-and-keep")
def login_and_keep() -> Any:
    return oauth.oidc.authorize_redirect(url_for("auth_and_keep", _external=True))


@app.get("/auth-and-keep")
def auth_and_keep() -> Any:
    """The other way to log in: the session goes on, under a new id."""
    user = oauth.oidc.authorize_access_token()["userinfo"]
    session["user"] = {"id": user["sub"], "name": user["name"]}
    app.session_interface.regenerate(session)
    return redirect("/desk/")


@app.get("/session")
def show() -> Response:
    return Response(json.dumps(readable(session)), mimetype="application/json")
