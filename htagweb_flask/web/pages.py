"""The page of an app, and the pages that say why there is none."""

from __future__ import annotations

import functools
import hashlib
import html
import json
import logging
import math
import re
import secrets
import time
from functools import partial
from importlib.resources import files
from typing import Any

from flask import Response, g, request, session

from ..brokers.base import Slot
from ..code import version_of
from ..errors import AppError, Full, Gone, HtagError, PoolError, Retired, StoreError
from ..protocol import Delta, Page, Render, RequestInfo
from ..session import PREFIX, pack_all
from .guard import Ticket
from .sessions import fingerprint
from .site import Mount, Site
from .transports import transport_of

__all__ = ["code_version", "error_page", "page", "script", "script_name"]

logger = logging.getLogger(__name__)

TRIES = 10
"""Processes that may have ended, or take no new page, until one is found that does: successors in a row."""

PRIVATE = {"Cache-Control": "no-store", "Vary": "Cookie", "X-Content-Type-Options": "nosniff"}


PIECES = (
    "vendor/idiomorph.min.js",
    "wire.js",
    "channel.js",
    "drawing.js",
    "entries.js",
    "generations.js",
    "htagweb.js",
)
"""What the client is made of, in the order in which it is served."""

_DEAD = re.compile(rb"^[ \t]*(?://.*|/\*[\s\S]*?\*/)[ \t]*\n|^[ \t]+|[ \t]+// .*", re.MULTILINE)
"""Comments, and indentation: a third of what would be sent. No text of the client has " // " in it."""


DEVELOPING = "developing.js"
"""The piece that comes first with ``debug``."""


@functools.cache
def script(debug: bool = False) -> bytes:
    """The client, as it is served: in one function, so that a page has no global names of it."""
    folder = files("htagweb_flask").joinpath("static")
    pieces = [folder.joinpath(piece).read_bytes() for piece in ([DEVELOPING] * debug + list(PIECES))]
    return b'(function () {\n"use strict";\n' + _DEAD.sub(b"", b"\n".join(pieces)) + b"\n})();\n"


@functools.cache
def script_name(debug: bool = False) -> str:
    """Its name, which changes with its content, so that browsers may keep it for ever."""
    return f"htagweb-{hashlib.sha256(script(debug)).hexdigest()[:12]}.js"


def page(site: Site, mount: Mount, urls: dict[str, str]) -> Response:
    """The page of *mount* for this request. *urls* are what it calls, "script" and "code" among them."""
    if request.method == "HEAD":  # whoever asks for headers does not want an instance
        return Response(headers=PRIVATE)
    code = urls.pop("code")
    watch = (code, _version(mount), urls["script"]) if mount.options.reload and mount.options.debug else None
    g.htag_failed = partial(error_page, debug=mount.options.debug, watch=watch)
    try:
        reply = _render(site, mount, urls)
    except HtagError as error:
        return error_page(error, mount.options.debug, watch)
    return Response(reply.html, headers=PRIVATE)


def code_version(mount: Mount) -> Response:
    """What a page that shows an error asks for, to load itself again when there is other code."""
    if not mount.options.reload:
        return Response(status=404)
    return Response(_version(mount), headers=PRIVATE, mimetype="text/plain")


def _version(mount: Mount) -> str:
    return version_of(mount.app, mount.options.debug)


def _render(site: Site, mount: Mount, urls: dict[str, str]) -> Page:
    sessions, options = site.sessions, mount.options
    site.checks.look(request.environ, options.transport, sessions.inner)
    link = session.setdefault(PREFIX, "") or secrets.token_urlsafe(16)
    session[PREFIX] = link
    current: Any = session
    sid, loaded = link, time.monotonic()
    if sessions.shared:
        sid, loaded = current.sid, sessions.store.loaded(current._get_current_object())
    client = secrets.token_urlsafe(16)
    message = Render(
        client=client,
        link=link,
        sid=sid,
        request=_request_info(),
        session=pack_all(session if sessions.shared else sessions.store.load(sid) or {}),
        loaded=loaded,
        renew=request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"),
        transport=transport_of(request.environ, options.transport, site.seats),
        script=urls.pop("script"),
        boot={"session": fingerprint(link), "urls": urls, "debug": options.debug},
    )
    slot, reply = _ask(site, mount, message)
    site.collector.start()
    if reply.delta:
        _keep(site, slot, link, sid, reply.delta)
    return reply


def _ask(site: Site, mount: Mount, message: Render) -> tuple[Slot, Page]:
    """The page, and the slot of the worker that has made it."""
    for last in (False,) * TRIES + (True,):
        version = site.version(mount, message.link)
        slot = mount.slot(message.link, version)
        ticket = Ticket(mount.key, message.client, message.link, fingerprint(message.sid), version)
        message.boot["token"] = site.signer.dumps(list(ticket))
        try:
            reply = site.broker.call(slot, message, site.settings.pool_start)
        except Gone as error:  # the instance has just ended: a new one
            if last:
                raise
            if isinstance(error, Retired):
                site.retired(slot)
        else:
            if not isinstance(reply, Page):
                raise PoolError(f"the pool replied {type(reply).__name__}")
            return slot, reply
    raise AssertionError("unreachable")


def _keep(site: Site, slot: Slot, link: str, sid: str, delta: Delta) -> None:
    """Stores what the app has changed while it was rendered: when the session of this request is stored,
    which may be a new one."""
    sessions = site.sessions

    def keep() -> None:
        ok = sessions.store.patch(sid, delta, create=not sessions.shared)
        site.confirm(slot, link, delta, ok)

    sessions.after_save(keep)


def _request_info() -> RequestInfo:
    host, _, port = request.host.rpartition(":")
    if not port.isdigit():
        host, port = request.host, "443" if request.is_secure else "80"
    return RequestInfo(
        method=request.method,
        scheme=request.scheme,
        host=host,
        port=int(port),
        root_path=request.root_path,
        path=request.path,
        query=request.query_string.decode("latin-1"),
        client=(request.remote_addr or "", int(request.environ.get("REMOTE_PORT") or 0)),
        headers=list(request.headers.items()),
    )


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

_WATCH = '<script type="application/json" id="htag-watch">{}</script><script src="{}"></script>'


_AGAIN = '<meta http-equiv="refresh" content="{seconds}">'
"""Browsers do not heed Retry-After."""


def error_page(error: HtagError, debug: bool, watch: tuple[str, str, str] | None = None) -> Response:
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
    script, again, headers = "", "", PRIVATE
    if watch:  # in a page as that of an app: its policy allows the same
        data = json.dumps(watch[:2]).replace("<", "\\u003c")
        script = _WATCH.format(data, html.escape(watch[2]))
    if error.retry:
        seconds = math.ceil(error.retry)
        headers, again = {**PRIVATE, "Retry-After": str(seconds)}, _AGAIN.format(seconds=seconds)
    body = _ERROR_PAGE.format(title=title, text=text, trace=shown, script=script, again=again)
    return Response(body, status=error.status, headers=headers)
