"""Who may speak to an instance: the signed token of its page, and the origin of the request."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import Flask, Request, has_request_context, request
from flask.sessions import SessionInterface
from itsdangerous import BadSignature, URLSafeSerializer

from ..errors import Refused
from .keys import derived

__all__ = [
    "Ticket",
    "check_origin",
    "exempt_from_csrf",
    "guard_cookie",
    "read_ticket",
    "signer_of",
    "strict_origin",
]

logger = logging.getLogger(__name__)

LABEL = "htagweb_flask.ticket"
"""What the key of tokens is derived for."""


class Ticket(NamedTuple):
    """What a page's token says: for which mount and client it is, and whose."""

    mount: str
    client: str
    link: str  # random name of the session, kept in it: survives a change of the session's id
    session: str  # fingerprint of the session's id
    version: str  # of the app's code: which process the instance lives in


def signer_of(keys: Sequence[str | bytes]) -> URLSafeSerializer:
    """Signs tokens with the last of the *keys* of a site, and reads those of all."""
    return URLSafeSerializer(
        [derived(key, LABEL) for key in keys], salt=LABEL, signer_kwargs={"digest_method": hashlib.sha256}
    )


@functools.lru_cache(maxsize=4096)  # each click brings the same token: checking it again costs 100 µs
def read_ticket(signer: URLSafeSerializer, token: str) -> Ticket:
    """The ticket in *token*. Raises Refused."""
    try:
        return Ticket(*signer.loads(token))
    except (BadSignature, TypeError):
        raise Refused("this request does not come from a page of ours") from None


def exempt_from_csrf(flask_app: Flask, *views: str) -> None:
    """Flask-WTF, where the site has it, wants its own token in each POST. Those of our *views* have ours."""
    protection = flask_app.extensions.get("csrf")
    if protection is not None and hasattr(protection, "exempt"):
        for view in views:
            protection.exempt(view)
        logger.info("exempt from CSRFProtect: %s, which want the token of their page", ", ".join(views))


def guard_cookie(sessions: SessionInterface) -> None:
    """The cookie of the session stays with this site, and on https with https, where the site's configuration
    does not say otherwise (``SESSION_COOKIE_SAMESITE``, ``SESSION_COOKIE_SECURE``)."""
    site, secure = sessions.get_cookie_samesite, sessions.get_cookie_secure
    wrapped: Any = sessions
    wrapped.get_cookie_samesite = lambda app: site(app) or "Lax"
    wrapped.get_cookie_secure = lambda app: secure(app) or (has_request_context() and request.is_secure)


_CURE = "behind a proxy, use werkzeug's ProxyFix or set HTAG_ORIGINS"


def check_origin(request: Request, allowed: tuple[str, ...]) -> None:
    """Raises Refused unless *request* comes from a page of this site.

    A browser says so itself in Sec-Fetch-Site, which no page can forge (Fetch Metadata, W3C), but only on
    https and localhost; on plain http the origin is compared: scheme, host and port, exactly.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin", "")
    expected = f"{request.scheme}://{request.host}"
    if origin in allowed or site == "same-origin":
        return
    if site is None and request.host and origin == expected:
        return
    logger.warning("refused a request from %r to %s: %s", origin or site, expected, _CURE)
    raise Refused("this request comes from another site")


def strict_origin(request: Request, allowed: tuple[str, ...]) -> str:
    """The origin of the page that has sent *request*, which is one of ours. Raises Refused.

    Both sides of a handshake have to name the same: a browser that is on another site, whose server passes
    on what it says, does not.
    """
    origin = request.headers.get("Origin", "")
    expected = f"{request.scheme}://{request.host}"
    if origin in (expected, *allowed):
        return origin
    logger.warning("parano: a page is at %r, and this server at %s: %s", origin, expected, _CURE)
    raise Refused("this request comes from another site")
