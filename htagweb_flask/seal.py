"""Parano: what is said between a page and its instance, sealed. The handshake, and the records after it.

Without I/O and without a clock, like the protocol. The page's side is ``static/seal.js``.

A handshake is three messages of Noise (``noise.py``), with nothing in them but keys. The first has two bytes
in front: VERSION, and the suite, which says how much both sides know before: PINNED, that the page knows the
server's key; SECRET, that both know a secret. The prologue, which both sides must agree on, names version,
suite, origin and mount.

A record is

    version u8 | kind u8 | epoch u16 | number u64 | sealed text | tag of 16 bytes        (big-endian)

where the tag vouches for the first 12 bytes, too; and, in an answer, for the number of the record that it
answers, so that the answer to one request cannot be given to another. The text is its length (u32), the
message, and zeros: records have few sizes (Padmé: Nikitin et al., "Reducing Metadata Leakage from Encrypted
Files and Communication with PURBs", PETS 2019, section 4). Each direction has a key of its own, and numbers
its records from 0: a number is a nonce, and is for one record. After 2**16 records comes the next epoch, with
the next key (Rekey() of Noise); the key before is kept for what is late.
"""

from __future__ import annotations

import os
import struct
import weakref

from .errors import Altered, Locked, Replayed
from .noise import KEY, TAG, Noise, decrypt, encrypt, rekey

__all__ = ["THIRD", "Channel", "Handshake", "prologue"]

VERSION = 1
PINNED, SECRET = 1, 2
SUITES = ("XN", "XK", "XNpsk3", "XKpsk3")
"""The pattern for each sum of PINNED and SECRET."""

THIRD = KEY + TAG + TAG
"""Bytes of the third message, which travels in front of the first record."""

ASKS, ANSWERS = 1, 2

BACK = 256
"""How late a record may come: so many were accepted after it."""

AHEAD = 4096
"""How many records before it may be on their way, or lost."""

LAST = 2**32
"""Records of one direction: as many as the epochs can count."""

_HEADER = struct.Struct(">BBHQ")
_SHORT = struct.Struct(">H")
_LENGTH = struct.Struct(">I")
_NUMBER = struct.Struct(">Q")


def prologue(suite: int, origin: str, mount: str) -> bytes:
    """What both sides must see in the same way before they agree on keys."""
    texts = ["htagweb_flask parano", chr(VERSION), SUITES[suite], origin, mount]
    return b"".join(_SHORT.pack(len(text.encode())) + text.encode() for text in texts)


def padded(size: int) -> int:
    """The size that a text of *size* bytes is given: at most 12 % more (Padmé)."""
    exponent = size.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size + mask) & ~mask


class Handshake:
    """The server's side of one handshake with a page that was loaded from *origin*, for the app at *mount*.

    *static* is the server's private key, for pages that know its public key. *secret*, 32 bytes: pages that
    do not know it are refused.
    """

    def __init__(
        self, origin: str, mount: str, static: bytes | None = None, secret: bytes | None = None
    ) -> None:
        self._where, self._static, self._secret = (origin, mount), static, secret
        self._noise: Noise | None = None
        self._closed = False
        _open.add(self)

    def answer(self, first: bytes) -> bytes:
        """The message to send to the page that sent *first*. Raises Altered, and Locked where it knows of no
        secret, and this server demands one."""
        version, suite = first[:2] if len(first) > 2 else (0, 0)
        if self._closed or version != VERSION or suite >= len(SUITES):
            raise Altered("not a handshake that this server knows")
        if self._secret and not suite & SECRET:
            raise Locked("this server demands a secret")
        where = prologue(suite, *self._where)
        noise = Noise(SUITES[suite], where, False, self._static, None, self._secret)
        if noise.read(first[2:]):
            raise Altered("a first message with something in it")
        self._noise = noise
        return noise.write()

    def finish(self, third: bytes) -> Channel:
        """The channel, when the page has proved that it has the keys it speaks of. Raises Altered."""
        noise, self._noise = self._noise, None
        if noise is None or noise.read(third):
            raise Altered("not the end of a handshake")
        hears, says = noise.split()
        return Channel(says, hears, noise.other["s"] or b"")

    def close(self) -> None:
        """Forgets the keys."""
        self._noise = self._static = self._secret = None
        self._closed = True


