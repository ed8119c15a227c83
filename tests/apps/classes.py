"""Says whether plain tags share their class: they do where htag 1 is made faster."""

from __future__ import annotations

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint


class App(Tag.body):
    def init(self) -> None:
        rows = [Tag.p(str(number)) for number in range(50)]
        self += Tag.b(f"{len({type(row) for row in rows})} classes")


def make(fast: bool) -> Flask:
    site = Flask(__name__)
    site.config["HTAG_FAST"] = fast
    site.register_blueprint(htag_blueprint(App, workers=1))
    return site


quick, plain = make(True), make(False)
