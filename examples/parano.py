"""One app in clear and sealed (parano), and beside it what somebody on the way sees of it.

Get it:   pip install "htagweb-flask[parano]"
Run it:   python parano.py
    or:   gunicorn -k gevent -w 4 parano:app
What it protects from, and what not: docs/parano.md
"""

import html
import os
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from typing import Any

from flask import Blueprint, Flask, Response, request
from htag import Tag

from htagweb_flask import htag_blueprint

PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Parano</title><link
rel="icon" href="data:,"><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
iframe{width:100%;height:14rem;border:1px solid #8888;border-radius:.5rem}</style>
<h1>What a proxy sees</h1><p>The app below is <a href="sealed/#?name=Ada" target="app">sealed</a> or
<a href="clear/?name=Ada" target="app">in clear</a>, as you choose.</p>
<iframe name="app" src="sealed/#?name=Ada"></iframe><p>What has passed by:</p><iframe src="seen"></iframe>"""

SEEN = '<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><pre>{}</pre>'
LAST = 20_000  # characters that are kept for each visitor


class App(Tag.App):
    def init(self, name: str = "nobody") -> None:
        self.said = Tag.p(f"Hello {name}, this is between us.", _data_test="said")
        self += self.said
        self += Tag.button("tell me a secret", _onclick=self.tell, _data_test="tell")

    def tell(self, ev: Any) -> None:
        self.said.clear("The key is under the mat.")


class Tap:
    """Stands where a proxy would, and writes down what a browser and the server say."""

    def __init__(self, flask_app: Flask) -> None:
        self.wsgi = flask_app.wsgi_app
        self.folder = os.path.join(flask_app.instance_path, "seen")  # of all processes of the server
        os.makedirs(self.folder, mode=0o700, exist_ok=True)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        path, environ["tap"] = environ["PATH_INFO"], self
        if not any(app in path for app in ("/sealed/", "/clear/")) or path.endswith(".js"):
            yield from self.wsgi(environ, start_response)
            return
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        self.note(environ, f"> {environ['REQUEST_METHOD']} {path}", body)
        answer = self.wsgi(environ, start_response)
        try:
            for piece in answer:
                self.note(environ, "<", piece)
                yield piece
        finally:
            if hasattr(answer, "close"):
                answer.close()

    def file(self, environ: dict[str, Any]) -> str:
        """Each visitor sees what it has said itself, and no more."""
        return os.path.join(self.folder, sha256(environ.get("HTTP_COOKIE", "").encode()).hexdigest())

    def note(self, environ: dict[str, Any], what: str, data: bytes) -> None:
        seen = self.seen(environ) + f"{what} {data[:2000].decode('latin-1')}\n\n"
        with open(self.file(environ), "w", encoding="utf-8") as file:
            file.write(seen[-LAST:])

    def seen(self, environ: dict[str, Any]) -> str:
        """What has passed by of late."""
        try:
            with open(self.file(environ), encoding="utf-8", newline="") as file:
                return file.read()
        except FileNotFoundError:
            return ""


site = Blueprint("proxy", __name__)
site.register_blueprint(htag_blueprint(App, name="sealed", parano=True), url_prefix="/sealed")
site.register_blueprint(htag_blueprint(App, name="clear"), url_prefix="/clear")


@site.get("/")
def page() -> str:
    return PAGE


@site.get("/seen")
def seen() -> Response:
    tap: Tap = request.environ["tap"]
    return Response(SEEN.format(html.escape(tap.seen(request.environ) or "nothing")))


def install(flask_app: Flask, at: str) -> None:
    """Puts both apps and the page around them below *at*, and the tap in front of all."""
    flask_app.register_blueprint(site, url_prefix=at)
    flask_app.wsgi_app = Tap(flask_app)  # type: ignore[method-assign]


app = Flask(__name__)
install(app, "/")

if __name__ == "__main__":
    app.run(threaded=True)
