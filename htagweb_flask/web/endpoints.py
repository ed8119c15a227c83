"""What the script of a page calls: interactions, stream, polls, and the word that the page is closed."""

from __future__ import annotations

import base64
import contextlib
import functools
import math
import time
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec
from flask import Response, abort, g, request, session
from werkzeug.exceptions import RequestEntityTooLarge

from ..brokers.base import Slot, Watch
from ..errors import Gone, HtagError, PoolError, Refused, StoreError, TooLarge
from ..protocol import Batch, Current, Delta, Interact, Leave, Message, Patched, Poll
from ..session import PREFIX
from .guard import Ticket, check_origin, read_ticket
from .lazy_session import OPENING, fingerprint
from .peer import Peer, PeerGone
from .shell import SEALED, Place, enter, forget, shake
from .site import Mount, Site
from .transports import BEAT, MAX_WAIT, events

__all__ = ["POSTS", "VERBS", "answer"]

ANSWER_TIMEOUT = 120.0
"""Seconds that a web process waits for the answer of an interaction. Where pushes are possible, it comes
sooner, done or not."""

FULL = 60
"""Seconds that a page has to poll when this process holds as many streams open as it can."""

DRAIN = 256 * 1024 * 1024
"""Bytes of a body over the limit that are read, for a proper answer."""

PAUSES = (0.02, 0.1, 0.3, 0.6, 1.0, 1.0, 0.0)
"""Seconds between attempts to find a session, to which a view may be giving a new id: else it has ended."""

FORGET = "forget"
"""What the browser says in place of a token to be given another session."""

NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
STREAM = {
    **NO_STORE,
    "Cache-Control": "no-cache, no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx passes each event on at once
}


def answer(site: Site, mount: Mount, verb: str, place: Callable[[], Place]) -> Response:
    """The answer to a page's POST. Errors have a status and a code, and never a traceback."""
    if verb in OPENING and not mount.options.parano:
        abort(404)
    try:
        check_origin(request, site.settings.origins)
        return _enter(site, mount, verb, place()) if verb in OPENING else VERBS[verb](site, mount)
    except HtagError as error:
        return _error(site, mount, error)
    except PeerGone:
        return Response(status=204)  # nobody reads it; or this process ends, and who does asks another


def _error(site: Site, mount: Mount, error: HtagError) -> Response:
    if isinstance(error, StoreError):
        site.sessions.report(error)
    headers = {**NO_STORE, "X-Htag": error.code}
    if error.retry:
        headers["Retry-After"] = str(math.ceil(error.retry))
    body = b"" if mount.options.parano else msgspec.json.encode({"error": error.code})
    return Response(body, error.status, headers, "application/json")


def _enter(site: Site, mount: Mount, verb: str, place: Place) -> Response:
    g.htag_failed = functools.partial(_error, site, mount)
    said = request.headers.get("X-Htag", "")
    if verb == "key":
        return forget() if said == FORGET else shake(site, mount, place, _body(mount))
    return enter(site, mount, place, said, _read(site, mount, said), _body(mount))


def _body(mount: Mount) -> bytes:
    limit = mount.options.max_body
    if mount.options.parano:
        limit += limit // 8 + 64  # padding: see seal.py
    request.max_content_length = limit + 1  # werkzeug cuts a chunked body there, and does not say so
    with contextlib.suppress(RequestEntityTooLarge):
        data = request.get_data(cache=False)
        if len(data) <= limit:
            return data
    _drain()
    raise TooLarge(f"over {limit} bytes")


def _drain() -> None:
    """Reads on: who has not sent all of a body sees a broken connection, not our answer, and tries again."""
    terminated = request.environ.get("wsgi.input_terminated")
    left = DRAIN if request.content_length is None and terminated else request.content_length or 0
    stream = request.environ["wsgi.input"]
    while 0 < left <= DRAIN:
        piece = stream.read(min(left, 65536))
        left = left - len(piece) if piece else 0


def _read(site: Site, mount: Mount, token: str) -> Ticket:
    ticket = read_ticket(site.signer, token)
    if ticket.mount != mount.key:
        raise Refused("this token is for another app")
    return ticket


def _ticket(site: Site, mount: Mount, token: str) -> tuple[Ticket, str]:
    """The ticket of this request and the id of its session. Raises Refused."""
    ticket = _read(site, mount, token)
    sessions = site.sessions
    sid = request.cookies.get(sessions.get_cookie_name(_flask_app()), "")
    if sessions.shared and fingerprint(sid) == ticket.session:
        return ticket, sid  # the usual case: nothing was read from the store
    if session.get(PREFIX) != ticket.link:
        raise Refused("this page belongs to another session")
    return ticket, session.sid if sessions.shared else ticket.link  # type: ignore[attr-defined]


def _flask_app() -> Any:
    from flask import current_app

    return current_app


