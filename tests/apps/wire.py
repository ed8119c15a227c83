"""The wire without htag: a page whose payloads are written by hand. It proves the client of the tests.

A call {"do": "text"} adds a payload with that text; "busy" is refused twice first.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

from flask import Flask, Response, abort, request

app = Flask(__name__)

PAGE = """<!doctype html><html><head><title>wire</title>
<script type="application/json" id="htag-boot">%s</script></head>
<body id="7"><p id="8">start</p>
<button id="9" value="v" onclick="try{interact( {&quot;id&quot;: 7, &quot;args&quot;: [this.value], \
&quot;event&quot;: jevent(event)} );} catch(e) {}">press</button>
</body></html>"""

_changed = threading.Condition()
_payloads: list[dict[str, Any]] = [{"update": {"8": '<p id="8">booted</p>'}}]
_done: dict[int, dict[str, Any]] = {}
_refusals = [503, 429]
_ended = False


def batch(cursor: int, **more: Any) -> dict[str, Any]:
    return {"first": cursor + 1, "payloads": _payloads[cursor:], **more}


def body() -> Any:
    if request.headers.get("X-Htag") != "secret" or request.headers.get("Origin") != request.host_url[:-1]:
        abort(403)
    if _ended:
        abort(410)
    return request.get_json()


@app.get("/")
def page() -> str:
    urls = {name: f"/_htag/{name}" for name in ("call", "stream", "poll", "leave")}
    boot = {"generation": 1, "token": "secret", "urls": urls, "transport": "sse", "debug": False}
    return PAGE % json.dumps({**boot, "cursor": 1, "payloads": _payloads[:1]})


@app.post("/_htag/call")
def call() -> Any:
    given = body()
    word = str(given["message"].get("do") or given["message"].get("args"))
    if word == "busy" and _refusals:
        abort(_refusals.pop())
    with _changed:
        if given["seq"] not in _done:
            _payloads.append({"update": {"8": f'<p id="8">{word}</p>'}})
            _done[given["seq"]] = {"seq": given["seq"], "done": True}
            _changed.notify_all()
        return batch(given["cursor"], **_done[given["seq"]])


@app.post("/_htag/poll")
def poll() -> Any:
    given = body()
    with _changed:
        _changed.wait_for(partial(_is_behind, given["cursor"]), given["wait"])
        return batch(given["cursor"])


@app.post("/_htag/stream")
def stream() -> Response:
    return Response(events(body()["cursor"]), mimetype="text/event-stream")


def events(cursor: int) -> Iterator[str]:
    yield "event: hello\ndata: {}\n\n"
    while True:
        with _changed:
            _changed.wait_for(partial(_is_behind, cursor), 0.2)
            news = batch(cursor)
        if news["payloads"]:
            cursor += len(news["payloads"])
            yield f"event: batch\ndata: {json.dumps(news)}\n\n"
        else:
            yield "event: beat\ndata: {}\n\n"


def _is_behind(cursor: int) -> bool:
    return len(_payloads) > cursor


@app.post("/_htag/leave")
def leave() -> str:
    global _ended
    _ended = request.get_data() == b"secret"
    return ""
