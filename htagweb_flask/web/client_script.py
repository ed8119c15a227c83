"""The script that pages load: its pieces in ``static/``, put together, and its name."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files

__all__ = ["PIECES", "assembled", "name_of", "script", "script_name"]

PIECES = (
    "vendor/idiomorph.min.js",
    "wire.js",
    "channel.js",
    "drawing.js",
    "entries.js",
    "generations.js",
    "htagweb.js",
)
"""What the client is made of, in the order in which it is served."""

_DEAD = re.compile(rb"^[ \t]*(?://.*|/\*[\s\S]*?\*/)[ \t]*\n|^[ \t]+|[ \t]+// .*", re.MULTILINE)
"""Comments, and indentation: a third of what would be sent. No text of the client has " // " in it."""

DEVELOPING, STRICT = "developing.js", "strict.js"
"""The pieces that come first with ``debug``, and under a strict policy."""


def assembled(pieces: Sequence[str]) -> bytes:
    """These files of ``static/`` as they are served: in one function, so that a page has no global names of
    it."""
    folder = files("htagweb_flask").joinpath("static")
    source = b"\n".join(folder.joinpath(piece).read_bytes() for piece in pieces)
    return b'(function () {\n"use strict";\n' + _DEAD.sub(b"", source) + b"\n})();\n"


@functools.cache
def script(debug: bool = False, strict: bool = False) -> bytes:
    """The client."""
    return assembled([DEVELOPING] * debug + [STRICT] * strict + list(PIECES))


def name_of(served: bytes, name: str = "htagweb") -> str:
    """The name of a script, which changes with its content, so that browsers may keep it for ever."""
    return f"{name}-{hashlib.sha256(served).hexdigest()[:12]}.js"


@functools.cache
def script_name(debug: bool = False, strict: bool = False) -> str:
    """The name of the client."""
    return name_of(script(debug, strict))
