"""An app to click in: what is drawn, what is handled, what is carried."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, Response
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION, LOG, button, named, on_js, run_script


class Work(Tag.App):
    statics = [LOG]

    def init(self) -> None:
        self.count = 0
        self.typed = ""
        self.items = [named(f"item-{number}", f"item {number}", kind="li") for number in range(3)]
        self += named("list", self.items, kind="ul")
        self += [button("change", self.change), button("nothing", self.nothing), button("hit", self.hit)]
        field = named("field", kind="input")
        on_js(field, "oninput", self.keep, "this.value")
        self += [field, button("say", self.say)]
        give = named("give", "give", kind="button")
        on_js(give, "onclick", self.take, "window.big")
        self.echo = named("echo")
        self += [give, self.echo]

    def change(self, ev: Any) -> None:
        self.items[1].clear("changed")

    def nothing(self, ev: Any) -> None:
        if GENERATION == 1:  # which compares with what was there; htag 2 draws what was touched
            self.items[2].clear("item 2")

    def hit(self, ev: Any) -> None:
        self.count += 1
        run_script(self, f"ran({self.count})")

    def keep(self, text: str) -> None:
        self.typed = text

    def say(self, ev: Any) -> None:
        run_script(self, f"ran({self.typed!r})")

    def take(self, text: str) -> None:
        self.echo.clear(text)


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Work))
app.register_blueprint(htag_blueprint(Work, max_body=100_000), url_prefix="/small")


@app.after_request
def name_the_worker(response: Response) -> Response:
    response.headers["X-Worker"] = str(os.getpid())
    return response
