"""The page of an app."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from flask import Response, g, request, session

from ..brokers.base import Slot
from ..code import version_of
from ..errors import Gone, HtagError, PoolError, Retired
from ..policy import is_strict, policy_of
from ..protocol import Delta, Message, Page, Render, RequestInfo
from ..session import PREFIX, pack_all
from .error_page import error_page
from .guard import Ticket
from .lazy_session import fingerprint
from .site import Mount, Site
from .transports import transport_of

__all__ = [
    "Visit",
    "ask",
    "code_version",
    "keep",
    "page",
    "policy",
    "rendering",
    "request_info",
    "visit",
    "waits",
]

TRIES = 10
"""Processes that may have ended, or take no new page, until one is found that does: successors in a row."""

CALLED = ("call", "poll", "stream", "leave")
"""The URLs that a page is told."""

PRIVATE = {
    "Cache-Control": "no-store",
    "Vary": "Cookie",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # the address of a page is nobody else's business
}


def page(site: Site, mount: Mount, urls: dict[str, str]) -> Response:
    """The page of *mount* for this request. Among *urls* are "script", "code", and what it calls."""
    nonce = secrets.token_urlsafe(16) if is_strict(mount.options.csp) else ""
    headers = PRIVATE | policy(mount, nonce)
    if request.method == "HEAD":  # whoever asks for headers does not want an instance
        return Response(headers=headers)
    watch = (urls["code"], _version(mount), urls["script"]) if waits(mount) else None
    g.htag_failed = partial(error_page, debug=mount.options.debug, headers=headers, watch=watch, nonce=nonce)
    try:
        reply = _render(site, mount, urls, nonce)
    except HtagError as error:
        failed: Response = g.htag_failed(error)
        return failed
    return Response(reply.html, headers=headers)


def policy(mount: Mount, nonce: str = "") -> dict[str, str]:
    """The header for the page of *mount* whose scripts have this nonce, if it is to have one."""
    text = policy_of(mount.options.csp, nonce)
    return {"Content-Security-Policy": text} if text else {}


def waits(mount: Mount) -> bool:
    """Whether the page of an error waits for other code."""
    return bool(mount.options.reload and mount.options.debug)


def code_version(mount: Mount) -> Response:
    """What a page that shows an error asks for, to load itself again when there is other code."""
    if not mount.options.reload:
        return Response(status=404)
    return Response(_version(mount), headers=PRIVATE, mimetype="text/plain")


def _version(mount: Mount) -> str:
    return version_of(mount.app, mount.options.debug)


class Visit(NamedTuple):
    """Whose page it is: the link and the id of the session, what is in it, and when that was read."""

    link: str
    sid: str
    session: Mapping[str, Any]
    loaded: float


def visit(site: Site, mount: Mount) -> Visit:
    """Whose page this request asks for. Its session is opened, and gets a link if it has none."""
    sessions = site.sessions
    site.checks.look(request.environ, mount.options.transport, sessions.inner)
    link = session.setdefault(PREFIX, "") or secrets.token_urlsafe(16)
    session[PREFIX] = link
    if not sessions.shared:
        loaded = time.monotonic()
        return Visit(link, link, sessions.store.load(link) or {}, loaded)
    current: Any = session
    opened = current._get_current_object()
    return Visit(link, current.sid, opened, sessions.store.loaded(opened))


def _render(site: Site, mount: Mount, urls: dict[str, str], nonce: str) -> Page:
    who, client, info = visit(site, mount), secrets.token_urlsafe(16), request_info()
    renew = request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")

    def message(version: str) -> Render:
        token = site.signer.dumps(list(Ticket(mount.key, client, who.link, fingerprint(who.sid), version)))
        asked = rendering(site, mount, urls, who, info, client, token, renew)
        asked.nonce = nonce
        return asked

    version, reply = ask(site, mount, who.link, message)
    if not isinstance(reply, Page):
        raise PoolError(f"the pool replied {type(reply).__name__}")
    site.collector.start()
    keep(site, mount.slot(who.link, version), who, reply.delta)
    return reply


def rendering(
    site: Site,
    mount: Mount,
    urls: dict[str, str],
    who: Visit,
    info: RequestInfo,
    client: str,
    token: str,
    renew: bool = False,
) -> Render:
    """What a worker is told to render the page *client*, which calls *urls* with *token*."""
    called = {verb: urls[verb] for verb in CALLED}
    return Render(
        client=client,
        link=who.link,
        sid=who.sid,
        request=info,
        session=pack_all(who.session),
        loaded=who.loaded,
        renew=renew,
        transport=transport_of(request.environ, mount.options.transport, site.seats),
        script=urls["script"],
        boot={
            "session": fingerprint(who.link),
            "urls": called,
            "debug": mount.options.debug,
            "token": token,
        },
    )


def ask(site: Site, mount: Mount, link: str, message: Callable[[str], Message]) -> tuple[str, Message]:
    """The version of the app's code that a worker has which takes new pages of session *link*, and its reply.
    *message* makes what it is asked, given that version."""
    for last in (False,) * TRIES + (True,):
        version = site.version(mount, link)
        slot = mount.slot(link, version)
        try:
            return version, site.broker.call(slot, message(version), site.settings.pool_start)
        except Gone as error:  # the instance has just ended: a new one
            if last:
                raise
            if isinstance(error, Retired):
                site.retired(slot)
    raise AssertionError("unreachable")


def keep(site: Site, slot: Slot, who: Visit, delta: Delta | None) -> None:
    """Stores what the app has changed while it was rendered: when the session of this request is stored,
    which may be a new one."""
    sessions = site.sessions
    if delta is None:
        return

    def keep_it() -> None:
        ok = sessions.store.patch(who.sid, delta, create=not sessions.shared)
        site.confirm(slot, who.link, delta, ok)

    sessions.after_save(keep_it)


def request_info() -> RequestInfo:
    """This request, as apps see it."""
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
