"""Callbacks that fail in Python, and scripts that fail in the page."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import button, named, run_script

HANDLER = Tag.script("window.heard = []; function error(message) { heard.push(message); }")


class Failing(Tag.App):
    imports: ClassVar[list[Any]] = []  # else htag 1 adds the statics of all classes that there are

    def init(self) -> None:
        self.count = 0
        self.shown = named("shown", "0", kind="output")
        self += self.shown
        for name in ("fail", "script", "fine"):
            self += button(name, getattr(self, name))
        self += named("inline", "inline", kind="button", _onclick="absent_function()")

    def fail(self, ev: Any) -> None:
        self.shown.clear("half done")
        raise LookupError("<i>not found</i>")

    def script(self, ev: Any) -> None:
        run_script(self, "no_such_thing.at_all()")
        self.shown.clear("after a script")

    def fine(self, ev: Any) -> None:
        self.count += 1
        self.shown.clear(f"fine {self.count}")


class Handling(Failing):
    """htag 1: the page has a function error(), which hears of all errors."""

    statics = [HANDLER]


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Failing))
app.register_blueprint(htag_blueprint(Failing, debug=True), url_prefix="/debug")
app.register_blueprint(htag_blueprint(Handling), url_prefix="/handling")
