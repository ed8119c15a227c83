"""Arguments that JavaScript has had in its hands: a browser sends what Python finds in its grants."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
from typing import Any

import msgspec
import pytest

from tests.support import GENERATION

if GENERATION == 1:
    from htagweb_flask.pool.adapters.htag1_constants import stringify, text_of, written

pytestmark = pytest.mark.htag1

CONSTANTS: list[Any] = [
    None, True, False, 0, -1, 42, 2**31, 2**53 - 1, 2**53, 2**53 + 1, -(2**60) - 1, 2**64, 10**20, 10**21,
    10**22, 10**400, 0.0, -0.0, 1.0, 42.0, 0.1, 1 / 3, 1e-7, 1.5e300, -2.5, 1e16, 1e20, 1e21,
    123456789012345680.0, math.nan, math.inf, -math.inf, "", "text", "é ☃ 😀", "\ud83d", "a\udc00b",
    "</script>", "<:<:1:>:>", "\u2028\x00", "quote\"'\\", [], [1, [2, {"a": None}]], (1, (2,)), {},
    {"a": 1.0, "b": [True]}, {1: "one", None: 2, 2.5: 3}, {True: 1}, {"b": 1, "a": 2}, {"2": 1, "1": 2},
    {"é": "\ud83d"},
]  # fmt: skip


def evaluated(codes: list[str]) -> list[bytes]:
    """What a browser would post of the values of these expressions."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node is not installed")
    script = (
        "const codes = JSON.parse(require('fs').readFileSync(0));"
        "const values = codes.map((code) => JSON.stringify((0, eval)(`(${code})`)));"
        "process.stdout.write(JSON.stringify(values));"
    )
    done = subprocess.run([node, "-e", script], input=json.dumps(codes), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [_sent(text) for text in json.loads(done.stdout)]


def _sent(text: str) -> bytes:
    try:
        return text_of(msgspec.json.decode(text))
    except msgspec.DecodeError:  # half of a surrogate pair: the rule of decode_call
        clean = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace")
        return text_of(msgspec.json.decode(clean))


def test_constants_come_back_as_they_are_expected() -> None:
    draw = random.Random(7)
    numbers: list[Any] = [draw.uniform(-1, 1) * 10 ** draw.randint(-30, 30) for _ in range(300)]
    numbers += [draw.getrandbits(draw.randint(1, 120)) for _ in range(300)]
    values = [*CONSTANTS, *numbers]
    sent = evaluated([stringify([[value], {}]) for value in values])
    for value, body in zip(values, sent, strict=True):
        same, template = written([value], {})
        assert template is None
        assert same == body, value


def test_what_is_not_the_same_is_not_taken_for_it() -> None:
    texts = [written([value], {})[0] for value in [1, True, "1", [1], 1.5, None, "", [], {}, "true", "null"]]
    assert len(set(texts)) == len(texts)
    assert written([1.0], {}) == written([1], {})  # JavaScript does not know the difference
    assert written([], {"a": 1, "b": 2}) == written((), {"b": 2, "a": 1})
    assert written(None, None) == written([], {})


@pytest.mark.parametrize(
    ("args", "sent", "fits"),
    [
        ([b"this.value"], [1], True),
        ([b"this.value"], [], False),
        ([b"this.value"], [1, 2], False),
        ([1, b"x", "z"], [1, None, "z"], True),
        ([1, b"x", "z"], [1, None, "y"], False),
        ([1, b"x", "z"], [True, None, "z"], False),
        ([b"...arguments"], [], True),
        ([b"...arguments"], [1, [2], {}], True),
        ([5, b" ...arguments", 6], [5, 1, 2, 6], True),
        ([5, b"...arguments", 6], [5, 6], True),
        ([5, b"...arguments", 6], [5, 1, 2, 7], False),
        ([5, b"...arguments", 6], [5], False),
        ([b"this.value, this.checked"], ["a", True], True),
        ([b"f(1, 2)"], ["a"], True),
        ([b"a, b", b"c, d", 5], [1, 2, 3, 5], True),  # the first takes it
        ([[b"x", 1]], [["any", 1]], True),
        ([[b"x", 1]], [["any", 2]], False),
        ([[b"x", 1]], ["any"], False),
        ([{"a": b"x", "b": 1}], [{"b": 1, "a": 0}], True),
        ([{"a": b"x", "b": 1}], [{"b": 1}], True),  # undefined
        ([{"a": b"x", "b": 1}], [{"a": 1}], False),
        ([{"a": b"x", "b": 1}], [{"b": 1, "c": 1}], False),
        ([{"a": b"x", "b": 1}], [[]], False),
        ([b"x", 1.0], [None, 1], True),
        ([b"x", "\ud83d"], [None, "?"], True),
    ],
)
def test_javascript_may_become_anything_in_its_place(args: list[Any], sent: list[Any], fits: bool) -> None:
    _, template = written(args, {})
    assert template is not None
    assert template.fits(sent, {}) is fits
    assert template.fits(sent, {"more": 1}) is False


def test_names_are_those_that_were_bound() -> None:
    _, template = written([], {"a": b"this.value", "b": 2})
    assert template is not None
    assert template.fits([], {"a": "any", "b": 2})
    assert template.fits([], {"b": 2})
    for wrong in ({"a": 1}, {"a": 1, "b": 3}, {"a": 1, "b": 2, "c": 3}, {}):
        assert not template.fits([], wrong)


def test_the_javascript_of_two_calls_makes_them_two() -> None:
    assert written([b"a"], {})[0] != written([b"b"], {})[0]
    assert written([b"a", "x"], {})[0] != written(["x", b"a"], {})[0]


def test_javascript_is_written_as_htag_does() -> None:
    assert (
        stringify({"a": [b"this.value", "x"], "b": b"...arguments"})
        == '{"a": [this.value, "x"], "b": ...arguments}'
    )
    assert stringify("<:<:alert(1):>:>") == '"<:<:alert(1):>:>"'
