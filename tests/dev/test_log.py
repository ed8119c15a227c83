"""A line for each error, in the terminal of who writes an app."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from htagweb_flask.log import OneLine


def line(text: str, *args: Any, error: bool = False) -> str:
    record = logging.LogRecord("x", logging.ERROR, "", 0, text, args, sys.exc_info() if error else None)
    time, _, told = OneLine().format(record).partition("  ")
    assert len(time) == 8
    return told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain", "plain"),
        ("", ""),
        ("first\nsecond", "first"),
        ("Client JavaScript Error:\nReferenceError: x\n at y", "Client JavaScript Error: ReferenceError: x"),
        (
            '[1] failed\nTraceback (most recent call last):\n  File "/site-packages/a.py", line 3, in x\n'
            '  File "app.py", line 12, in y\n    1 / 0\nZeroDivisionError: division by zero\n',
            "app.py:12  ZeroDivisionError: division by zero",
        ),
        (
            'import failed\n  File "broken.py", line 1\n    class App(:\n        ^\nSyntaxError: invalid\n',
            "broken.py:1  SyntaxError: invalid",
        ),
    ],
)
def test_it_tells_the_error_and_its_place(text: str, told: str) -> None:
    assert line(text) == told


def test_an_exception_that_is_logged_is_told_so_too() -> None:
    try:
        raise ValueError("<no>\nwith a second line")
    except ValueError:
        told = line("it failed", error=True)
    assert told.startswith("tests/dev/test_log.py:")
    assert told.endswith("  ValueError: <no>")
