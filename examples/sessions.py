"""Where sessions are: files, the memory of the pool, or Redis. A number in the session shows what survives.

Run it:   gunicorn -k gevent -w 4 sessions:app                        (files, without any setting)
    or:   SESSIONS=memory gunicorn -k gevent -w 4 sessions:app
    or:   SESSIONS=redis REDIS_URL=redis://localhost:6379 gunicorn -k gevent -w 4 sessions:app

Then click, restart the server, and reload the page.
"""

import os
from typing import Any

from flask import Flask, session
from htag import Tag
from markupsafe import Markup

from htagweb_flask import htag_blueprint

SURVIVES = {
    "files": "F5, a new worker, a restart of the server: it is in a file of this machine.",
    "memory": "F5 and a new worker. It ends with the server.",
    "redis": "F5, a new worker, a restart of the server: it is in Redis, as safe as Redis is set up.",
}
KIND = os.environ.get("SESSIONS", "files")


class App(Tag.App):
    def init(self) -> None:
        self.number = Tag.output(_data_test="value")
        self += Tag.p([Tag.button("+1", _onclick=self.count, _data_test="count"), " ", self.number])
        self += Tag.p(f"Sessions: {KIND}. What survives: {SURVIVES[KIND]}", _data_test="survives")
        self += Tag.a("what flask.session sees", _href="session")
        self.show()

    def count(self, ev: Any) -> None:
        self.state["value"] = self.state.get("value", 0) + 1
        self.show()

    def show(self) -> None:
        self.number.clear(str(self.state.get("value", 0)))


app = Flask(__name__)
if KIND == "memory":
    app.config["HTAG_SESSIONS"] = "memory"
elif KIND == "redis":
    from redis import Redis  # pip install "htagweb-flask[redis]"

    # The settings of Flask-Session. All that it can do, we can: see docs/sessions.md
    app.config["SESSION_TYPE"] = "redis"
    app.config["SESSION_REDIS"] = Redis.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379"))
app.register_blueprint(htag_blueprint(App))


@app.get("/session")
def show_session() -> str:
    """An ordinary view: the state of the app is in the session under the name of its class."""
    rows = [Markup("<li>{}: <b>{}</b>").format(key, value) for key, value in session.items()]
    return Markup("<h1>flask.session</h1><ul>{}</ul><a href='./'>back</a>").format(Markup("").join(rows))
