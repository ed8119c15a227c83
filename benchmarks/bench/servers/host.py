"""htagweb_flask serving the app named by BENCH_APP; BENCH_OPTIONS holds options of the blueprint as JSON."""

from __future__ import annotations

import json
import os

from flask import Flask

from bench.apps import APPS
from htagweb_flask import htag_blueprint

flask_app = Flask(__name__)
flask_app.config["HTAG_MAX_RATE"] = 1e6  # no user clicks as fast as a benchmark does
options = json.loads(os.environ.get("BENCH_OPTIONS", "{}"))
flask_app.register_blueprint(htag_blueprint(APPS[os.environ["BENCH_APP"]], **options))
