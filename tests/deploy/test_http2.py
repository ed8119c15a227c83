"""HTTP/2 between browser and proxy: more open pages than a browser has connections over HTTP/1.1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.proxies import Running, apache, block, nginx
from tests.server.desk import QUICK, SOON
from tests.servers import Server, serve

TABS = 8
"""Browsers open six connections to a host."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve("gunicorn-gevent", "tests.apps.web_delivery:app", env=QUICK, options=SOON) as running:
        yield running


@pytest.fixture(params=["nginx", "apache"])
def proxy(server: Server, request: pytest.FixtureRequest) -> Iterator[Running]:
    run, part = {"nginx": (nginx, "listen 443"), "apache": (apache, "<VirtualHost")}[request.param]
    with run(block(request.param, part), server.port) as running:
        yield running


def test_many_pages_with_streams(proxy: Running, new_user: Callable[..., Any]) -> None:
    context = new_user(ignore_https_errors=True)
    pages = [context.new_page() for _ in range(TABS)]
    for page in pages:
        page.goto(f"{proxy.url}/auto/")
    protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
    assert pages[-1].evaluate(protocol) == "h2"
    pages[-1].click("[data-test=tick]")
    for page in pages:  # one instance: each page is told by its own stream
        page.wait_for_function("window.log.length == 3")
        assert page.evaluate("window.log") == [1, 2, 3]
    streams = "performance.getEntriesByType('resource').filter(one => one.name.includes('/poll')).length"
    assert pages[0].evaluate(streams) == 0
    for page in pages:
        page.close()
