"""Fixtures of the tests over HTTP."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A private folder whose path leaves room for that of a socket, which pytest's own does not."""
    folder = Path(tempfile.mkdtemp(prefix="hs", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)
