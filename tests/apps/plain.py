"""A plain Flask app without htag: it proves the test harness itself."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator

from flask import Flask, Response, make_response, request

app = Flask(__name__)

_lock = threading.Lock()
_hits = 0


@app.get("/")
def home() -> str:
    return "<!doctype html><title>plain</title><p id=hello>hello</p>"


@app.get("/who")
def who() -> dict[str, object]:
    """Which process answers, and what it was told."""
    return {
        "pid": os.getpid(),
        "run_dir": os.environ["HTAG_RUN_DIR"],
        "data_dir": os.environ["HTAG_DATA_DIR"],
    }


@app.get("/cookie")
def cookie() -> Response:
    answer = make_response({"seen": request.cookies.get("name", "")})
    answer.set_cookie("name", "value", httponly=True)
    return answer


@app.post("/echo")
def echo() -> dict[str, object]:
    wanted = ("Origin", "Sec-Fetch-Site", "X-Htag", "Content-Type", "Cookie")
    return {
        "body": request.get_data(as_text=True),
        "headers": {name: request.headers.get(name) for name in wanted},
    }


@app.post("/busy")
def busy() -> Response:
    """Refuses twice, then answers: what a page must try again."""
    global _hits
    with _lock:
        _hits += 1
        late = _hits % 3
    if late:
        return Response("later", 503, {"Retry-After": "0"})
    return Response(
        json.dumps({"first": 1, "payloads": [], "seq": 1, "done": True}), mimetype="application/json"
    )


@app.get("/ticks")
def ticks() -> Response:
    """A stream that goes on until its reader leaves."""

    def lines() -> Iterator[str]:
        for number in range(10_000):
            yield f"event: tick\ndata: {number}\n\n"
            time.sleep(0.05)

    return Response(lines(), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})


@app.get("/broken")
def broken() -> str:
    """A page with both kinds of JavaScript error."""
    return "<!doctype html><script>console.error('told');</script><script>thrown();</script>"


@app.get("/favicon.ico")
def icon() -> Response:
    return Response(status=204)
