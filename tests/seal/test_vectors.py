"""What parano is made of makes exactly what the standards say, in Python and in JavaScript."""

from __future__ import annotations

from typing import Any

import pytest

from htagweb_flask.errors import Altered
from htagweb_flask.noise import Noise, agree, decrypt, derive, encrypt, rekey

from .page import NodePage
from .vectors import KINDS, pairs

#: As many as there are: a file that is read wrongly must not pass.
COUNTS = {"x25519": 5 + 518, "hkdf": 3 + 83, "encrypt": 39, "decrypt": 66, "noise": 8}


def data(vector: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(vector[name])


def number(vector: dict[str, Any]) -> int:
    return int.from_bytes(data(vector, "iv"), "big")


def handshake(vector: dict[str, Any]) -> list[str]:
    """That of both sides, of which the hash and the messages of the one that begins are returned."""
    pinned, secret = "K" in vector["pattern"], data(vector, "psk") if "psk" in vector["pattern"] else None
    sides = [
        Noise(
            vector["pattern"],
            data(vector, "prologue"),
            initiator,
            data(vector, f"{who}_static") if initiator or pinned else None,
            data(vector, "resp_public") if initiator and pinned else None,
            secret,
            data(vector, f"{who}_ephemeral"),
        )
        for initiator, who in ((True, "init"), (False, "resp"))
    ]
    said: list[bytes] = []
    for turn, message in enumerate(vector["messages"][:3]):
        payload = bytes.fromhex(message["payload"])
        sealed = sides[turn % 2].write(payload)
        assert sides[1 - turn % 2].read(sealed) == payload
        assert sealed.hex() == message["ciphertext"]
        said.append(payload if turn % 2 else sealed)
    assert sides[0].hash == sides[1].hash
    assert sides[0].split() == sides[1].split()
    return [sides[0].hash.hex(), *(each.hex() for each in said), *afterwards(vector, list(sides[0].split()))]


def afterwards(vector: dict[str, Any], keys: list[bytes]) -> list[str]:
    said = []
    for turn, message in enumerate(vector["messages"][3:], 3):
        side = turn % 2
        if turn >= vector["rekey"]:
            keys[side] = rekey(keys[side])
        sealed = encrypt(keys[side], (turn - 3) // 2, b"", bytes.fromhex(message["payload"]))
        assert sealed.hex() == message["ciphertext"]
        said.append(message["payload"] if side else message["ciphertext"])
    return said


def made(kind: str, vector: dict[str, Any]) -> Any:
    """What Python makes of a vector."""
    try:
        if kind == "x25519":
            return agree(data(vector, "private"), data(vector, "public")).hex()
        if kind == "hkdf":
            keys = derive(
                data(vector, "salt"), data(vector, "ikm"), -(-vector["size"] // 32), data(vector, "info")
            )
            return b"".join(keys)[: vector["size"]].hex()
        if kind == "noise":
            return handshake(vector)
        key, beside = data(vector, "key"), data(vector, "aad")
        if kind == "encrypt":
            return encrypt(key, number(vector), beside, data(vector, "msg")).hex()
        return decrypt(key, number(vector), beside, data(vector, "ct") + data(vector, "tag")).hex()
    except Altered:
        return "refused"


@pytest.mark.parametrize("kind", KINDS)
def test_python_makes_what_the_standards_say(kind: str) -> None:
    vectors, expected = pairs(kind)
    assert len(vectors) == COUNTS[kind]
    assert [made(kind, vector) for vector in vectors] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_script_makes_what_the_standards_say(kind: str) -> None:
    vectors, expected = pairs(kind)
    with NodePage() as page:
        assert page.ask("vectors", kind=kind, vectors=vectors) == expected


def test_a_thousand_keys_after_each_other() -> None:
    """RFC 7748, section 5.2: each result is the next key, and the key before is the next point."""
    key = point = bytes([9]).ljust(32, b"\0")
    for _ in range(1000):
        key, point = agree(key, point), key
    assert key.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"
