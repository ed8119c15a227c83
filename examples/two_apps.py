"""Two htag apps in one Flask app, beside ordinary views.

Run it:   gunicorn -k gevent -w 4 two_apps:app

Each app is a blueprint: mount it where you like, and guard it as any blueprint (before_request).
"""

import random
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint


class Dice(Tag.App):
    def init(self) -> None:
        self.face = Tag.output("?", _data_test="face")
        self += Tag.h1("Dice")
        self += Tag.p([Tag.button("roll", _onclick=self.roll, _data_test="roll"), " ", self.face])
        self += Tag.a("back", _href="../")

    def roll(self, ev: Any) -> None:
        self.face.clear(str(random.randint(1, 6)))


class Likes(Tag.App):
    def init(self) -> None:
        self.total = Tag.output(_data_test="likes")
        self += Tag.h1("Likes")
        self += Tag.p([Tag.button("like", _onclick=self.like, _data_test="like"), " ", self.total])
        self += Tag.a("back", _href="../")
        self.show()

    def like(self, ev: Any) -> None:
        self.state["likes"] = self.state.get("likes", 0) + 1  # each app has its own state
        self.show()

    def show(self) -> None:
        self.total.clear(str(self.state.get("likes", 0)))


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Dice), url_prefix="/one")
app.register_blueprint(htag_blueprint(Likes), url_prefix="/two")


@app.get("/")
def index() -> str:
    return '<h1>Two apps</h1><p><a href="one/">Dice</a> <a href="two/">Likes</a> <a href="health">health</a>'


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}
