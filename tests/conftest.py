"""Fixtures and rules of the whole suite. The tools behind them: servers.py, http_client.py, browser.py."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator

import pytest

pytest.register_assert_rewrite("tests.servers", "tests.browser", "tests.http_client", "tests.proxy")

from tests import servers  # noqa: E402
from tests.browser import BROWSER_FIXTURES, browser, complaints, context, new_user, page  # noqa: E402, F401
from tests.http_session import close_kept_connections  # noqa: E402
from tests.support import FAILED, GENERATION  # noqa: E402

LOG_LINES = 60


@pytest.fixture(scope="session")
def generation() -> int:
    """The generation of htag that is installed: 1 or 2."""
    return GENERATION


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    yield
    close_kept_connections()


@pytest.fixture
def live() -> Iterator[Callable[..., servers.Server]]:
    """Starts servers that run until the end of the test: live("waitress", "tests.apps.x:app", threads=4)."""
    with contextlib.ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(servers.serve(*args, **options))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The url of a Redis that belongs to this run. Its keys are for the test to choose, or to flush."""
    with servers.redis_server() as url:
        yield url


def _is_browser_test(item: pytest.Item) -> bool:
    return not BROWSER_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is for the other generation only, or for pages in clear, and puts modules with browser
    tests last.

    Last, because Playwright's synchronous API keeps an event loop running in the main thread from its start
    to its end: asyncio.run() in a later test would fail.
    """
    with_browser = {item.path for item in items if _is_browser_test(item)}
    items.sort(key=lambda item: item.path in with_browser)
    for item in items:
        if _is_browser_test(item):
            item.add_marker(pytest.mark.browser)
    left_out = [f"htag{3 - GENERATION}", *(["clear"] if servers.PARANO else [])]
    others = [item for item in items if any(map(item.get_closest_marker, left_out))]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in set(others)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps the outcome for the fixtures' ends, and shows the servers' logs with a failure."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    if report.failed:
        for server in servers.RUNNING:
            report.sections.append((f"log of {server!r}", server.log_end(LOG_LINES)))
    return report
