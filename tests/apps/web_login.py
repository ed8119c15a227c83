"""A site with a login: the guard is a before_request of the blueprint in which the app is nested."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, redirect, request, session, url_for
from htag import Tag
from werkzeug.wrappers import Response

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION, button, named

ICON = "<link rel=icon href='data:,'>"


class Desk(Tag.App):
    def init(self) -> None:
        seen = self.session if GENERATION == 1 else self.request.session
        self.count = 0
        self.shown = named("count", "0", kind="output")
        self += [named("user", f"This is the desk of {seen['user']}."), button("more", self.more), self.shown]

    def more(self, ev: Any) -> None:
        self.count += 1
        self.shown.clear(f"{self.count}")


members = Blueprint("members", __name__, url_prefix="/members")
for transport in ("sse", "longpoll", "none"):
    members.register_blueprint(htag_blueprint(Desk, transport=transport), url_prefix=f"/{transport}")

app = Flask(__name__)


@members.before_request
def guard() -> Response | None:
    if "user" in session:
        return None
    return redirect(url_for("login", next=request.path))


app.register_blueprint(members)


@app.route("/login", methods=["GET", "POST"])
def login() -> Any:
    if request.method == "POST":
        session["user"] = request.form["user"]
        return redirect(request.args.get("next", "/"))
    form = "<form method=post><input name=user><button>Log in</button></form>"
    return f"<!doctype html><title>Log in</title>{ICON}{form}"


@app.get("/logout")
def logout() -> str:
    session.pop("user")
    return f"<!doctype html><title>Bye</title>{ICON}You are logged out."


@app.get("/forget")
def forget() -> str:
    session.clear()
    return f"<!doctype html><title>Bye</title>{ICON}You are forgotten."
