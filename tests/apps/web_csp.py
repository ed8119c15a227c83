"""All that htag does in a page, under the Content-Security-Policy that the request asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from flask import Flask, Response, request
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION, LOG, button, named, on_js, push, run_script

WARM, COLD = "rgb(200, 100, 50)", "rgb(50, 100, 200)"


class Bare(Tag.App):
    """No script element and no style of its own."""

    imports: ClassVar[list[Any]] = []  # else htag 1 adds the statics of all classes that there are

    def init(self) -> None:
        self.shown, self.sent = named("shown", "0", kind="output"), named("sent", "-", kind="output")
        self.field = named("field", kind="input")
        on_js(self.field, "onchange", self.sent.clear, "this.value.toUpperCase()")
        self.form = named("form", kind="form")
        self.form += named("word", "hello", kind="input", _name="word")
        self.form += named("send", "send", kind="button")
        self.form["onsubmit"] = "event.preventDefault(); document.title = 'sent'"
        self += [self.shown, self.sent, self.field, self.form]
        for callback in (self.script, self.steps, self.tick, self.redraw, self.fail):
            self += button(callback.__name__, callback)

    def script(self, ev: Any) -> None:
        run_script(self, "document.documentElement.lang = 'en'")

    async def steps(self, ev: Any) -> AsyncIterator[None]:
        for number in (1, 2, 3):
            self.shown.clear(f"step {number}")
            yield
        self.shown.clear("end")

    def tick(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.tell())

    async def tell(self) -> None:
        await asyncio.sleep(0.1)
        self.shown.clear("pushed")
        await push(self.shown)

    def redraw(self, ev: Any) -> None:
        self["title"] = "drawn"

    def fail(self, ev: Any) -> None:
        raise LookupError("not found")


class Guest(Tag.p):
    """Comes later: htag 1 runs its script, htag 2 loads its statics and its style."""

    statics = [Tag.script("window.loaded = 1")] if GENERATION == 2 else []
    styles = f".warm {{ color: {WARM} }}"

    def init(self) -> None:
        self["data-test"] = "guest"
        self += Tag.b("guest", _class="warm", _data_test="warm")
        if GENERATION == 1:
            self.js = "ran('guest')"
        else:
            self.call_js("ran('guest')")


class Rich(Bare):
    """Scripts and styles, in elements and in attributes."""

    statics = [LOG, Tag.style(f".warm {{ color: {WARM} }}")]

    def init(self) -> None:
        super().init()
        self.styled = named("styled", "styled", _style=f"color: {WARM}")
        self += self.styled
        self += [button("restyle", self.restyle), button("late", self.late)]
        run_script(self, "ran('init')")

    def restyle(self, ev: Any) -> None:
        self.styled["style"] = f"color: {COLD}"

    def late(self, ev: Any) -> None:
        self += Guest()
        self += named("new", "new", _style=f"color: {COLD}")


class Broken(Tag.App):
    def init(self) -> None:
        raise LookupError("no app")


app = Flask(__name__)
for part in (Bare, Rich, Broken):
    app.register_blueprint(htag_blueprint(part), url_prefix=f"/{part.__name__.lower()}")
app.register_blueprint(htag_blueprint(Broken, debug=True), url_prefix="/debug")
app.register_blueprint(htag_blueprint(Rich, csp="strict"), url_prefix="/strict")


@app.after_request
def protect(response: Response) -> Response:
    if "X-Policy" in request.headers:
        response.headers["Content-Security-Policy"] = request.headers["X-Policy"]
    return response
