"""What a page says, and who may call it: as a browser sees it through the public address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from .page import FAIL, OK, WARN, Finding, Page

__all__ = ["cookies", "forwarded", "headers", "origin", "protocol", "refusals", "urls"]


def headers(page: Page) -> Iterator[Finding]:
    """Whether the page may be kept by others."""
    cache = page.answer.headers.get("Cache-Control", "")
    if "no-store" not in cache:
        text = f"the page came with Cache-Control {cache!r}: others may get a page with this visitor's token"
        yield Finding("headers", FAIL, text, "let the proxy or CDN pass on Cache-Control as it is")
    else:
        yield Finding("headers", OK, "the page is not to be stored by anybody")


def urls(page: Page) -> Iterator[Finding]:
    """Whether what the page calls is where the proxy expects it."""
    path = urlsplit(page.visitor.url).path.rstrip("/")
    wrong = [url for url in page.boot["urls"].values() if not urlsplit(url).path.startswith(path)]
    script = re.search(r'<script src="([^"]*htagweb-[^"]*)"', page.answer.body.decode("utf-8", "replace"))
    source = script[1].replace("&amp;", "&") if script else ""
    status = page.visitor.ask("GET", source).status if source else 404
    if wrong or status != 200:
        text = f"the page at {path or '/'} calls {wrong[0] if wrong else source} (status {status})"
        cure = (
            "the proxy takes a prefix off: let it set X-Forwarded-Prefix, with ProxyFix(x_prefix=1); "
            "or start gunicorn with SCRIPT_NAME"
        )
        yield Finding("urls", FAIL, text, cure)
    else:
        yield Finding("urls", OK, f"all below {path or '/'}, and the script is there")


def cookies(page: Page) -> Iterator[Finding]:
    """The cookies without which a page is refused, and who can read them."""
    own = [name for name in page.visitor.cookies if page.poll(_without(page, name)).status != 200]
    if not own:
        text = "requests without any of the cookies pass" if page.visitor.cookies else "there is no cookie"
        yield Finding("cookies", FAIL, text, "the session's cookie must reach the browser, and come back")
    lines = {line.partition("=")[0].strip(): line for line in page.visitor.set_cookies}
    for name in own:
        attributes = {part.partition("=")[0].strip().lower() for part in lines.get(name, "").split(";")[1:]}
        wanted = {"httponly": "SESSION_COOKIE_HTTPONLY=True", "samesite": "SESSION_COOKIE_SAMESITE='Lax'"}
        if page.visitor.secure:
            wanted["secure"] = "SESSION_COOKIE_SECURE=True"
        missing = [cure for attribute, cure in wanted.items() if attribute not in attributes]
        if name in lines and missing:
            words = " ".join(cure.partition("=")[0].rpartition("_")[2].lower() for cure in missing)
            yield Finding("cookies", WARN, f"{name} lacks {words}", f"set {', '.join(missing)}")
        else:
            yield Finding("cookies", OK, f"{name}: {', '.join(sorted(attributes)) or 'as it was given'}")


def _without(page: Page, name: str) -> dict[str, str | None]:
    kept = (f"{other}={value}" for other, value in page.visitor.cookies.items() if other != name)
    return {"Cookie": "; ".join(kept)}


# ---- who may call


def origin(page: Page) -> Iterator[Finding]:
    """Without Sec-Fetch-Site, which browsers send on https only: the site must know its own address."""
    answer = page.poll({"Sec-Fetch-Site": None})
    if answer.status == 200:
        yield Finding("origin", OK, f"the site knows that it is {page.visitor.origin}")
        return
    parts = urlsplit(page.visitor.origin)
    other = "http" if parts.scheme == "https" else "https"
    cure = "nginx: proxy_set_header Host $http_host; Apache: ProxyPreserveHost On; or set HTAG_ORIGINS"
    text = f"{page.visitor.origin} is refused: the site believes that it has another name"
    for scheme, host in ((other, parts.netloc), (parts.scheme, parts.hostname), (other, parts.hostname)):
        if page.poll({"Sec-Fetch-Site": None, "Origin": f"{scheme}://{host}"}).status == 200:
            text = f"{page.visitor.origin} is refused: the site believes that it is {scheme}://{host}"
            if scheme == other:
                cure = "let the proxy set X-Forwarded-Proto, and use ProxyFix(app.wsgi_app, x_proto=1)"
    yield Finding("origin", FAIL, text, cure)


def forwarded(page: Page) -> Iterator[Finding]:
    """Whether a visitor can say what only the proxy should."""
    forged = {"X-Forwarded-Host": "doctor.invalid", "X-Forwarded-Prefix": "/doctor.invalid"}
    bare: dict[str, str | None] = {"Sec-Fetch-Site": None}
    trusted = []
    if page.poll({**bare, **forged}).status != page.poll(bare).status:
        trusted.append("X-Forwarded-Host")
    other = page.another(forged)
    if other and "/doctor.invalid" in other.boot["urls"]["poll"]:
        other.boot["urls"] = page.boot["urls"]  # by which it can be left
        trusted.append("X-Forwarded-Prefix")
    if trusted:
        text = f"anybody can set {' and '.join(trusted)}"
        cure = "let ProxyFix trust only the headers that your proxy sets itself (x_host=0, x_prefix=0)"
        yield Finding("forwarded", WARN, text, cure)
    else:
        yield Finding("forwarded", OK, "what a visitor forges in X-Forwarded headers is not believed")


def refusals(page: Page) -> Iterator[Finding]:
    """Whether others are kept out."""
    attempts: dict[str, dict[str, str | None]] = {
        "a wrong token": {"X-Htag": "doctor.invalid"},
        "another site": {"Origin": "https://doctor.invalid", "Sec-Fetch-Site": "cross-site"},
        "another site, in an older browser": {"Origin": "https://doctor.invalid", "Sec-Fetch-Site": None},
    }
    for who, headers in attempts.items():
        answer = page.poll(headers)
        if answer.status != 403:
            cure = "something on the way rewrites requests, or HTAG_ORIGINS is too wide"
            yield Finding("refusals", FAIL, f"{who} gets status {answer.status}, not 403", cure)
            return
    yield Finding("refusals", OK, "wrong tokens and other sites are refused")


def protocol(page: Page) -> Iterator[Finding]:
    """How many pages a browser can have open."""
    host = urlsplit(page.visitor.url).hostname or ""
    local = host == "localhost" or host.startswith("127.") or host == "::1"
    if not page.visitor.secure:
        text = "HTTP/1.1 without encryption"
        cure = "end https at a proxy: what is typed, and the cookie, can be read on the way"
        yield Finding("protocol", OK if local else WARN, text, "" if local else cure)
    elif not page.visitor.speaks_http2():
        text = "HTTP/1.1: browsers open six connections to a host, and each open page holds one"
        yield Finding("protocol", WARN, text, "nginx: listen 443 ssl http2; Apache: Protocols h2 http/1.1")
    else:
        yield Finding("protocol", OK, "HTTP/2: any number of open pages")
