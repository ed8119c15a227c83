"""The server's key for parano: a file that its owner alone can read, and the texts that users are given.

Pages that know the public key, the *pin*, agree on nothing with anybody who does not have the file. The
secret, where there is one, is what pages must know, too.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
import stat
from typing import NamedTuple

from .errors import ConfigError, PoolError
from .private import write_private

__all__ = ["ServerKey", "bytes_of", "make_key", "new_secret", "pin_of", "read_key", "stretched"]

FIRST = "htagweb_flask parano 1"
"""The first line of a key file: what it is, and the version of its format."""

SECRET_BYTES = 10
"""Bytes of chance in a secret: 80 bits are beyond trying, even without what follows."""

SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 2**26, "dklen": 32}
"""RFC 7914, with a cost of 32 MB and some 100 ms for each try."""


class ServerKey(NamedTuple):
    """What is in a key file: a private key for X25519, and what a secret comes to; 32 bytes each."""

    private: bytes
    secret: bytes | None

    @property
    def public(self) -> bytes:
        """The public key."""
        from .noise import public_key  # with pycryptodome, which pins alone do not need

        return public_key(self.private)


def pin_of(public: bytes) -> str:
    """A public key as a text of 52 letters and digits (RFC 4648, base32)."""
    return base64.b32encode(public).decode().rstrip("=")


def bytes_of(pin: str) -> bytes:
    """The public key of :func:`pin_of`, in any case, with any spaces or dashes. Raises ConfigError."""
    text = _bare(pin)
    with contextlib.suppress(ValueError):
        key = base64.b32decode(text + "=" * (-len(text) % 8))
        if len(key) == 32 and pin_of(key) == text:
            return key
    raise ConfigError("a pin has 52 letters and digits: flask htag parano-key shows it, on the server")


def new_secret() -> str:
    """A secret to be typed: 16 letters and digits in four groups."""
    text = base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def stretched(secret: str) -> bytes:
    """What a secret comes to: 32 bytes, which take some time to make."""
    return hashlib.scrypt(_bare(secret).encode(), salt=FIRST.encode(), **SCRYPT)


def _bare(text: str) -> str:
    return text.upper().replace("-", "").replace(" ", "").strip()


def read_key(path: str) -> ServerKey | None:
    """The key in *path*; None when there is no such file. Raises PoolError, also where others can read it."""
    try:
        with open(path) as file:
            info = os.fstat(file.fileno())
            lines = file.read(4096).splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise PoolError(f"{path} cannot be read: make it readable for this user alone ({error})") from None
    if hasattr(os, "getuid") and stat.S_IMODE(info.st_mode) & 0o077:
        raise PoolError(f"{path} is open to other users: chmod 600 {path}, or make another key")
    try:
        words = dict(line.split() for line in lines[1:])
        if lines[0] == FIRST:
            return ServerKey(bytes_of(words["key"]), bytes_of(words["secret"]) if "secret" in words else None)
    except (ConfigError, KeyError, IndexError, ValueError):
        pass
    raise PoolError(f"{path} is no key file: remove it, and make another key with flask htag parano-key")


def make_key(path: str, private: bytes, secret: bytes | None = None) -> ServerKey:
    """Writes a key to *path*, with mode 0600, in the place of what is there. Raises PoolError."""
    lines = [FIRST, f"key {pin_of(private)}", *([f"secret {pin_of(secret)}"] if secret else [])]
    try:
        write_private(path, "\n".join(lines) + "\n", lasting=True)
    except OSError as error:
        raise PoolError(
            f"{path} cannot be written: check the folder, or set HTAG_DATA_DIR ({error})"
        ) from None
    return ServerKey(private, secret)
