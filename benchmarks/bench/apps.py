"""The measured apps: one source for htag 1 and htag 2, and for every host.

All count their clicks, and the n-th click shows n: so every reply can be checked.
The callbacks name their parameter ``_`` and not ``ev``: htag 1 then passes the tag and builds no event
object, which is its cheapest binding and leaves the most of an interaction to the host.
"""

from __future__ import annotations

from htag import Tag

ROWS = 200


class Counter(Tag.App):
    """One label and one button: a click changes the label."""

    def init(self) -> None:
        self.clicks = 0
        self.label = Tag.span("0")
        self.button = Tag.button("+1", _onclick=self.click)
        self.add([self.label, self.button])

    def click(self, _: object) -> None:
        """Show the number of clicks."""
        self.clicks += 1
        self.label.clear(str(self.clicks))


class List200(Tag.App):
    """One button above a list: each click changes the next of its 200 rows."""

    def init(self) -> None:
        self.clicks = 0
        self.rows = [Tag.li(f"row {number}") for number in range(ROWS)]
        self.button = Tag.button("+1", _onclick=self.click)
        self.add([self.button, Tag.ul(self.rows)])

    def click(self, _: object) -> None:
        """Show the number of clicks in the next row."""
        self.clicks += 1
        self.rows[self.clicks % ROWS].clear(str(self.clicks))


class Notes(Counter):
    """The counter, which also keeps its number in ``tag.state``: each click changes the session."""

    def click(self, _: object) -> None:
        """Show the number of clicks, and keep it."""
        super().click(_)
        self.state["clicks"] = self.clicks


APPS = {"counter": Counter, "list200": List200, "notes": Notes}
