"""An app that fails: in init or when it is drawn, once for what its query names; and in its callbacks."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint

#: How often init was run, by what its query names. It belongs to the process: see HTAG_WORKERS.
RUNS: Counter[str] = Counter()


class Part(Tag.div):
    """Can be told not to be drawn."""

    torn = False

    def __str__(self) -> str:
        if self.torn:
            raise RuntimeError("<b>torn</b>")
        return super().__str__()


class Moody(Tag.App):
    def init(self, mood: str = "") -> None:
        RUNS[mood] += 1
        first = RUNS[mood] == 1
        self.part = Part(f"run {RUNS[mood]} of {mood}")
        self += self.part
        for name in ("raise_error", "tear", "leave", "generate", "die", "fine"):
            self += Tag.button(name, _onclick=getattr(self, name))
        if first and mood == "init":
            raise LookupError("<script>alert(1)</script>")
        if first and mood == "type":
            raise TypeError("init() got what it does not like")
        if first and mood == "exit":
            sys.exit("enough")
        self.part.torn = first and mood == "render"

    def raise_error(self, ev: Any) -> None:
        raise LookupError("<i>lost</i>")

    async def tear(self, ev: Any) -> None:
        self.part.torn = True
        self.part += "more"

    def leave(self, ev: Any) -> None:
        sys.exit(3)

    def generate(self, ev: Any) -> Any:
        self += Tag.p("step one")
        yield
        raise LookupError("after a step")

    def die(self, ev: Any) -> None:
        """Ends its process, as a fault in a library does; what it did before, it did."""
        with open(os.environ["MOODY_FILE"], "a") as file:
            file.write("died ")
        os._exit(9)

    def fine(self, ev: Any) -> None:
        self += Tag.p("fine")


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Moody))
app.register_blueprint(htag_blueprint(Moody, debug=True), url_prefix="/debug")
