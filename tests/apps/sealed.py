"""Apps with parano, which say secrets in all the ways that there are; and one without."""

from __future__ import annotations

import asyncio
from typing import Any

from flask import Flask, Response, redirect, session
from htag import Tag
from werkzeug.middleware.proxy_fix import ProxyFix

from htagweb_flask import handle, htag_blueprint
from tests.apps.markers import MUCH, SECRETS
from tests.apps.web_kit import GENERATION, LOG, button, named, on_js, push, run_script


class Sealed(Tag.App):
    """What it holds can be told from outside by the number of clicks alone."""

    statics = [LOG, Tag.title(SECRETS["title"])]

    def init(self, name: str = "nobody") -> None:
        self.count = 0
        self.heard = named("heard", "nothing")
        self.count_shown = named("count", "0", kind="output")
        self.upload = Tag.textarea(_data_test="text")
        self += [
            named("page", SECRETS["page"]),
            named("name", name),
            self.heard,
            self.count_shown,
            self.upload,
        ]
        self += [named("keys", " ".join(sorted(self._session())) or "none")]
        self += [button("more", self.more), button("later", self.later), button("fail", self.fail)]
        self.much_shown = named("letters", "")
        self += [button("much", self.much), self.much_shown]
        send = Tag.button("send", _data_test="send")
        on_js(send, "onclick", self.said, "document.querySelector('textarea').value")
        self += send

    def _session(self) -> Any:
        return self.request.session if GENERATION == 2 else self.session

    def more(self, ev: Any) -> None:
        self.count += 1
        self.state["note"] = SECRETS["state"]
        self.count_shown.clear(f"{self.count}")
        run_script(self, f"ran('{SECRETS['answer']} {self.count}')")

    def said(self, value: str) -> None:
        self.heard.clear(f"{len(value)} {value[:60]}")

    def much(self, ev: Any) -> None:
        """Shows *n* letters, and three million for a person."""
        self.much_shown.clear("m" * (getattr(ev, "n", None) or MUCH))

    def later(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.pushed())

    async def pushed(self) -> None:
        await asyncio.sleep(0.1)
        self.heard.clear(SECRETS["push"])
        await push(self.heard)

    def fail(self, ev: Any) -> None:
        raise LookupError(SECRETS["trace"])


class Broken(Tag.App):
    def init(self) -> None:
        raise RuntimeError(SECRETS["trace"])


class Plain(Tag.App):
    def init(self) -> None:
        self += "in clear"


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Sealed, parano=True))
for transport in ("longpoll", "none"):
    app.register_blueprint(
        htag_blueprint(Sealed, parano=True, transport=transport), url_prefix=f"/{transport}"
    )
app.register_blueprint(htag_blueprint(Sealed), url_prefix="/clear")
app.register_blueprint(htag_blueprint(Broken, parano=True, debug=True), url_prefix="/debug")
app.register_blueprint(htag_blueprint(Broken, parano=True), url_prefix="/broken")
app.register_blueprint(htag_blueprint(Plain), url_prefix="/plain")


@app.route("/handled", methods=["GET", "POST"])
def handled() -> Response:
    return handle(Sealed, parano=True)


@app.get("/logout")
def logout() -> Any:
    session.clear()
    return redirect("/plain/")


def proxied() -> Flask:
    """Behind a proxy that says how the browser has asked."""
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1)  # type: ignore[method-assign]
    return app


def signed() -> Flask:
    """With sessions in Flask's own cookies."""
    app.secret_key = "a key of the tests"
    return app
