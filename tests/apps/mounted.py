"""One app at every kind of place in a site."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from flask import Blueprint, Flask, Response, abort, request, session
from htag import Tag
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from htagweb_flask import handle, htag_blueprint
from tests.apps.web_kit import push


class Bell(Tag.App):
    """Rings at a click, and a little later by itself."""

    def init(self) -> None:
        self.rings = 0
        self.shown = Tag.p("rings 0", _class="rings")
        self.late = Tag.p("", _class="late")
        self += [self.shown, self.late, Tag.p(f"pid {os.getpid()}", _class="pid")]
        self += Tag.button("ring", _onclick=self.ring)

    def ring(self, ev: Any) -> None:
        self.rings += 1
        self.shown.clear(f"rings {self.rings}")
        self.task = asyncio.ensure_future(self.ring_later())

    async def ring_later(self) -> None:
        await asyncio.sleep(0.02)
        self.late.clear(f"late {self.rings}")
        await push(self.late)


app = Flask(__name__)
app.config["SECRET_KEY"] = "mounted" * 4

app.register_blueprint(htag_blueprint(Bell))
app.register_blueprint(htag_blueprint(Bell), url_prefix="/a/b")
app.register_blueprint(htag_blueprint(Bell), url_prefix="/users/<name>")
app.register_blueprint(htag_blueprint(Bell, scope="tab", transport="longpoll"), url_prefix="/tabs")

twice = htag_blueprint(Bell, name="twice")
app.register_blueprint(twice, url_prefix="/once")
app.register_blueprint(twice, url_prefix="/again", name="again")

outer = Blueprint("outer", __name__, url_prefix="/outer")
inner = Blueprint("inner", __name__, url_prefix="/<int:number>")
inner.register_blueprint(htag_blueprint(Bell), url_prefix="/bell")
outer.register_blueprint(inner)
app.register_blueprint(outer)

guarded = Blueprint("guarded", __name__, url_prefix="/guarded")
guarded.register_blueprint(htag_blueprint(Bell, name="bell"))


@guarded.before_request
def members_only() -> None:
    if session.get("member") != "yes":
        abort(401)


app.register_blueprint(guarded)


@app.get("/enter")
def enter() -> str:
    session["member"] = "yes"
    return "in"


@app.get("/quit")
def quit_() -> str:
    session.pop("member", None)
    return "out"


@app.route("/view/<word>", methods=["GET", "POST"])
def view(word: str) -> Response:
    """The app inside a view of the site, behind the checks of the view."""
    if word != "open" and session.get("member") != "yes":
        abort(403)
    return handle(Bell)


@app.get("/reading")
def reading() -> Response:
    return handle(Bell)


@app.get("/plain")
def plain() -> dict[str, str]:
    return {"path": request.path, "root": request.script_root}


below = DispatcherMiddleware(Flask("nothing"), {"/sub/path": app})
proxied = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
