"""The Content-Security-Policy of a page: whether what htag does is allowed by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...policy import policy_of
from .page import OK, WARN, Finding, Page

__all__ = ["policy"]

HANDLERS = ("script-src-attr", "script-src", "default-src")
ELEMENTS = ("script-src-elem", "script-src", "default-src")
EVAL = ("script-src", "default-src")
CALLS = ("connect-src", "default-src")

NEEDED = {
    1: ((ELEMENTS, "'self'"), (HANDLERS, "'unsafe-inline'"), (EVAL, "'unsafe-eval'"), (CALLS, "'self'")),
    2: (
        (ELEMENTS, "'self'"),
        (ELEMENTS, "'unsafe-inline'"),
        (HANDLERS, "'unsafe-inline'"),
        (EVAL, "'unsafe-eval'"),
        (CALLS, "'self'"),
    ),
}
"""What pages of a generation need: a source, in the first of the directives that is there."""

MARKED = ((CALLS, "'self'"),)
"""The same for pages that are made for a strict policy, whose nonce is theirs."""

STRICT = ("'nonce-", "'sha256-", "'sha384-", "'sha512-", "'strict-dynamic'")
"""Where one of these stands, browsers do not look at 'unsafe-inline'."""


def policy(page: Page) -> Iterator[Finding]:
    """Whether the page works under its policies: each of them must allow it."""
    sent = page.answer.headers.get_all("Content-Security-Policy", [])
    texts = [text for header in sent for text in header.split(",") if text.strip()]
    needed = MARKED if "on" in page.boot else NEEDED[page.boot["generation"]]
    lacks = {lack: None for text in texts for lack in _lacks(_directives(text), needed)}
    if lacks:
        told = f"the Content-Security-Policy stops the page: {'; '.join(lacks)}"
        yield Finding("policy", WARN, told, "docs/csp.md has policies that are as tight as htag allows")
    elif texts and texts != [policy_of("default", "")]:
        yield Finding("policy", OK, "the Content-Security-Policy allows what htag does")


def _directives(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for directive in text.lower().split(";"):
        name, *sources = directive.split() or [""]
        found.setdefault(name, sources)  # the first one counts
    return found


def _lacks(found: Mapping[str, list[str]], needed: tuple[tuple[tuple[str, ...], str], ...]) -> Iterator[str]:
    for names, source in needed:
        name = next((name for name in names if name in found), None)
        if name is None:
            continue  # nothing is said, all is allowed
        sources = found[name]
        if source == "'unsafe-inline'" and any(each.startswith(STRICT) for each in sources):
            yield f"a nonce or hash in {name} turns {source} off"
        elif source == "'self'" and not all(each.startswith("'") for each in sources):
            continue  # an address, which may be that of the site
        elif source not in sources:
            yield f"{name} lacks {source}"
