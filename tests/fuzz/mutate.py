"""New inputs from old ones, by their structure: what is JSON with a few bytes changed is seldom JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import atheris
import msgspec

__all__ = ["MUTATORS"]

#: What takes the place of a value.
LEAVES: list[Any] = [
    None, True, False, 0, 1, 2, -1, 42, 2**53 + 1, 2**64, 10**400, 0.0, -0.0, 1.5, 1e300, float("nan"), "",
    "1", "a", "z", "é", "\ud83d", "<x>", "<...arguments>", "<a, b>", "act", "note", "__on__", "onclick-1", [],
    {}, [[]], {"a": 1},
]  # fmt: skip
KEYS = ["id", "method", "args", "kargs", "event", "seq", "cursor", "message", "at", "who", "n", "a", ""]


def mutated(value: Any, draw: random.Random) -> Any:
    """*value* with one change somewhere in it."""
    if not isinstance(value, list | dict) or not value or draw.random() < 0.05:
        return _replaced(value, draw)
    if isinstance(value, dict):
        return _dict(value, draw)
    copy, at, how = list(value), draw.randrange(len(value)), draw.random()
    if how < 0.7:
        copy[at] = mutated(copy[at], draw)
    elif how < 0.8:
        del copy[at]
    elif how < 0.9:
        copy.insert(at, draw.choice(LEAVES))
    else:
        copy.insert(at, copy[draw.randrange(len(copy))])
    return copy


def _dict(value: dict[Any, Any], draw: random.Random) -> dict[Any, Any]:
    copy, key, how = dict(value), draw.choice(list(value)), draw.random()
    if how < 0.7:
        copy[key] = mutated(copy[key], draw)
    elif how < 0.8:
        del copy[key]
    elif how < 0.9:
        copy[draw.choice(KEYS)] = draw.choice(LEAVES)
    else:
        copy[draw.choice(KEYS)] = copy.pop(key)
    return copy


def _replaced(value: Any, draw: random.Random) -> Any:
    how = draw.random()
    if how < 0.3 and type(value) in (int, float):
        return value + draw.choice([-1, 1, 0.5])
    if how < 0.3 and isinstance(value, str):
        at = draw.randint(0, len(value))
        return value[:at] + draw.choice(["x", "\\", '"', "\0", "<", ">", ":", "é"]) + value[at:]
    if how < 0.4:
        return [value]
    return draw.choice(LEAVES)


Mutator = Callable[[bytes, int, int], bytes]


def _of(read: Callable[[bytes], Any], write: Callable[[Any], bytes]) -> Mutator:
    def mutate(data: bytes, size: int, seed: int) -> bytes:
        draw = random.Random(seed)
        try:
            if draw.random() < 0.1:
                raise ValueError("as bytes, now and then")
            value = read(data)
            for _ in range(draw.choice([1, 1, 1, 3])):
                value = mutated(value, draw)
            written = write(value)
            return written if len(written) <= size else data
        except (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError):
            changed: bytes = atheris.Mutate(data, size)
            return changed

    return mutate


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


_by_json = _of(json.loads, _json)
_by_msgpack = _of(
    lambda data: msgspec.msgpack.decode(data[1:]), lambda value: b"\x21" + msgspec.msgpack.encode(value)
)

#: How the inputs of a target are changed; those of the others are bytes.
MUTATORS = {
    "frames": _by_msgpack,
    "envelope": _by_json,
    "grants": _by_json,
    "constants": _by_json,
    "planted": _by_json,
}
