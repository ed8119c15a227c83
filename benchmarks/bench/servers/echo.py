"""The floor of Flask: a view that answers a POST with its own body."""

from __future__ import annotations

from flask import Flask, Response, request

flask_app = Flask(__name__)


@flask_app.post("/")
def echo() -> Response:
    """Answer the body, as JSON."""
    return Response(request.get_data(), mimetype="application/json")
