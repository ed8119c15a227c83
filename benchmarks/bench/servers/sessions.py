"""htagweb_flask with each kind of sessions: BENCH_KIND is files, memory, redis, or unwatched.

"unwatched" is the floor that the others are compared to: sessions are files, and a click never looks whether
its session still exists.
"""

from __future__ import annotations

import os

from flask import Flask

from bench.apps import APPS
from htagweb_flask import htag_blueprint
from htagweb_flask.web.sessions import Sessions

flask_app = Flask(__name__)
kind = os.environ["BENCH_KIND"]
if kind == "redis":
    from redis import Redis

    flask_app.config.update(SESSION_TYPE="redis", SESSION_REDIS=Redis.from_url(os.environ["BENCH_REDIS"]))
elif kind == "memory":
    flask_app.config["HTAG_SESSIONS"] = "memory"
elif kind == "unwatched":
    Sessions.alive = lambda *_, **__: True  # type: ignore[method-assign]
flask_app.register_blueprint(htag_blueprint(APPS[os.environ["BENCH_APP"]]))
