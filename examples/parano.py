"""One app in clear and sealed (parano), and beside it what somebody on the way sees of it.

Get it:   pip install "htagweb-flask[parano]"
Run it:   python parano.py
    or:   gunicorn -k gevent -w 4 parano:app
What it protects from, and what not: docs/parano.md
"""

import html
import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from typing import Any

from flask import Flask, Response, request
from htag import Tag

from htagweb_flask import htag_blueprint

PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Parano</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
iframe{width:100%;height:14rem;border:1px solid #8888;border-radius:.5rem}</style>
<h1>What a proxy sees</h1><p>The app below is <a href="sealed/#?name=Ada" target="app">sealed</a> or
<a href="clear/?name=Ada" target="app">in clear</a>, as you choose.</p>
<iframe name="app" src="sealed/#?name=Ada"></iframe><p>What has passed by:</p><iframe src="seen"></iframe>"""

SEEN = '<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><pre>{}</pre>'
LAST = 20_000  # bytes that are kept for each visitor


class App(Tag.App):
    def init(self, name: str = "nobody") -> None:
        self.said = Tag.p(f"Hello {name}, this is between us.", _data_test="said")
        self += self.said
        self += Tag.button("tell me a secret", _onclick=self.tell, _data_test="tell")

    def tell(self, ev: Any) -> None:
        self.said.clear("The key is under the mat.")


class Tap:
    """Stands where a proxy would, and writes down what a browser and the server say."""

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = wsgi
        self.folder = tempfile.mkdtemp(prefix="seen-")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        heard = environ["PATH_INFO"].startswith(("/sealed/", "/clear/"))
        if heard and not environ["PATH_INFO"].endswith(".js"):
            self.note(environ, f"> {environ['REQUEST_METHOD']} {environ['PATH_INFO']}", body)
        answer = self.wsgi(environ, start_response)
        try:
            for piece in answer:
                if heard and not environ["PATH_INFO"].endswith(".js"):
                    self.note(environ, "<", piece)
                yield piece
        finally:
            if hasattr(answer, "close"):
                answer.close()

    def file(self, environ: dict[str, Any]) -> str:
        """Each visitor sees what it has said itself, and no more."""
        return os.path.join(self.folder, sha256(environ.get("HTTP_COOKIE", "").encode()).hexdigest())

    def note(self, environ: dict[str, Any], what: str, data: bytes) -> None:
        with open(self.file(environ), "ab") as file:
            file.write(f"{what} {data[:2000].decode('latin-1')}\n\n".encode())

    def seen(self, environ: dict[str, Any]) -> str:
        try:
            with open(self.file(environ), "rb") as file:
                return file.read()[-LAST:].decode("utf-8", "replace")
        except FileNotFoundError:
            return "nothing"


app = Flask(__name__)
app.register_blueprint(htag_blueprint(App, name="sealed", parano=True), url_prefix="/sealed")
app.register_blueprint(htag_blueprint(App, name="clear"), url_prefix="/clear")
tap = Tap(app.wsgi_app)
app.wsgi_app = tap  # type: ignore[method-assign]


@app.get("/")
def page() -> str:
    return PAGE


@app.get("/seen")
def seen() -> Response:
    return Response(SEEN.format(html.escape(tap.seen(request.environ))))


if __name__ == "__main__":
    app.run(threaded=True)
