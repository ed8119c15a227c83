"""Looks at a deployment: through its public address, as a browser would, and at the site's configuration.

Each check tells what it found, and the cure where something is wrong.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator

from .outside import cookies, forwarded, headers, origin, protocol, refusals, urls
from .page import FAIL, OK, WARN, Finding, Page, boot_of, told
from .policy import policy
from .server import body, crowd, poll, workers
from .stream import stream
from .visitor import Answer, Visitor

__all__ = ["FAIL", "OK", "WARN", "Finding", "Visitor", "examine"]

CHECKS: tuple[Callable[[Page], Iterator[Finding]], ...] = (
    headers,
    policy,
    urls,
    cookies,
    origin,
    forwarded,
    refusals,
    workers,
    crowd,
    poll,
    body,
    stream,
    protocol,
)


SHELL = b'id="htag-shell"'
"""In the page before a sealed one."""


def examine(visitor: Visitor, long: bool = False) -> Iterator[Finding]:
    """Opens the page at the visitor's address, and looks at it from all sides."""
    try:
        answer = visitor.load()
    except (OSError, http.client.HTTPException, ValueError) as error:
        yield _unreachable(visitor.url, error)
        return
    boot = boot_of(answer)
    if boot is None:
        yield _no_page(visitor.url, answer)
        return
    page = Page(visitor, answer, boot, long)
    yield Finding("page", OK, f"{visitor.url}: htag {boot['generation']}, after {answer.seconds:.2f} s")
    try:
        for check in CHECKS:
            level = OK
            for finding in _guarded(check, page):
                yield finding
                level = finding.level
            if check is urls and level == FAIL:
                return  # nothing that the page calls is there
    finally:
        for each in (page, *page.others):
            each.leave()


def _guarded(check: Callable[[Page], Iterator[Finding]], page: Page) -> Iterator[Finding]:
    try:
        yield from check(page)
    except (OSError, http.client.HTTPException, ValueError) as error:
        cure = "look into the logs of the proxy and of the server"
        yield Finding(check.__name__, FAIL, told(error), cure)


def _unreachable(url: str, error: Exception) -> Finding:
    cure = "does the server run, and are name and port right?"
    if isinstance(error, ssl.SSLError):
        cure = "the certificate is not one that browsers trust, or its name is another one; or use --insecure"
    return Finding("page", FAIL, f"{url}: {told(error)}", cure)


def _no_page(url: str, answer: Answer) -> Finding:
    cures = {
        200: "give the address of a page of an htag app; if it is behind a login: --header 'Cookie: ...'",
        401: "give the login: --header 'Authorization: ...' or --header 'Cookie: ...'",
        403: "give the login: --header 'Cookie: ...'",
        404: "where is the blueprint (url_prefix), and what does the proxy do with its path?",
        500: "the log of the server says why the app cannot be shown",
        502: "the proxy does not reach the server: does it run, and at that port?",
        503: "the log of the server says why the pool cannot be started",
        504: "the server does not answer the proxy in time",
    }
    if answer.status == 200 and SHELL in answer.body:
        text = f"{url}: an app with parano, whose pages are sealed: there is nothing to look at from outside"
        return Finding("page", WARN, text, "examine another app of the site, which is not sealed")
    text = f"{url}: status {answer.status}" + (", but no page of an htag app" if answer.status == 200 else "")
    return Finding("page", FAIL, text, cures.get(answer.status, "the log of the server may say more"))
