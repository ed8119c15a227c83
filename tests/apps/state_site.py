"""What the sites of tests/state have in common: where their sessions are, and the views beside their apps.

STATE_KIND   files, memory, redis, cachelib (with pickle), sqlalchemy or cookie
STATE_LIFE   seconds that a session lives without a request
"""

from __future__ import annotations

import datetime
import json
import os
import time
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request, session

from tests.state.values import VALUES, wrong

__all__ = ["make_site", "passed", "readable"]

#: No test waits longer than this for another one's mistake.
PATIENCE = 30


def passed(gate: str) -> bool:
    """Whether the gate of that name is open. It is a file, as web processes and the pool share no memory;
    another one tells that somebody waits at it."""
    folder = Path(os.environ["HTAG_DATA_DIR"])
    (folder / f"gate-{gate}-waits").touch()
    return (folder / f"gate-{gate}").exists()


def readable(session: Any) -> dict[str, Any]:
    """What tests look at: without the keys of Flask-Session and of the host, and what JSON cannot say."""
    return {key: value for key, value in session.items() if not key.startswith("_") and key not in VALUES}


def make_site(name: str) -> Flask:
    """A Flask app whose sessions are where the environment says, with the views of this module."""
    flask_app = Flask(name)
    kind = os.environ.get("STATE_KIND", "files")
    flask_app.config["PERMANENT_SESSION_LIFETIME"] = datetime.timedelta(
        seconds=float(os.environ.get("STATE_LIFE", "86400"))
    )
    if kind == "memory":
        flask_app.config["HTAG_SESSIONS"] = "memory"
    elif kind == "redis":
        from redis import Redis

        flask_app.config["SESSION_TYPE"] = "redis"
        flask_app.config["SESSION_REDIS"] = Redis.from_url(os.environ["STATE_REDIS"])
    elif kind == "cachelib":
        from cachelib import FileSystemCache

        folder = os.path.join(os.environ["HTAG_DATA_DIR"], "site")
        flask_app.config["SESSION_TYPE"] = "cachelib"
        flask_app.config["SESSION_CACHELIB"] = FileSystemCache(folder, threshold=0)
    elif kind == "sqlalchemy":
        from flask_sqlalchemy import SQLAlchemy

        file = os.path.join(os.environ["HTAG_DATA_DIR"], "sessions.db")
        flask_app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{file}"
        flask_app.config["SESSION_TYPE"] = "sqlalchemy"
        flask_app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(flask_app)
    elif kind == "cookie":
        flask_app.config["SECRET_KEY"] = "not for production"
    for view in (show, put, nest, hold, open_gate, login, logout, pair, tally, types):
        flask_app.add_url_rule(f"/{view.__name__}", view_func=view)
    flask_app.after_request(name_the_worker)
    return flask_app


def name_the_worker(response: Response) -> Response:
    response.headers["X-Worker"] = str(os.getpid())
    return response


def show() -> Response:
    """The session, as views see it."""
    return Response(json.dumps(readable(session), default=repr), mimetype="application/json")


def types() -> str:
    """Which of the values of tests.state.values are not as they should be."""
    return f"wrong {wrong(session)}"


def put() -> str:
    """Sets a key, or deletes it."""
    if "value" in request.args:
        session[request.args["key"]] = request.args["value"]
    else:
        session.pop(request.args["key"], None)
    return "ok"


def nest() -> str:
    """Changes a value inside, as one may while Flask writes the session after each request."""
    session.setdefault("deep", {"list": []})["list"].append(request.args["value"])
    session.modified = True
    return "ok"


def hold() -> str:
    """Looks at the session, waits for the gate, and then changes a key of its own, if it has one."""
    count = len(session)
    deadline = time.monotonic() + float(request.args.get("seconds", PATIENCE))
    while not passed(request.args["gate"]) and time.monotonic() < deadline:
        time.sleep(0.01)
    if "key" in request.args:
        session[request.args["key"]] = "late"
    return f"{count}"


def open_gate() -> str:
    Path(os.environ["HTAG_DATA_DIR"], f"gate-{request.args['gate']}").touch()
    return "ok"


def login() -> str:
    """With ?how=new the session gets a new id, and with ?how=clear it is emptied first."""
    how = request.args.get("how")
    if how == "clear":
        session.clear()
    session["user"] = request.args["user"]
    if how == "new":
        interface: Any = current_app.session_interface
        interface.regenerate(session)
    return "ok"


def logout() -> str:
    session.clear()
    return "ok"


def pair() -> str:
    """The value that the button "retype" changes, in the session and in the state of the app."""
    return f"{session['pair']} {session[request.args['app']]['pair']}"


def tally() -> str:
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])
