"""What is attacked: an app with something to lose. An attack that succeeds shows in its page.

One process holds all instances, as that is where they could meet.
"""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, session
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION

TRACE = "the combination is 1234"


class Vault(Tag.App):
    """Its paragraph "log" tells all that was done to it."""

    if GENERATION == 1:
        imports: list[Any] = []

    def init(self) -> None:
        self.is_admin = False
        self.done: list[str] = []
        self.log = Tag.p("", _class="log")
        self.rows = Tag.div()
        self.spare = Tag.div([Tag.button(f"spare {n}", _onclick=self.spared) for n in range(10)])
        self += [self.log, self.rows, self.spare]
        self += Tag.button("look", _onclick=self.look)
        self += Tag.button("rows", _onclick=self.make_rows)
        self += Tag.button("clear", _onclick=self.clear_spare)
        self += Tag.button("fail", _onclick=self.fail)
        self += Tag.button("steps", _onclick=self.steps)
        self += Tag.button("off", _onclick=self.wiped, _disabled=True)
        self += Tag.input(_class="field", _oninput=self.look)
        self += Tag.div("box", _class="box", _onclick=self.look)
        if GENERATION == 1:
            self += Tag.button("bound", _onclick=self.bind.withdraw(42, who="me"))
            self += Tag.button("leave", _onclick=lambda tag: None)
        self.make_rows(None)

    def note(self, what: str) -> None:
        self.done.append(what)
        self.log.clear(" ".join(self.done))

    def look(self, ev: Any) -> None:
        admin = " admin" if self.is_admin else ""
        self.note(f"look{admin}")

    def make_rows(self, ev: Any) -> None:
        self.rows.clear()
        for number in range(5):
            self.rows += Tag.button(f"row {number}", _onclick=self.row)

    def row(self, ev: Any) -> None:
        self.note("row")

    def spared(self, ev: Any) -> None:
        self.note("spare")

    def clear_spare(self, ev: Any) -> None:
        self.kept = list(self.spare.childs)  # removed, and alive
        self.spare.clear()

    def fail(self, ev: Any) -> None:
        raise LookupError("<script>alert(1)</script>")

    def steps(self, ev: Any) -> Any:
        for number in range(2):
            self.note(f"step{number}")
            yield

    def withdraw(self, amount: Any, who: Any = None) -> None:
        self.note(f"{amount}{who}")

    def wiped(self, ev: Any) -> None:
        self.note("WIPED")

    def _wipe_database(self, *_: Any) -> None:
        self.note("WIPED")


class Other(Tag.App):
    """Another app of the same site, whose statics are its own."""

    if GENERATION == 1:
        statics = [b"var statics_of_the_other = 1;"]
    else:
        statics = [Tag.script("var statics_of_the_other = 1;")]

    def init(self) -> None:
        self += Tag.p("other")


class Broken(Tag.App):
    def init(self, **query: str) -> None:
        raise RuntimeError(f"</script><script>alert(1)</script>{TRACE}{query}")


class Torn(Tag.App):
    """Fails when it is drawn."""

    def init(self) -> None:
        class Part(Tag.div):
            def __str__(self) -> str:
                raise RuntimeError(f"</script><script>alert(1)</script>{TRACE}")

        self += Part()


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Vault))
app.register_blueprint(htag_blueprint(Other), url_prefix="/other")
app.register_blueprint(htag_blueprint(Broken), url_prefix="/broken")
app.register_blueprint(htag_blueprint(Torn), url_prefix="/torn")


@app.get("/set/<key>")
def put(key: str) -> str:
    """A view that takes its time, and keeps something in the session."""
    session.setdefault("first", 1)
    time.sleep(0.02)
    session[key] = True
    return "ok"


@app.get("/keys")
def keys() -> dict[str, list[str]]:
    return {"keys": sorted(key for key in session if not key.startswith("_"))}
