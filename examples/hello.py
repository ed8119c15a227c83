"""The smallest app: one tag, one text.

Run it:   python hello.py
    or:   flask --app hello run --debug          (development: it restarts when you save)
    or:   gunicorn -k gevent -w 4 hello:app      (production: any worker serves any click)
"""

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint


class App(Tag.div):  # any tag can be an app: it becomes the body of the page
    def init(self) -> None:  # called once, when the app of this user starts
        self += "hello world"


app = Flask(__name__)
app.register_blueprint(htag_blueprint(App))

if __name__ == "__main__":
    app.run()
