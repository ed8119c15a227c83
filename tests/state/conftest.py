"""Sites that keep their sessions in each of the ways there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.servers import Server, serve
from tests.state.kit import SITE, SOON, Anywhere, environment

KINDS = ("files", "memory", "redis")


@pytest.fixture(params=KINDS, scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, kind: str) -> Iterator[Server]:
    """Four web processes and a pool, for all tests of a module."""
    env = environment(kind, request)
    with serve("gunicorn-gevent", SITE, workers=4, env=env, options=SOON) as running:
        yield running


@pytest.fixture
def user(server: Server) -> Anywhere:
    return Anywhere(server.url)


@pytest.fixture
def site(request: pytest.FixtureRequest, live: Callable[..., Server]) -> Callable[..., Server]:
    """Starts a site of a test's own: site("redis", STATE_LIFE="3")."""

    def start(kind: str, target: str = SITE, workers: int = 4, **env: str) -> Server:
        environ = environment(kind, request, **env)
        return live("gunicorn-gevent", target, workers=workers, env=environ, options=SOON)

    return start
