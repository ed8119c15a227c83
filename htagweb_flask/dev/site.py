"""The Flask app of the development server: one app at its root, or those of a folder and a list of them."""

from __future__ import annotations

import html
from typing import Any

from flask import Flask, Response

from ..appref import AppRef
from ..errors import ConfigError
from ..extension import Htag, handle
from .folder import Folder

__all__ = ["site_of"]

INDEX = AppRef("htagweb_flask.dev.index", "Apps")

_NOTHING = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Not found</title><style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:12vh auto;padding:0 1.5rem}}
:root{{color-scheme:light dark}}</style><h1>Nothing to run here</h1><p>{}</p>
<p><a href="/">To the first page</a></p>"""


def site_of(target: AppRef | Folder, config: dict[str, Any], options: dict[str, Any]) -> Flask:
    """A Flask app that serves *target*, with this configuration and these options of apps."""
    flask_app = Flask(__name__, static_folder=None)
    flask_app.config.update(config)
    Htag(flask_app)
    if isinstance(target, Folder):
        _serve_folder(flask_app, target, options)
    else:
        flask_app.add_url_rule(
            "/", "app", lambda: handle(target, debug=True, **options), methods=["GET", "POST"]
        )
    flask_app.register_error_handler(404, lambda _: _nothing("There is no such page."))
    return flask_app


def _serve_folder(flask_app: Flask, folder: Folder, options: dict[str, Any]) -> None:
    @flask_app.route("/", methods=["GET", "POST"])
    def index() -> Response:
        return handle(INDEX, workers=1)

    @flask_app.route("/<path:name>", methods=["GET", "POST"])
    def run(name: str) -> Response:
        try:
            app = folder.app(name)
        except ConfigError as error:
            return _nothing(str(error))
        return handle(app, debug=True, **options)


def _nothing(text: str) -> Response:
    return Response(_NOTHING.format(html.escape(text)), status=404)
