"""htag 2: an app of several views, chosen by the hash of the address."""

from __future__ import annotations

from typing import Any

from flask import Flask
from htag import Router, Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import button, named


class Home(Tag.div):
    def init(self) -> None:
        self += named("view", "home")


class Item(Tag.div):
    def init(self, key: str) -> None:
        self.count = 0
        self.shown = named("view", f"item {key}")
        self += [self.shown, button("more", self.more)]

    def more(self, ev: Any) -> None:
        self.count += 1
        self.shown += f"+{self.count}"


class Missing(Tag.div):
    def init(self, path: str) -> None:
        self += named("view", f"no {path} here")


class Routes(Tag.App):
    def init(self) -> None:
        self.router = Router()
        self.router.add_route("/", Home)
        self.router.add_route("/items/:key", Item)
        for name, path in (("home", "/"), ("one", "/items/1")):
            self += Tag.a(name, _href=f"#{path}", _data_test=name, _class=self.mark(path))
        self += [button("jump", lambda ev: self.router.navigate("/items/42")), self.router]

    def mark(self, path: str) -> Any:
        return lambda: "active" if self.router.path == path else "idle"


class Polite(Routes):
    def init(self) -> None:
        super().init()
        self.router.set_not_found(Missing)


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Routes))
app.register_blueprint(htag_blueprint(Polite), url_prefix="/polite")