def _caller(site: Site, mount: Mount) -> tuple[str, Callable[..., Batch]]:
    """The client of this request, and how to call its instance: what changed in its session is stored."""
    ticket, sid = _ticket(site, mount, request.headers.get("X-Htag", ""))
    broker, slot = site.broker, mount.slot(ticket.link, ticket.version)
    site.collector.start()  # this process may never make a page

    def call(message: Message, timeout: float, watch: Watch | None = None) -> Batch:
        nonlocal sid
        sid = _alive(site, slot, ticket.link, sid, prolong=isinstance(message, Interact))
        if isinstance(message, Interact) and site.sessions.shared:
            site.sessions.used(sid)
        for pause in PAUSES:
            batch = broker.call(slot, message, timeout, watch)
            if not isinstance(batch, Batch):
                raise PoolError(f"the pool replied {type(batch).__name__}")
            sid = batch.sid or sid
            if not batch.delta or _keep(site, slot, ticket.link, sid, batch.delta):
                return batch
            time.sleep(pause)
        _ended(site, ticket.link, sid)

    return ticket.client, call


def _alive(site: Site, slot: Slot, link: str, sid: str, prolong: bool) -> str:
    """The id of the session by now: a view may have given it a new one since the browser has sent this.
    Raises Gone when the session has ended."""
    for pause in PAUSES:
        if site.sessions.alive(sid, prolong):
            return sid
        current = site.broker.call(slot, Current(link, sid), BEAT)
        if not isinstance(current, Current) or not current.sid:
            break
        if current.sid == sid:
            time.sleep(pause)  # the view is about to say so
        sid = current.sid
    return _ended(site, link, sid)


def _keep(site: Site, slot: Slot, link: str, sid: str, delta: Delta) -> bool:
    """Stores what the app has changed, before the browser hears of it. False when there is no such session.
    Raises StoreError."""
    ok = False
    try:
        ok = site.sessions.store.patch(sid, delta, create=not site.sessions.shared)
    finally:
        site.confirm(slot, link, delta, ok)
    return ok


def _ended(site: Site, link: str, sid: str) -> NoReturn:
    site.tell(Patched(link, sid, None))
    raise Gone("the session has ended")


def _asked(mount: Mount, client: str) -> Poll:
    """The poll of this request. What is sealed is read by the worker alone, which waits no longer than we
    say."""
    body = _body(mount)
    if mount.options.parano:
        return Poll(client, 0, MAX_WAIT, sealed=body)
    return Poll.read(client, body, MAX_WAIT)


def _said(mount: Mount, batch: Batch) -> Response:
    if mount.options.parano:
        return Response(batch.body, headers=NO_STORE, mimetype=SEALED)
    return Response(batch.answer, headers=NO_STORE, mimetype="application/json")


def _call(site: Site, mount: Mount) -> Response:
    client, call = _caller(site, mount)
    return _said(mount, call(Interact(client, _body(mount)), ANSWER_TIMEOUT))


def _poll(site: Site, mount: Mount) -> Response:
    client, call = _caller(site, mount)
    asked = _asked(mount, client)
    wait = asked.wait
    if not wait or not site.seats.take(request.environ):
        asked.wait = 0
        return _said(mount, call(asked, BEAT))
    try:
        return _said(mount, call(asked, wait + BEAT, Peer(request.environ)))
    finally:
        site.seats.give()


def _stream(site: Site, mount: Mount) -> Response:
    client, call = _caller(site, mount)
    asked = _asked(mount, client)
    peer, answers, first = Peer(request.environ), 0, None

    def poll(cursor: int, wait: float, fresh: bool) -> Batch:
        nonlocal answers
        if fresh and first:
            return first
        asked.wait = wait
        if not fresh:
            asked.cursor, asked.fresh, asked.sealed, asked.answers = cursor, False, b"", answers
        batch = call(asked, wait + BEAT, peer)
        answers = batch.answers
        if mount.options.parano and batch.body:
            batch.body = b'"%s"' % base64.b64encode(batch.body)
        return batch

    if mount.options.parano:
        first = poll(0, 0, True)  # what is no record is refused, as ever
    if not site.seats.take(request.environ):
        return Response(status=503, headers={**NO_STORE, "Retry-After": str(FULL)})
    response = Response(events(poll, asked.cursor), headers=STREAM, mimetype="text/event-stream")
    response.call_on_close(site.seats.give)
    return response


def _leave(site: Site, mount: Mount) -> Response:
    body, sealed = _body(mount), b""
    token = body.decode("latin-1")
    if mount.options.parano:
        token, sealed = request.headers.get("X-Htag", ""), body
    ticket, _ = _ticket(site, mount, token)
    with contextlib.suppress(Gone):
        site.broker.call(mount.slot(ticket.link, ticket.version), Leave(ticket.client, sealed), BEAT)
    return Response(status=204)


VERBS: dict[str, Callable[[Site, Mount], Response]] = {
    "call": _call,
    "poll": _poll,
    "stream": _stream,
    "leave": _leave,
}

POSTS = (*VERBS, *OPENING)
"""What a page of either kind posts."""
