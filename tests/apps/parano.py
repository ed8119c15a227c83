"""An app with parano: at /app/, in a view, behind a login, and one without it."""

from __future__ import annotations

import asyncio
from typing import Any

from flask import Flask, redirect
from flask.typing import ResponseReturnValue
from htag import Tag

from htagweb_flask import handle, htag_blueprint
from tests.apps.web_kit import button, named, push


class App(Tag.App):
    def init(self, name: str = "nobody") -> None:
        self.clicks = 0
        self.shown, self.pushed = named("shown", "0"), named("pushed", "nothing")
        self += [named("hello", f"hello {name}"), self.shown, self.pushed]
        self += [button("press", self.press), button("start", self.start)]

    def press(self, ev: Any) -> None:
        self.clicks += 1
        self.shown.clear(f"{self.clicks}")

    def start(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.later())

    async def later(self) -> None:
        await asyncio.sleep(0.1)
        self.pushed.clear("pushed")
        await push(self.pushed)


app = Flask(__name__)
app.register_blueprint(htag_blueprint(App, name="sealed", parano=True), url_prefix="/app")
app.register_blueprint(htag_blueprint(App, name="clear", parano=False), url_prefix="/clear")

members = htag_blueprint(App, name="members", parano=True)


@members.before_request
def login() -> ResponseReturnValue:
    return redirect("/login")


app.register_blueprint(members, url_prefix="/members")


@app.route("/view", methods=["GET", "POST"])
def view() -> ResponseReturnValue:
    return handle(App, parano=True)
