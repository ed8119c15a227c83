"""Fixtures of the tests over HTTP."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_client import Page
from tests.server.desk import DESK, QUICK, SOON, Anywhere
from tests.servers import Server, serve


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The desk, on four workers; many modules have one of their own."""
    with serve("gunicorn-gevent", DESK, workers=4, env=QUICK, options=SOON) as running:
        yield running


@pytest.fixture
def page(server: Server) -> Page:
    """A page of it, by whichever worker answers."""
    return Anywhere(server.url).open("/")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A private folder whose path leaves room for that of a socket, which pytest's own does not."""
    folder = Path(tempfile.mkdtemp(prefix="hs", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)
