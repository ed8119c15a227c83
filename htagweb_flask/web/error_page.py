"""The page that says why there is none of the app."""

from __future__ import annotations

import html
import json
import logging
import math
import secrets

from flask import Response

from ..errors import AppError, Full, HtagError, PoolError, StoreError

__all__ = ["error_page"]

logger = logging.getLogger(__name__)

_TITLES: dict[type[HtagError], str] = {
    AppError: "This app has an error",
    PoolError: "This app cannot be started",
    Full: "There is no room at the moment",
    StoreError: "Sessions are not available",
}

_ERROR_PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">{again}<title>{title}</title><style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:12vh auto;padding:0 1.5rem}}
:root{{color-scheme:light dark}}pre{{overflow:auto;padding:1rem;border:1px solid;border-radius:.5rem}}
</style></head><body><h1>{title}</h1><p>{text}</p>{trace}{script}</body></html>"""

_WATCH = '<script type="application/json" id="htag-watch">{}</script><script src="{}" nonce="{}"></script>'

_AGAIN = '<meta http-equiv="refresh" content="{seconds}">'
"""Browsers do not heed Retry-After."""


def error_page(
    error: HtagError,
    debug: bool,
    headers: dict[str, str],
    watch: tuple[str, str, str] | None = None,
    nonce: str = "",
) -> Response:
    """A page with the status of *error*; details of what failed are for developers only.

    It waits for other code than that of *watch*: where to ask, the version that has failed, the script.
    """
    title = _TITLES.get(type(error), "This does not work")
    reference = secrets.token_hex(4)
    level = logging.INFO if isinstance(error, Full) else logging.ERROR
    logger.log(level, "[%s] %s\n%s", reference, error, error.trace)
    if debug or isinstance(error, PoolError | StoreError):
        text, trace = html.escape(str(error)), error.trace if debug else ""
    else:
        text, trace = f"The log of the server says more, at reference {reference}.", ""
    shown = f"<pre>{html.escape(trace)}</pre>" if trace else ""
    script = again = ""
    if watch:  # in a page as that of an app: its policy allows the same
        data = json.dumps(watch[:2]).replace("<", "\\u003c")
        script = _WATCH.format(data, html.escape(watch[2]), nonce)
    if error.retry:
        seconds = math.ceil(error.retry)
        headers, again = {**headers, "Retry-After": str(seconds)}, _AGAIN.format(seconds=seconds)
    body = _ERROR_PAGE.format(title=title, text=text, trace=shown, script=script, again=again)
    return Response(body, status=error.status, headers=headers)
