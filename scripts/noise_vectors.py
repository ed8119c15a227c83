"""Makes tests/seal/noise.json: handshakes as an independent implementation carries them out.

It needs what nothing else here does: pip install noiseprotocol==0.3.1
What it makes is the same each time: keys and texts are hashes of their names.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from noise.connection import Keypair, NoiseConnection

REKEY = 5
"""The message from which on each is under another key than the one before of its direction."""

PATTERNS = ("XN", "XK", "XNpsk3", "XKpsk3")
TARGET = Path(__file__).resolve().parent.parent / "tests" / "seal" / "noise.json"


def made(name: str) -> bytes:
    return hashlib.sha256(f"htagweb_flask: {name}".encode()).digest()


def public(private: bytes) -> bytes:
    connection = NoiseConnection.from_name(b"Noise_NN_25519_AESGCM_SHA256")
    return bytes(connection.noise_protocol.dh_fn.klass.from_private_bytes(private).public_bytes)


def vector(pattern: str, full: bool) -> dict[str, Any]:
    """One handshake and what is said after it; *full*: with something in its messages, too."""
    name = f"Noise_{pattern}_25519_AESGCM_SHA256"
    keys = {
        "init_static": made(f"{name} init static"),
        "init_ephemeral": made(f"{name} init ephemeral"),
        "resp_static": made(f"{name} resp static"),
        "resp_ephemeral": made(f"{name} resp ephemeral"),
        "psk": made(f"{name} psk"),
        "prologue": b"a prologue" * full,
    }
    first, second = (NoiseConnection.from_name(name.encode()) for _ in range(2))
    first.set_as_initiator()
    second.set_as_responder()
    for side, who in ((first, "init"), (second, "resp")):
        side.set_prologue(keys["prologue"])
        side.set_keypair_from_private_bytes(Keypair.EPHEMERAL, keys[f"{who}_ephemeral"])
        if who == "init" or "K" in pattern:
            side.set_keypair_from_private_bytes(Keypair.STATIC, keys[f"{who}_static"])
        if who == "init" and "K" in pattern:
            side.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, public(keys["resp_static"]))
        if "psk" in pattern:
            side.set_psks(keys["psk"])
        side.start_handshake()
    messages = []
    for turn in range(8):
        sender, receiver = (second, first) if turn % 2 else (first, second)
        if turn >= REKEY:
            sender.rekey_outbound_cipher()
            receiver.rekey_inbound_cipher()
        payload = made(f"{name} payload {turn}")[:9] * full
        if turn < 3:
            sealed = bytes(sender.write_message(payload))
            assert bytes(receiver.read_message(sealed)) == payload
        else:
            sealed = bytes(sender.encrypt(payload))
            assert bytes(receiver.decrypt(sealed)) == payload
        messages.append({"payload": payload.hex(), "ciphertext": sealed.hex()})
        if turn == 2:
            handshake_hash = bytes(sender.get_handshake_hash()).hex()
    told = {key: value.hex() for key, value in keys.items()}
    return {"pattern": pattern, **told, "handshake_hash": handshake_hash, "messages": messages}


if __name__ == "__main__":
    vectors = [vector(pattern, full) for pattern in PATTERNS for full in (False, True)]
    TARGET.write_text(
        json.dumps({"made by": "noiseprotocol 0.3.1", "rekey": REKEY, "vectors": vectors}, indent=1) + "\n"
    )
