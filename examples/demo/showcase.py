"""The page: a heading and five cards, each a component of its own in cards/."""

from importlib.metadata import version
from pathlib import Path

from cards import Clock, Counter, Form, Job, Todo
from htag import Tag

INTRO = (
    "There is no JavaScript to write and no API to design: these cards are Python objects on the server. "
    "Any worker may answer, and the server speaks first when it wants to."
)
CSS = Path(__file__).with_name("showcase.css").read_text(encoding="utf-8")


class App(Tag.App):
    # Statics go into the head of the page, once.
    statics = [Tag.title("htagweb_flask showcase"), Tag.style(CSS)]

    def init(self) -> None:
        self["lang"] = "en"
        # The host sets the class "htagoff" on the body while the page is cut off: CSS does the rest.
        connection = [Tag.span("connected", _class="on"), Tag.span("connecting again …", _class="off")]
        facts = [
            Tag.li(connection, _class="connection", _role="status", _data_test="connection"),
            Tag.li(f"htag {version('htag')}", _data_test="version"),
            Tag.li("Flask, plain HTTP"),
        ]
        self += Tag.header([Tag.h1("Python behind every click"), Tag.p(INTRO), Tag.ul(facts, _class="facts")])
        # `state` is this app's part of the user's session: the cards keep their values in it.
        self += Tag.main([card(self.state) for card in (Counter, Clock, Job, Form, Todo)])
        again = "Press F5, or open a second tab: it is the same application, still running. "
        proxy = Tag.a("What a proxy sees of an app that is sealed", _href="proxy/", _data_test="proxy")
        self += Tag.footer([again, proxy])
