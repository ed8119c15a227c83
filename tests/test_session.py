"""What a session may hold, and how it travels."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from htagweb_flask.session import MAX_VALUE, Snapshot, check, pack, pack_all, pack_foreign, unpack
from tests.state.values import same

quick = settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
)
hashable = st.recursive(
    plain
    | st.datetimes()
    | st.datetimes(timezones=st.just(datetime.timezone.utc))
    | st.dates()
    | st.decimals(allow_nan=False)
    | st.uuids(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
anything = st.recursive(
    hashable | st.sets(hashable, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.dictionaries(hashable, inner, max_size=2)
    ),
    max_leaves=8,
)


@given(anything)
@quick
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert same(unpack(pack(value)), value)
    assert same(unpack(pack_foreign(value)), value)


class Colour(enum.Enum):
    RED = 1


def in_itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Colour.RED,
        lambda: 1,
        1j,
        range(3),
        in_itself(),
        "\ud83d",
        int,
        Exception("x"),
        type("Text", (str,), {})("x"),
        bytearray(b"x"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"k": v}, lambda v: (v,)])
def test_a_value_that_no_storage_keeps_is_refused_where_it_is_set(value: Any, wrap: Any) -> None:
    with pytest.raises(TypeError):
        pack(wrap(value))
    snapshot = Snapshot()
    with pytest.raises(TypeError, match=r"^session\['key'\]: .* keep None, bool"):
        snapshot["key"] = wrap(value)
    with pytest.raises(TypeError):
        snapshot.setdefault("key", wrap(value))
    with pytest.raises(TypeError):
        snapshot.update(key=wrap(value))
    assert snapshot == {}
    assert snapshot.delta() is None


def test_a_value_over_the_limit_is_refused() -> None:
    check("x", b"x" * (MAX_VALUE - 10))
    with pytest.raises(ValueError, match=f"x: .* over the limit of {MAX_VALUE}"):
        check("x", b"x" * MAX_VALUE)


@pytest.mark.parametrize("key", [1, None, b"x", ("x",)])
def test_a_key_that_is_no_text_is_refused(key: Any) -> None:
    with pytest.raises(TypeError, match="the keys of a session are texts"):
        Snapshot()[key] = 1


@given(st.binary(max_size=40))
@quick
def test_garbage_is_an_error_of_value(data: bytes) -> None:
    try:
        unpack(data)
    except ValueError:
        pass


@pytest.mark.parametrize("code", [*range(1, 10), 99])
@pytest.mark.parametrize("data", [b"", b"zz", b"\xff\xff", b"\x91\x91\x01", b"\x93\x90\x90\x90"])
def test_garbage_inside_of_an_extension_too(code: int, data: bytes) -> None:
    packed = b"\xc7" + bytes([len(data), code]) + data
    try:
        unpack(packed)
    except ValueError:
        pass


def test_a_snapshot_for_the_pool_leaves_out_what_is_not_for_apps() -> None:
    session = {"user": "ann", "_htag": "link", "_htag_more": 1, "object": object(), "tuple": (1, 2)}
    assert Snapshot(pack_all(session)) == {"user": "ann", "tuple": (1, 2)}


# ---- changes


def test_every_type_is_named_to_who_used_another() -> None:
    with pytest.raises(TypeError) as refused:
        check("tag.state['x']", object())
    for kind in (type(None), decimal.Decimal, uuid.UUID, frozenset, datetime.datetime):
        assert kind.__name__.replace("NoneType", "None") in str(refused.value)
