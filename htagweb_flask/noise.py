"""The handshakes of parano: the Noise Protocol Framework, revision 34, as far as it is needed.

Two patterns, with X25519 (RFC 7748), AES-256-GCM (NIST SP 800-38D) and SHA-256; section numbers are those of
the specification, https://noiseprotocol.org/noise.html. Both sides are here, as the tests play the page. No
socket, no thread, no clock. Only what is compared with published vectors is called by its name in the
specification.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from .errors import Altered, ConfigError

try:
    # pycryptodome, which lives, and not PyCrypto, whose names it has
    from Crypto.Cipher import AES  # nosec B413
    from Crypto.Hash import SHA256  # nosec B413
    from Crypto.Protocol import DH  # nosec B413
    from Crypto.Protocol.KDF import HKDF  # nosec B413
except ImportError as error:
    raise ConfigError('parano needs pycryptodome >= 3.21: pip install "htagweb-flask[parano]"') from error

__all__ = ["KEY", "TAG", "Noise", "decrypt", "encrypt", "new_key", "public_key", "rekey"]

KEY = 32
"""Bytes of a key, of either kind, and of a hash."""

TAG = 16
"""Bytes by which a sealed text is longer than its content."""

PATTERNS = {
    "XN": ((), (("e",), ("e", "ee"), ("s", "se"))),
    "XNpsk3": ((), (("e",), ("e", "ee"), ("s", "se", "psk"))),
    "XK": (("s",), (("e", "es"), ("e", "ee"), ("s", "se"))),
    "XKpsk3": (("s",), (("e", "es"), ("e", "ee"), ("s", "se", "psk"))),
}
"""By their names (sections 7.5 and 9): what is known of the server before, and the steps of the three
messages, which the specification calls tokens."""

_LAST = 2**64 - 1
"""The nonce of Rekey() (section 4.2)."""


def new_key() -> bytes:
    """A private key. Any 32 bytes are one (RFC 7748, section 5)."""
    return os.urandom(KEY)


def public_key(private: bytes) -> bytes:
    """The public key of a private one."""
    key: bytes = DH.import_x25519_private_key(private).public_key().export_key(format="raw")
    return key


def agree(private: bytes, public: bytes) -> bytes:
    """The secret that two key pairs share (RFC 7748, section 6.1).

    Raises Altered for a public key with which it would not be secret.
    """
    try:
        secret: bytes = DH.key_agreement(
            static_priv=DH.import_x25519_private_key(private),
            static_pub=DH.import_x25519_public_key(public),
            kdf=bytes,
        )
    except ValueError:
        raise Altered("no secret can be agreed on with that key") from None
    return secret


def derive(chaining: bytes, material: bytes, count: int, info: bytes = b"") -> tuple[bytes, ...]:
    """HKDF of section 4.3: that of RFC 5869 with the chaining key as salt, where Noise has no *info*."""
    keys = bytes(HKDF(material, KEY * count, chaining, SHA256, 1, info))
    return tuple(keys[at : at + KEY] for at in range(0, len(keys), KEY))


def _cipher(key: bytes | bytearray, number: int, beside: bytes) -> Any:
    # The nonce of section 12.4: 32 bits of zeros, then the number, big-endian.
    cipher = AES.new(key, AES.MODE_GCM, nonce=number.to_bytes(12, "big"), mac_len=TAG)
    cipher.update(beside)
    return cipher


def encrypt(key: bytes | bytearray, number: int, beside: bytes, text: bytes) -> bytes:
    """*text*, sealed, with what vouches for it and for *beside*. A number is for one text under a key."""
    sealed, tag = _cipher(key, number, beside).encrypt_and_digest(text)
    return bytes(sealed + tag)


def decrypt(key: bytes | bytearray, number: int, beside: bytes, sealed: bytes) -> bytes:
    """What :func:`encrypt` has sealed. Raises Altered."""
    try:
        return bytes(_cipher(key, number, beside).decrypt_and_verify(sealed[:-TAG], sealed[-TAG:]))
    except ValueError:
        raise Altered("this was sealed otherwise") from None


def rekey(key: bytes | bytearray) -> bytes:
    """The key after *key*, from which it cannot be found (section 4.2)."""
    return encrypt(key, _LAST, b"", bytes(KEY))[:KEY]


class Noise:
    """One side of a handshake: HandshakeState, with its SymmetricState (sections 5.2 and 5.3).

    *pattern* is one of PATTERNS. *static* is the own private key, *remote* the public key of the other side
    as far as it is known, *psk* the shared secret of 32 bytes. *ephemeral* is for test vectors alone.
    """

    def __init__(
        self,
        pattern: str,
        prologue: bytes,
        initiator: bool,
        static: bytes | None = None,
        remote: bytes | None = None,
        psk: bytes | None = None,
        ephemeral: bytes | None = None,
    ) -> None:
        self.initiator, self.psk = initiator, psk
        self.own = {"e": ephemeral or new_key(), "s": static}
        self.other = {"e": None, "s": remote}
        before, messages = PATTERNS[pattern]
        self.messages = list(messages)
        name = f"Noise_{pattern}_25519_AESGCM_SHA256".encode()
        self.hash = name.ljust(KEY, b"\0") if len(name) <= KEY else hashlib.sha256(name).digest()
        self.chaining, self.key, self.number = self.hash, b"", 0
        self.secret = "psk" in messages[-1]
        self._mix_hash(prologue)
        if before:  # the server's key is known: it is its own, or that of the other side
            self._mix_hash(_there(self.other["s"]) if initiator else public_key(_there(static)))

    # ---- section 5.2 -------------------------------------------------------------------------------------

    def _mix_hash(self, data: bytes) -> None:
        self.hash = hashlib.sha256(self.hash + data).digest()

    def _mix_key(self, material: bytes) -> None:
        self.chaining, self.key = derive(self.chaining, material, 2)
        self.number = 0

    def _mix_psk(self) -> None:
        self.chaining, mixed, self.key = derive(self.chaining, _there(self.psk), 3)
        self._mix_hash(mixed)
        self.number = 0

    def _encrypt(self, text: bytes) -> bytes:
        sealed = encrypt(self.key, self.number, self.hash, text) if self.key else text
        self.number += 1
        self._mix_hash(sealed)
        return sealed

    def _decrypt(self, sealed: bytes) -> bytes:
        text = decrypt(self.key, self.number, self.hash, sealed) if self.key else sealed
        self.number += 1
        self._mix_hash(sealed)
        return text

    # ---- section 5.3 -------------------------------------------------------------------------------------

    def write(self, payload: bytes = b"") -> bytes:
        """The next message."""
        message = b""
        for step in self.messages.pop(0):
            if step == "e":
                key = public_key(_there(self.own["e"]))
                message += key
                self._mix_ephemeral(key)
            elif step == "s":
                message += self._encrypt(public_key(_there(self.own["s"])))
            else:
                self._mix(step)
        return message + self._encrypt(payload)

    def read(self, message: bytes) -> bytes:
        """The payload of the next message. Raises Altered: the handshake is of no more use then."""
        for step in self.messages.pop(0):
            size = KEY + (TAG if step == "s" and self.key else 0)
            if step in ("e", "s"):
                key, message = message[:size], message[size:]
                self.other[step] = key if step == "e" else self._decrypt(key)
                if step == "e":
                    self._mix_ephemeral(key)
            else:
                self._mix(step)
        return self._decrypt(message)

    def _mix_ephemeral(self, key: bytes) -> None:
        self._mix_hash(key)
        if self.secret:  # section 9.2
            self._mix_key(key)

    def _mix(self, step: str) -> None:
        if step == "psk":
            self._mix_psk()
        else:  # "se": the key "s" of who began, and "e" of who answers
            mine, theirs = (step[0], step[1]) if self.initiator else (step[1], step[0])
            self._mix_key(agree(_there(self.own[mine]), _there(self.other[theirs])))

    def split(self) -> tuple[bytes, bytes]:
        """The keys for what the initiator says, and for what it hears, when all messages were exchanged."""
        first, second = derive(self.chaining, b"", 2)
        return (first, second)


def _there(key: bytes | None) -> bytes:
    if key is None:
        raise Altered("this handshake needs a key that is not there")
    return key
