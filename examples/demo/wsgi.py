"""The showcase.

Run it from this folder:   gunicorn -k gevent -w 4 wsgi:app
                     or:   flask --app wsgi run --debug
"""

import sys
from pathlib import Path

from flask import Flask
from showcase import App

from htagweb_flask import htag_blueprint

sys.path.append(str(Path(__file__).parent.parent))
import parano  # noqa: E402 - one of the examples

app = Flask(__name__)
app.register_blueprint(htag_blueprint(App))  # at "/": give url_prefix="/somewhere" to move it
parano.install(app, "/proxy")
