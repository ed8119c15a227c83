"""What an instance takes in a second, and what a page may have on its way."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from htagweb_flask.errors import BadMessage, TooMany
from htagweb_flask.pool.client import DEPTH, NODES, decode_call
from htagweb_flask.pool.intake import Intake


def taken(intake: Intake, times: int, waiting: int = 0) -> int:
    """How many of so many are taken."""
    count = 0
    for _ in range(times):
        try:
            intake.take(waiting)
            count += 1
        except TooMany:
            pass
    return count


def test_a_rate_is_kept_over_any_time() -> None:
    now = [50.0]
    intake = Intake(10, 5, lambda: now[0])
    assert taken(intake, 100) == 20
    assert taken(intake, 100) == 0
    now[0] += 0.5
    assert taken(intake, 100) == 5
    now[0] += 1000
    assert taken(intake, 100) == 20


def test_a_queue_is_bounded() -> None:
    intake = Intake(1000, 5)
    assert taken(intake, 10, waiting=4) == 10
    assert taken(intake, 10, waiting=5) == 0
    with pytest.raises(TooMany, match="^5 interactions of the page wait, [0-9]+ are left for this second$"):
        intake.take(5)


def body(message: Any) -> bytes:
    return b'{"seq":1,"cursor":0,"message":%s}' % (
        message if isinstance(message, bytes) else json.dumps(message).encode()
    )


@pytest.mark.parametrize(
    "message",
    [
        b"[" * 31 + b"]" * 31,
        {"text": "[[[[" * 1000 + "{" * 1000},
        {"text": '"[' * 1000},
        {"text": "\\" * 999 + '"' + "[" * 99},
        list(range(50_000)),
        {str(number): [number] for number in range(20_000)},
    ],
)
def test_what_pages_send_is_read(message: Any) -> None:
    assert decode_call(body(message)).seq == 1


@pytest.mark.parametrize(
    "message",
    [
        b"[" * DEPTH + b"]" * DEPTH,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b"[" * 8_000_000,
        b"[]," * 3_000_000,
        b'"",' * 3_000_000,
        b'\\"' * 8_000_000,
        b'"' + b'\\"' * 8_000_000,
        b'"a' * 5_000_000,
        b"{" * 33 + b'"' * 5_000_000,
        b"1," * (NODES + 1) + b"1",
    ],
    ids=lambda message: repr(message[:12]),
)
def test_what_is_too_deep_or_too_much_is_refused_in_no_time(message: bytes) -> None:
    start = time.process_time()
    with pytest.raises(BadMessage):
        decode_call(body(message))
    assert time.process_time() - start < 1
