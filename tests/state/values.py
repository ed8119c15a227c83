"""A value of each type that a session keeps."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

__all__ = ["VALUES", "same", "wrong"]

VALUES: dict[str, Any] = {
    "none": None,
    "bool": True,
    "int": -7,
    "big int": 2**100,
    "float": 0.1,
    "whole float": 1.0,
    "text": "é \u2028 👩‍🚀 \x00 </script>",
    "bytes": b"\x00\xff",
    "list": [1, [2, []]],
    "tuple": (1, (2, ())),
    "set": {1, "a", (2, 3)},
    "frozen set": frozenset({1, frozenset({2})}),
    "dict": {"a": {"b": {}}},
    "dict of ints": {1: "a", 2: {3: "b"}},
    "dict of others": {(1, "x"): 1, datetime.date(2024, 2, 29): 2, None: 3, 1.5: 4, b"k": 5},
    "time": datetime.datetime(2024, 2, 29, 23, 59, 59, 999999),
    "time with zone": datetime.datetime(
        2024, 2, 29, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    ),
    "date": datetime.date(1, 1, 1),
    "decimal": decimal.Decimal("1.10"),
    "uuid": uuid.UUID(int=2**127 + 1),
    "nested": {"a": [(1, {2}), {"d": decimal.Decimal("0")}], "b": ({(1,): {"c": b""}},)},
}


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down: 1, 1.0 and True are three values."""
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, list | tuple):
        return all(map(same, one, other))
    if isinstance(one, dict):
        return all(same(item, other[key]) for key, item in one.items())
    return str(one) == str(other) if isinstance(one, decimal.Decimal) else True


def wrong(session: Any) -> list[str]:
    """The names of those that *session* does not hold as they are."""
    return [name for name in VALUES if name not in session or not same(session[name], VALUES[name])]
