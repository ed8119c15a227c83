"""The app that is to be opened, and the way to its server."""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit

from ..errors import ConfigError

__all__ = ["TIMEOUT", "Target", "target_of"]

TIMEOUT = 150.0
"""Seconds without a byte from the server: it answers or says that it is there sooner than that."""

LOGIN = (301, 302, 303, 307, 308, 401, 403)
"""Statuses by which sites lead to a login."""

_SHELL = re.compile(r'<script type="application/json" id="htag-shell">(.*?)</script>')


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Leads nowhere: what is there is not what was asked for."""


def _opener() -> urllib.request.OpenerDirector:
    """Speaks to the server, and keeps its cookies. Any certificate will do: the pin proves more, also where
    something on the way has a certificate of its own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    cookies, https = urllib.request.HTTPCookieProcessor(), urllib.request.HTTPSHandler(context=context)
    return urllib.request.build_opener(_NoRedirect, cookies, https)


@dataclass(frozen=True)
class Target:
    """The app to open, and what is known of its server: 32 bytes each."""

    origin: str
    path: str
    urls: Mapping[str, str]
    pin: bytes
    secret: bytes | None
    opener: urllib.request.OpenerDirector = field(default_factory=_opener)


def target_of(url: str, pin: bytes, secret: bytes | None = None) -> Target:
    """The app at *url*, as its server describes it. Raises ConfigError where there is none."""
    parts, opener = urlsplit(url), _opener()
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ConfigError(f"{url} is no address of an app: it begins with http:// or https://")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    origin = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, usual) else "")
    asked = parts.path or "/"
    known = _described(opener, origin + asked)
    path = known["path"]
    # Nobody has proved where the app is: it must be what the user has asked for.
    if unquote(path).rstrip("/") != unquote(asked).rstrip("/"):
        raise ConfigError(f"the app is not at {asked}, says its server, but at {path}")
    urls = {name: known[name] for name in ("key", "page")}
    if not all(each.startswith((f"{path}?_htag=", f"{path.rstrip('/')}/_htag/")) for each in urls.values()):
        raise ConfigError(f"{origin} has another version of htagweb_flask: install the same here")
    return Target(origin, path, urls, pin, secret, opener)


def _described(opener: urllib.request.OpenerDirector, url: str) -> dict[str, str]:
    """What the page before the page says at *url*."""
    try:
        with opener.open(url, timeout=TIMEOUT) as answer:
            text = answer.read(65536).decode(errors="replace")
    except HTTPError as error:
        cure = ": it may want a login, which cannot be passed on" if error.code in LOGIN else ""
        raise ConfigError(f"{url} answers with status {error.code}{cure}") from None
    except (OSError, HTTPException) as error:
        raise ConfigError(f"{url} cannot be reached: {error}") from None
    found = _SHELL.search(text)
    if not found:
        raise ConfigError(f"there is no app with parano at {url}: set parano=True on the server")
    try:
        known = json.loads(found[1])
        return {name: str(known[name]) for name in ("path", "key", "page")}
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{url} has another version of htagweb_flask: install the same here") from None