class Channel:
    """What one side says to the other and hears from it. *peer* is the static public key of the other side.

    The server opens what asks, and seals what answers; a page does it the other way round.
    """

    def __init__(self, says: bytes, hears: bytes, peer: bytes = b"") -> None:
        self.peer = peer
        self._says, self._hears = _Ratchet(says), _Ratchet(hears)
        self._said = 0
        self._window = _Window()
        _open.add(self)

    def seal(self, message: bytes, answers: int | None = None) -> bytes:
        """The next record: it answers the record of that number, or asks. Raises Altered after the last."""
        number, self._said = self._said, self._said + 1
        if number >= LAST:
            raise Altered("this channel has said all that it can say")
        header, beside = _beside(number, answers)
        text = (_LENGTH.pack(len(message)) + message).ljust(padded(_LENGTH.size + len(message)), b"\0")
        return header + encrypt(self._says.key(number >> 16, keep=True), number, beside, text)

    def open(self, record: bytes, answers: int | None = None) -> tuple[int, bytes]:
        """The number and the message of *record*, which answers our record of that number, or asks.

        Raises Replayed for a record that was opened before, or is very late, and Altered for one that was not
        sealed by the other side for this channel. Nothing has changed then.
        """
        if len(record) < _HEADER.size + _LENGTH.size + TAG:
            raise Altered("too short for a record")
        number = _NUMBER.unpack_from(record, 4)[0]
        header, beside = _beside(number, answers)
        if number >= LAST or record[: _HEADER.size] != header:
            raise Altered("not a record of this kind")
        self._window.check(number)
        text = decrypt(self._hears.key(number >> 16), number, beside, record[_HEADER.size :])
        self._window.mark(number)
        self._hears.key(self._window.next - 1 >> 16, keep=True)
        size = _LENGTH.unpack_from(text)[0]
        if len(text) != padded(_LENGTH.size + size):
            raise Altered("not padded as it should be")
        return number, text[_LENGTH.size : _LENGTH.size + size]

    def close(self) -> None:
        """Forgets the keys: nothing is sealed or opened any more."""
        self._says.wipe()
        self._hears.wipe()


def _beside(number: int, answers: int | None) -> tuple[bytes, bytes]:
    """The header of a record, and all that its tag vouches for beside the text."""
    kind = ASKS if answers is None else ANSWERS
    header = _HEADER.pack(VERSION, kind, number >> 16 & 0xFFFF, number)
    return header, header if answers is None else header + _NUMBER.pack(answers)


class _Ratchet:
    """The keys of one direction, by epoch: the newest that is in use, and the one before."""

    def __init__(self, key: bytes) -> None:
        self._keys = {0: bytearray(key)}

    def key(self, epoch: int, keep: bool = False) -> bytearray:
        """That of *epoch*; with *keep*, which turns back never, it is the newest from now on."""
        if not self._keys:
            raise Altered("this channel is closed")
        newest = max(self._keys)
        if epoch < newest:
            if epoch not in self._keys:
                raise Replayed("an epoch that is over")
            return self._keys[epoch]
        keys = {newest: self._keys[newest]}
        for each in range(newest, epoch):
            keys[each + 1] = bytearray(rekey(keys[each]))
        if keep and epoch > newest:
            for each, key in {**self._keys, **keys}.items():
                if each < epoch - 1:
                    key[:] = bytes(KEY)
            self._keys = {each: key for each, key in keys.items() if each >= epoch - 1}
        return keys[epoch]

    def wipe(self) -> None:
        for key in self._keys.values():
            key[:] = bytes(KEY)
        self._keys = {}


class _Window:
    """Which records have come, of those that may still come."""

    def __init__(self) -> None:
        self.next, self._seen = 0, 0  # one above the highest; bit i: next - 1 - i has come

    def check(self, number: int) -> None:
        """Raises Replayed and Altered for what is not to be opened."""
        back = self.next - 1 - number
        if back >= BACK or (back >= 0 and self._seen >> back & 1):
            raise Replayed("this record was opened before, or is too late")
        if -back > AHEAD:
            raise Altered("too far ahead")

    def mark(self, number: int) -> None:
        """*number* has come."""
        back = self.next - 1 - number
        if back < 0:
            self._seen, self.next = self._seen << -back & (1 << BACK) - 1, number + 1
        self._seen |= 1 << max(back, 0)


_open: weakref.WeakSet[Handshake | Channel] = weakref.WeakSet()
"""Whose keys are wiped in a process that is forked from this one: what an app forks has no business with
them, and a number that two processes use is a nonce that is used twice."""


def _wipe() -> None:
    for each in list(_open):
        each.close()


if hasattr(os, "register_at_fork"):  # where processes can fork
    os.register_at_fork(after_in_child=_wipe)
