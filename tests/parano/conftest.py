"""A site whose apps are sealed: with one process for all instances, and with a process for each session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.server.desk import QUICK, SOON
from tests.servers import Server, serve

expect.set_options(timeout=20_000)  # as in tests/web


@pytest.fixture(scope="module", params=["shared", "session"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(isolation: str) -> Iterator[Server]:
    env = {**QUICK, "HTAG_WORKERS": "1", "HTAG_ISOLATION": isolation}
    with serve("gunicorn-gevent", "tests.apps.sealed:app", workers=2, env=env, options=SOON) as running:
        yield running
