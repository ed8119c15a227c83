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
    from htag.tag import BaseCaller

    from htagweb_flask.pool.adapters.htag1_constants import fits, keys, noted, stringify
    from htagweb_flask.pool.adapters.htag1_drawing import _original_write

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


def _sent(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # half of a surrogate pair: the rule of decode_call
        clean = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace")
        return msgspec.json.decode(clean)


def passes(bound: Any, sent: list[Any], named: dict[str, Any] | None = None, method: str = "act") -> bool:
    """Whether a message may have come of the call of "act" that was bound with these (args, kargs)."""
    key, pattern, _ = noted(7, "act", *bound)
    named = named or {}
    return key in keys(7, method, sent, named) and (pattern is None or fits(pattern, sent, named))


def test_constants_come_back_as_they_are_expected() -> None:
    draw = random.Random(7)
    numbers: list[Any] = [draw.uniform(-1, 1) * 10 ** draw.randint(-30, 30) for _ in range(300)]
    numbers += [draw.getrandbits(draw.randint(1, 120)) for _ in range(300)]
    values = [*CONSTANTS, *numbers]
    sent = evaluated([stringify([value]) for value in values])
    for value, args in zip(values, sent, strict=True):
        assert passes(([value], {}), args), value
        assert passes(([], {"a": value}), [], {"a": args[0]}), value
        assert passes((["x", value], {}), ["x", *args]), value


def test_of_constants_none_is_taken_for_another() -> None:
    sent = evaluated([stringify([value]) for value in CONSTANTS])
    bodies = [msgspec.json.encode(args, order="sorted") for args in sent]  # that tells true from 1
    for value, body in zip(CONSTANTS, bodies, strict=True):
        for args, other in zip(sent, bodies, strict=True):
            assert passes(([value], {}), args) == (body == other), (value, args)
            assert passes(([b"x", value], {}), [1, *args]) == (body == other), (value, args)
        assert not passes(([value], {}), [])
        assert not passes(([value], {}), [*msgspec.json.decode(body), 0])


def test_what_is_written_in_two_ways_is_the_same() -> None:
    assert noted(7, "act", [], {"a": 1, "b": 2}) == noted(7, "act", (), {"b": 2, "a": 1})
    assert noted(7, "act", None, None)[:2] == noted(7, "act", [], {})[:2]
    assert passes(([1.0], {}), [1])  # JavaScript does not know the difference
    assert not passes(([1], {}), [1.0])  # but would write it as 1


def test_a_call_has_a_target_and_a_method() -> None:
    for args in ([1], [1.5], [b"x"], [1, b"x"], []):
        assert passes((args, {}), [1.5 if each == 1.5 else 1 for each in args])
        assert not passes((args, {}), [1] * len(args), method="other")
        assert noted(7, "act", args, {})[0] not in set(keys(8, "act", [1] * len(args), {}))


def test_what_is_noted_is_a_copy() -> None:
    inner: list[Any] = [1]
    args: list[Any] = [inner, b"x"]
    note = noted(7, "act", args, {})
    inner.append(2)
    args[1] = "y"
    assert note[1] is not None
    assert fits(note[1], [[1], "any"], {})
    assert not fits(note[1], [[1, 2], "any"], {})


@pytest.mark.parametrize(
    ("args", "sent", "fit"),
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
        (["\ud83d", b"x"], ["?", None], True),
        (["a", b"x"], [b"a".decode(), None], True),
        (["a", b"x"], ["b", None], False),
        ([1, b"...arguments"], [1], True),
        ([1, b"...arguments"], [], False),
        ([2**70, b"x"], [2**70 + 1, None], False),
        ([2**53 + 1, b"x"], [2**53, None], True),  # JavaScript does not know the difference
    ],
)
def test_javascript_may_become_anything_in_its_place(args: list[Any], sent: list[Any], fit: bool) -> None:
    assert passes((args, {}), sent) is fit
    assert passes((args, {}), sent, {"more": 1}) is False


def test_names_are_those_that_were_bound() -> None:
    bound: Any = [], {"a": b"this.value", "b": 2}
    assert passes(bound, [], {"a": "any", "b": 2})
    assert passes(bound, [], {"b": 2})
    for wrong in ({"a": 1}, {"a": 1, "b": 3}, {"a": 1, "b": 2, "c": 3}, {}):
        assert not passes(bound, [], wrong)


def test_the_javascript_of_two_calls_makes_them_two() -> None:
    assert noted(7, "act", [b"a"], {}) != noted(7, "act", [b"b"], {})
    assert noted(7, "act", [b"a"], {}) != noted(7, "act", ["a"], {})
    assert noted(7, "act", [b"a", "x"], {}) != noted(7, "act", ["x", b"a"], {})
    assert noted(7, "act", [[b"a"]], {}) != noted(7, "act", [[b"b"]], {})


@pytest.mark.parametrize("kargs", [{}, {"a": 1}, None])
def test_the_text_of_a_call_is_what_htag_writes_of_it(kargs: Any) -> None:
    def written(args: Any) -> str:
        return str(_original_write(BaseCaller(dot, "act", args, kargs)))

    dot, known = object(), 0
    bound = [value.encode(errors="replace") for value in CONSTANTS if isinstance(value, str)]
    for value in [*CONSTANTS, *bound, b"this.value", b"...arguments", b"$('x')[\"y\"]"]:
        for args in ([value], (value,), (1, value, "a"), (b"x", value), (value, b"x")):
            text = noted(id(dot), "act", args, kargs)[2]
            known += text is not None
            assert text in (None, written(args)), value
    assert (known > 60) is (kargs == {})
    assert noted(id(dot), "act", None, kargs)[2] is None, "htag writes null"


def test_javascript_is_written_as_htag_does() -> None:
    assert (
        stringify({"a": [b"this.value", "x"], "b": b"...arguments"})
        == '{"a": [this.value, "x"], "b": ...arguments}'
    )
    assert stringify("<:<:alert(1):>:>") == '"<:<:alert(1):>:>"'
