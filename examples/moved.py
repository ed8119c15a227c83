"""A server of htagweb, moved to Flask: the same apps, routes and session (docs/from-htagweb.md).

Run it:   gunicorn -k gevent -w 4 moved:app
"""

from typing import Any

import htag
from flask import Flask, Response, redirect, request, session
from htag import Tag

from htagweb_flask import handle, htag_blueprint


class App(Tag.App):  # was: AppServer(App)
    def init(self) -> None:
        values = self.request.session if hasattr(htag, "State") else self.session
        self.shown = Tag.output(_data_test="count")
        self += Tag.p(["You are ", Tag.b(values.get("user", "nobody"), _data_test="user")])
        self += Tag.button("+1", _onclick=self.more, _data_test="more")
        self += self.shown
        self.show()

    def more(self, ev: Any) -> None:
        self.state["count"] = self.state.get("count", 0) + 1
        self.show()

    def show(self) -> None:
        self.shown.clear(str(self.state.get("count", 0)))


class Admin(Tag.App):
    def init(self, page: str = "start") -> None:
        self += Tag.h1(f"page {page}", _data_test="page")


app = Flask(__name__)
app.register_blueprint(htag_blueprint(App, idle_timeout=600))  # was: AppServer(App, timeout_inactivity=600)


@app.get("/login/<name>")  # was: app.add_route("/login/{name}", login)
def login(name: str) -> Any:
    session["user"] = name  # was: request.session["user"] = name
    return redirect("../")


@app.route("/admin", methods=["GET", "POST"])  # was: app.add_route("/admin", admin)
def admin() -> Response:
    if "user" not in session:
        return Response("Who are you?", 403)
    # was: return await app.handle(request, Admin, http_only=True)
    return handle(Admin, transport="none")


@app.get("/whoami")
def who_am_i() -> dict[str, str]:
    return {"user": session.get("user", ""), "address": request.remote_addr or ""}
