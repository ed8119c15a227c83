"""The showcase.

Run it from this folder:   gunicorn -k gevent -w 4 wsgi:app
                     or:   flask --app wsgi run --debug
"""

from flask import Flask
from showcase import App

from htagweb_flask import htag_blueprint

app = Flask(__name__)
app.register_blueprint(htag_blueprint(App))  # at "/": give url_prefix="/somewhere" to move it
