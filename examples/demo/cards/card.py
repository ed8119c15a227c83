"""What every card has: a kind, a title, its content, and a line that says how it works."""

from typing import Any

from htag import Tag


class Card(Tag.section):
    name = ""
    kind = ""
    title = ""
    note = ""

    def init(self, state: Any) -> None:
        self.saved = state
        self["class"] = f"card {self.name}"
        self["aria-label"] = self.title
        self["data-test"] = self.name
        self += Tag.div([Tag.h2(self.title), Tag.span(self.kind, _class="kind")], _class="heading")
        self += Tag.div(self.content(), _class="content")
        self += Tag.p(self.note, _class="note")

    def content(self) -> list[Any]:
        """The tags of the card."""
        raise NotImplementedError
