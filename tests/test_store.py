"""What has changed in a session."""

from __future__ import annotations

from typing import Any

import pytest

from htagweb_flask.store import changes


@pytest.mark.parametrize(
    ("before", "after", "put", "drop"),
    [
        ({}, {}, {}, []),
        ({"a": 1}, {"a": 1}, {}, []),
        ({"a": 1}, {}, {}, ["a"]),
        ({}, {"a": None}, {"a": None}, []),
        ({"a": 1}, {"a": True}, {"a": True}, []),
        ({"a": 1}, {"a": 1.0}, {"a": 1.0}, []),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}, []),
    ],
)
def test_changes_are_what_is_different(before: Any, after: Any, put: Any, drop: Any) -> None:
    assert changes(before, after) == (put, drop)
