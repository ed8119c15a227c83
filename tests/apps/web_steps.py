"""Handlers that show their work step by step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION, LOG, button, named, run_script


class Lane(Tag.div):
    """A run of its own beside others."""

    def init(self, name: str) -> None:
        self.shown = named(f"shown-{name}", "0", kind="output")
        self += [button(f"run-{name}", self.run), self.shown]
        self.name = name

    async def run(self, ev: Any) -> AsyncIterator[None]:
        for number in range(1, 6):
            self.shown.clear(f"{number}")
            run_script(self, f"ran('{self.name}{number}')")
            yield
            await asyncio.sleep(0.15)  # in all longer than a call waits for the one before it
        self.shown.clear("end")
        run_script(self, f"ran('{self.name} end')")


class Steps(Tag.App):
    statics = [LOG]

    def init(self) -> None:
        self.shown = named("shown", "0", kind="output")
        self += [self.shown, Lane("a"), Lane("b")]
        for name in ("count", "work", "scripted", "fail", "fail_later", "fine"):
            self += button(name, getattr(self, name))
        if GENERATION == 1:
            self.pieces = Pieces()
            self += self.pieces
        else:
            self += named("ask", kind="div", _oncount=self.count, _onscripted=self.scripted)

    def count(self, ev: Any) -> Iterator[None]:
        """No pause at all: only the yields tell what is a step."""
        for number in range(1, 6):
            self.shown.clear(f"{number}")
            yield
        self.shown.clear("end")
        return "counted"  # noqa: B901 - htag 2 hands it to the promise

    def work(self, ev: Any) -> Iterator[None]:
        """Blocks its thread between the steps."""
        for number in range(1, 4):
            self.shown.clear(f"{number}")
            yield
            time.sleep(0.2)
        self.shown.clear("end")

    async def scripted(self, ev: Any) -> AsyncIterator[None]:
        for number in range(1, 6):
            self.shown.clear(f"{number}")
            run_script(self, "ran(document.querySelector('[data-test=shown]').textContent)")
            yield
        self.shown.clear("end")
        run_script(self, "ran('end')")

    def fail(self, ev: Any) -> Iterator[None]:
        self.shown.clear("before")
        yield
        raise LookupError("<i>the second step</i>")

    async def fail_later(self, ev: Any) -> AsyncIterator[None]:
        self.shown.clear("before")
        yield
        await asyncio.sleep(0.05)
        raise LookupError("<i>the second step</i>")

    def fine(self, ev: Any) -> None:
        self.shown.clear("fine")


class Pieces(Tag.div):
    """htag 1: what is yielded is added to the tag."""

    def init(self) -> None:
        self["data-test"] = "pieces"
        self += named("kept", kind="input")
        if GENERATION == 1:
            self += named("stream", "stream", kind="button", _onclick=self.bind.stream())

    def stream(self) -> Iterator[Any]:
        yield "one "
        yield Tag.b("two", js="ran('two')")
        yield ["three ", Tag.i("four")]
        yield
        yield 5


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Steps))
app.register_blueprint(htag_blueprint(Steps, debug=True), url_prefix="/debug")
