"""One server for all attacks, with one process for all instances; and one with a process for each session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.server.desk import QUICK, SOON
from tests.servers import Server, serve


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attacked")


@pytest.fixture(scope="module", params=["shared", "session"])
def isolation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(data_dir: Path, isolation: str) -> Iterator[Server]:
    with attacked(data_dir, isolation, 50) as running:
        yield running


@pytest.fixture
def slow_down(tmp_path: Path, isolation: str) -> Iterator[Server]:
    with attacked(tmp_path, isolation, 5) as running:
        yield running


def attacked(data_dir: Path, isolation: str, rate: int) -> AbstractContextManager[Server]:
    env = {**QUICK, "HTAG_WORKERS": "1", "HTAG_DATA_DIR": str(data_dir), "HTAG_MAX_RATE": f"{rate}"}
    env |= {"HTAG_ISOLATION": isolation}
    return serve("gunicorn-gevent", "tests.apps.attacked:app", workers=2, env=env, options=SOON)
