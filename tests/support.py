"""What every kind of test needs: waiting for a condition, and saying that this machine lacks something."""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

__all__ = ["FAILED", "GENERATION", "ROOT", "unavailable", "wait_until"]

ROOT = Path(__file__).resolve().parent.parent

#: The generation of htag that is installed here: 1 or 2.
GENERATION = int(importlib.metadata.version("htag").split(".")[0])

#: Where conftest.py keeps whether a test failed, for the ends of its fixtures.
FAILED = pytest.StashKey[bool]()

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout: float = 10, what: str = "", every: float = 0.02) -> T:
    """The first true value of *condition*; fails when there is none in time. In place of any sleep."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__name__", repr(condition))
            pytest.fail(f"not within {timeout:g} seconds: {name} (last value: {value!r})")
        time.sleep(every)


def unavailable(what: str) -> NoReturn:
    """Skips on a machine that lacks *what*, and fails where all must be proved (CI=1, as make test sets)."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not available, and CI is set")
    pytest.skip(f"{what} is not available")
