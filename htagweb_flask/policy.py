"""The Content-Security-Policy of the pages of an app, as its option ``csp`` asks for it."""

from __future__ import annotations

import functools
import re

__all__ = ["NONE", "is_strict", "policy_of", "read_policy"]

NONE = "none"

DEFAULT = {"base-uri": ["'self'"], "frame-ancestors": ["'self'"]}
"""What no page of an app needs: an address for all relative ones elsewhere, frames of other sites, where its
cookie would not be sent."""

STRICT = {
    "default-src": ["'self'"],
    "script-src": ["'nonce-{nonce}'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:", "blob:"],
    "font-src": ["'self'", "data:"],
    "media-src": ["'self'", "data:", "blob:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'self'"],
}
"""Scripts run that the server has marked for this page, and no others. See docs/csp.md."""

_BASES = {"default": DEFAULT, "strict": STRICT, NONE: {}}
_DIRECTIVE = re.compile(r"[a-z][a-z-]*")
_SOURCE = re.compile(r"[!-+\--:<-~]+")  # visible, without what ends a source or a policy: "," and ";"


def read_policy(value: object) -> str:
    """*value*, checked: "default", "strict" or "none", and sources that are added to those of the first two:
    ``"strict; img-src https://a.test; font-src https://b.test"``. Raises ValueError."""
    text = str(value).strip()
    _parsed(text)
    return text


@functools.cache
def _parsed(text: str) -> dict[str, list[str]]:
    base, *added = (part.split() for part in text.split(";"))
    if len(base) != 1 or base[0] not in _BASES or (base[0] == NONE and any(added)):
        raise ValueError(f"{text!r} begins with none of {', '.join(_BASES)}, or adds sources to {NONE}")
    directives = {name: list(sources) for name, sources in _BASES[base[0]].items()}
    for name, *sources in filter(None, added):
        if not _DIRECTIVE.fullmatch(name) or not all(map(_SOURCE.fullmatch, sources)):
            raise ValueError(f"{name!r} is no directive, or its sources are none")
        present = directives.get(name, [])
        directives[name] = [each for each in present if each != "'none'"] + sources
    return directives


def is_strict(text: str) -> bool:
    """Whether pages under this policy need a nonce."""
    return text.partition(";")[0].strip() == "strict"


def policy_of(text: str, nonce: str) -> str:
    """The header, for a page with this nonce; empty for none."""
    directives = "; ".join(" ".join([name, *sources]) for name, sources in _parsed(text).items())
    return directives.replace("{nonce}", nonce)
