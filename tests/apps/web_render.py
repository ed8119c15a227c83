"""What a page is made of, at its first rendering and after F5: scripts, statics, styles, texts, ids."""

from __future__ import annotations

from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import LOG, button, named

NASTY = "<b>\"&'</b> </script> \u2028 שלום 🎉"


class Plain(Tag.div):
    """Any tag is an app."""

    def init(self) -> None:
        self.number = 0
        self.shown = named("number", "0")
        self += self.shown
        self += button("more", self.more)
        self += named("field", kind="input", _name="field")

    def more(self, ev: Any) -> None:
        self.number += 1
        self.shown.clear(str(self.number))


class Whole(Tag.App):
    """Draws its whole body anew."""

    def init(self) -> None:
        self.number = 0
        self += button("redraw", self.redraw)

    def redraw(self, ev: Any) -> None:
        self.number += 1
        self["title"] = f"drawn {self.number}"


class Scripts(Tag.App):
    """htag 1: `js` belongs to a tag and runs whenever that is drawn; `call` is for once."""

    statics = [LOG]

    def init(self) -> None:
        self.first = Tag.p("first", js="ran('first')")
        self += [self.first, button("add", self.append), button("remove", self.take_away)]
        self.call("ran('init')")

    def append(self, ev: Any) -> None:
        self += Tag.p("second", js="ran('second')")

    def take_away(self, ev: Any) -> None:
        self.first.remove()


class Late(Tag.p):
    """htag 2: a component with statics of its own, and a style that holds for it alone."""

    statics = [Tag.script("window.loaded = (window.loaded || 0) + 1; function late() { ran(loaded); }")]
    styles = ".warm { color: rgb(200, 100, 50) }"

    def init(self) -> None:
        self["data-test"] = "guest"
        self += Tag.b("late", _class="warm")
        self.call_js("late()")


class Statics(Tag.App):
    statics = [LOG]

    def init(self) -> None:
        self.place = Tag.div()
        self += [Tag.b("cold", _class="warm", _data_test="cold"), self.place]
        self += [button("late", self.late), button("clear", self.empty)]

    def late(self, ev: Any) -> None:
        self.place += Late()

    def empty(self, ev: Any) -> None:
        self.place.clear()


class Texts(Tag.App):
    def init(self) -> None:
        from htag.core import HTML

        self += named("text", NASTY, _title=NASTY)
        self += named("raw", HTML("<b>bold</b>"))
        self.own = named("own", "before", _id="mine")
        self += [self.own, button("change", self.change)]

    def change(self, ev: Any) -> None:
        self.own.clear(NASTY)


app = Flask(__name__)
for part in (Plain, Whole, Scripts, Statics, Texts):
    app.register_blueprint(htag_blueprint(part), url_prefix=f"/{part.__name__.lower()}")
