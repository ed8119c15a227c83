"""An app whose process ends under the user's hands: it tells which process that is, and has fields."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION, LOG, button, named, push

FIELDS: dict[str, dict[str, Any]] = {
    "text": {"_value": "first"},
    "secret": {"_type": "password"},
    "tick": {"_type": "checkbox"},
    "one": {"_type": "radio", "_name": "which", "_checked": True},
    "two": {"_type": "radio", "_name": "which"},
    "untouched": {"_value": "of the app"},
}


class Restarts(Tag.App):
    statics = [LOG, Tag.style(".high { height: 2000px }")]

    def init(self) -> None:
        self.shown = named("count", f"{self.state.get('count', 0)}", kind="output")
        self.said = named("said", "nothing")
        self += [named("pid", f"{os.getpid()}"), self.shown, self.said]
        for name in ("hit", "push", "hang", "tell", "put", "last"):
            self += button(f"{name}-it", getattr(self, name))
        self.fields = {name: Tag.input(_data_test=name, **FIELDS[name]) for name in FIELDS}
        self.fields["area"] = Tag.textarea(_data_test="area")
        self.fields["choice"] = Tag.select(
            [Tag.option(text, _value=text) for text in "abc"], _data_test="choice"
        )
        self.form = Tag.div(list(self.fields.values()))
        self += self.form
        self += Tag.div(_contenteditable="true", _data_test="edit")
        inside = Tag.p("high", _class="high")
        self += Tag.div(inside, _data_test="scroll", _style="height: 100px; overflow: auto")
        if self.state.get("count"):
            self += Tag.p("once more")  # what follows is in another place, and is known by its name
        self += Tag.input(_name="city", _data_test="city")

    def hit(self, ev: Any) -> None:
        self.state["count"] = self.state.get("count", 0) + 1
        self.shown.clear(f"{self.state['count']}")

    def push(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.push_later())

    async def push_later(self) -> None:
        self.hit(None)
        await push(self.shown)

    async def hang(self, ev: Any) -> None:
        """Leaves a line of each time that it is carried out; and never comes to an end."""
        with open(os.environ["HANGS"], "a") as file:
            file.write("begun\n")
        self.said.clear("begun")
        await push(self.said)
        await asyncio.sleep(3600)

    async def last(self, ev: Any) -> None:
        """Takes longer than its page waits for an answer."""
        await asyncio.sleep(1)
        self.said.clear("at last")

    def tell(self, ev: Any) -> None:
        """htag 2: what the instance knows of the form."""
        held = [self.fields[name]["value"] for name in ("text", "area", "tick")]
        self.said.clear(repr(held))

    def put(self, ev: Any) -> None:
        """htag 1 says nothing of a field that is as it was."""
        self.fields["text"]["value"] = "" if GENERATION == 2 else "cleared"


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Restarts))
app.register_blueprint(htag_blueprint(Restarts, name="polls", transport="longpoll"), url_prefix="/longpoll")
