"""The keys of a site: its SECRET_KEY, or one of our own, and what is derived from them."""

from __future__ import annotations

import hmac
import logging
import os
import secrets

from flask import Flask

from ..errors import ConfigError
from ..private import make_private

__all__ = ["MAKE_ONE", "derived", "keys_of", "own_key", "weakness"]

logger = logging.getLogger(__name__)

LEAST = 16
"""Bytes of a key: fewer can be guessed by trying."""

MAKE_ONE = 'python -c "import secrets; print(secrets.token_hex())"'

EXAMPLES = frozenset(
    (
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",  # Flask, Configuration Handling
        '_5#y2L"F4Q8z\n\xec]/',  # Flask, Quickstart
        "areallyreallyreallyreallylongsecretkey",
        "replacethiswithasecretkey",
        "replacethiswithyoursecretkey",
        "supersecretkey",
        "thisisasecretkey",
        "thisisnotasecretkey",
        "thisshouldbesecret",
        "youneverknowthissecretkey",
        "yoursecretkeyhere",
        "youwillneverguess",  # the Flask Mega-Tutorial
    )
)
"""Keys that stand in documentation, without what separates their words, and are not too short already."""

_SEPARATORS = str.maketrans("", "", " -_.!'")


def derived(key: str | bytes, label: str) -> bytes:
    """A key of 32 bytes for one purpose: HKDF with SHA-256, without salt (RFC 5869). Who learns it knows
    neither *key* nor what is derived for other purposes."""
    source = key.encode() if isinstance(key, str) else key
    extracted = hmac.digest(bytes(32), source, "sha256")
    return hmac.digest(extracted, label.encode() + b"\x01", "sha256")


def weakness(key: str | bytes) -> str:
    """Why nobody should rely on *key*; empty for one that cannot be known."""
    data = key.encode() if isinstance(key, str) else key
    text = key if isinstance(key, str) else key.decode("latin-1")
    if text in EXAMPLES or text.lower().translate(_SEPARATORS) in EXAMPLES:
        return "is an example that everybody can read"
    if len(data) < LEAST:
        return f"has {len(data)} bytes, it can be guessed"
    return ""


def keys_of(flask_app: Flask, key_file: str, lenient: bool) -> list[str | bytes]:
    """The keys of the site that count: the one to sign with is the last. Without SECRET_KEY it is our own.

    Raises ConfigError for a SECRET_KEY that others may know, unless this is *lenient*: for development.
    """
    key = flask_app.secret_key
    if not key:
        return [own_key(key_file)]
    weak = weakness(key)
    if weak and not lenient:
        cure = f"Set it to what this prints: {MAKE_ONE} (with debug, any will do)"
        raise ConfigError(f"SECRET_KEY {weak}. {cure}")
    fallbacks = flask_app.config.get("SECRET_KEY_FALLBACKS") or []
    for fallback in fallbacks if not lenient else []:
        if weakness(fallback):
            logger.warning("a key of SECRET_KEY_FALLBACKS %s: pages signed with it end", weakness(fallback))
    return [*(each for each in fallbacks if lenient or not weakness(each)), key]


def own_key(path: str) -> str:
    """A random key, made once and kept in *path* (mode 0600) for all processes and restarts."""
    if not os.path.exists(path) and make_private(path, secrets.token_urlsafe(32)):
        logger.info("made a signing key in %s; in production, set SECRET_KEY", path)
    with open(path) as file:
        return file.read()
