"""Parano: the page before the page. It is the same for everybody; what it asks for, and gets, is sealed.

The channel is between the browser and the worker: here, sealed bytes are passed on.
"""

from __future__ import annotations

import functools
import hashlib
import html
import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from flask import Response, g, request

from ..errors import PoolError, Refused
from ..protocol import Handshake, Page, RequestInfo, Shaken
from ..session import PEER
from .client_script import assembled, name_of
from .client_script import script as client_script
from .guard import Ticket, strict_origin
from .lazy_session import fingerprint
from .pages import ask, keep, policy, rendering, request_info, visit, waits
from .site import Mount, Site

__all__ = ["SEALED", "Place", "document", "enter", "forget", "script", "script_name", "shake", "shell"]

PIECES = ("vendor/noble.min.js", "seal.js", "parano.js")
"""What the script of the shell is made of."""

SHELL = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<title>Opening</title></head><body><p id="htag-shell-text" role="status">Opening a sealed connection</p>
<noscript>This page needs JavaScript.</noscript>
<script type="application/json" id="htag-shell">{data}</script>
<script src="{script}" integrity="{integrity}"></script></body></html>"""

HEADERS = {
    "Cache-Control": "no-cache",  # it may be kept, but a login that has ended must be seen
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

SEALED = "application/octet-stream"

OF_POST = frozenset({"content-type", "content-length", "origin", "x-htag"})
"""Headers that a page which is asked for in clear does not have."""


class Place(NamedTuple):
    """Where a mount is: the path of its page, and the URLs that this calls, "script" among them."""

    path: str
    urls: dict[str, str]


@functools.cache
def script() -> bytes:
    """The script of the shell."""
    return assembled(PIECES)


@functools.cache
def script_name() -> str:
    """Its name."""
    return name_of(script(), "parano")


@functools.cache
def integrity(served: bytes) -> str:
    """What a page says of a script that it loads: another one is not run (W3C, Subresource Integrity)."""
    return f"sha256-{b64encode(hashlib.sha256(served).digest()).decode()}"


def document(known: Mapping[str, Any], url: str) -> str:
    """The page, with what its script has to know. The script is at *url*."""
    data = json.dumps(known).replace("<", "\\u003c")
    return SHELL.format(data=data, script=html.escape(url), integrity=integrity(script()))


def shell(mount: Mount, place: Place) -> Response:
    """The page to which a GET of a mount with parano leads."""
    known = {"key": place.urls["key"], "page": place.urls["page"], "path": place.path}
    if waits(mount):
        known["code"] = place.urls["code"]
    response = Response(document(known, place.urls["shell"]), headers=HEADERS | policy(mount))
    response.add_etag()
    response.make_conditional(request)
    return response


def shake(site: Site, mount: Mount, place: Place, first: bytes) -> Response:
    """Answers the first message of a handshake, and gives out a token for what comes next."""
    origin = strict_origin(request, site.settings.origins)
    who, client = visit(site, mount), secrets.token_urlsafe(16)
    message = Handshake(client, who.link, origin, place.path, first)
    version, reply = ask(site, mount, who.link, lambda _: message)
    if not isinstance(reply, Shaken):
        raise PoolError(f"the pool replied {type(reply).__name__}")
    token = site.signer.dumps(list(Ticket(mount.key, client, who.link, fingerprint(who.sid), version)))
    return Response(reply.second, headers={"Cache-Control": "no-store", "X-Htag": token}, mimetype=SEALED)


def forget() -> Response:
    """Who is told that the session is another browser's begins a new one, by the next page."""
    g.htag_forget = True
    return Response(status=204)


def enter(site: Site, mount: Mount, place: Place, token: str, ticket: Ticket, sealed: bytes) -> Response:
    """The page, sealed, for who ends the handshake of *ticket* and says what to render."""
    who = visit(site, mount)
    if who.link != ticket.link:
        raise Refused("this page belongs to another session")
    peer = who.session.get(PEER, "")
    message = rendering(site, mount, place.urls, who, _info(place), ticket.client, token)
    message.sealed, message.peer = sealed, peer if isinstance(peer, str) else ""
    message.integrity = integrity(client_script(mount.options.debug))
    slot = mount.slot(ticket.link, ticket.version)
    reply = site.broker.call(slot, message, site.settings.pool_start)
    if not isinstance(reply, Page):
        raise PoolError(f"the pool replied {type(reply).__name__}")
    site.collector.start()
    keep(site, slot, who, reply.delta)
    return Response(reply.html, headers={"Cache-Control": "no-store"}, mimetype=SEALED)


def _info(place: Place) -> RequestInfo:
    """This request as apps see it: as that of a page."""
    info = request_info()
    info.method, info.query = "GET", ""
    info.path = unquote(place.path).removeprefix(request.root_path)
    info.headers = [(name, value) for name, value in info.headers if name.lower() not in OF_POST]
    return info
