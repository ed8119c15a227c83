"""Sites with a mistake in how they are set up."""

from __future__ import annotations

from cachelib import SimpleCache
from flask import Flask

from htagweb_flask import htag_blueprint
from tests.apps.desk import Desk


def sse() -> Flask:
    """Streams, whatever the server."""
    flask_app = Flask(__name__)
    flask_app.register_blueprint(htag_blueprint(Desk, transport="sse"))
    return flask_app


def memory() -> Flask:
    """Each process has sessions of its own."""
    flask_app = Flask(__name__)
    flask_app.config.update(SECRET_KEY="misfit" * 4, SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache())
    flask_app.register_blueprint(htag_blueprint(Desk))
    return flask_app
