"""Fifty clicks and fifty pushes through what people sit behind: all arrive once, and in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import Complaints, offline
from tests.http_proxy import BadProxy
from tests.proxies import nginx
from tests.proxy import Proxy
from tests.servers import PARANO, Server
from tests.support import wait_until
from tests.web.pages import connected, gunicorn, log, requests

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

COUNT = 50

CLICKS = """async ([count, pause]) => {
  for (let i = 0; i < count; i += 1) {
    document.querySelector('[data-test="hit"]').click();
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}"""

WAYS: dict[str, dict[str, Any]] = {
    "buffers": {"buffer": True},
    "cuts": {"life": 3},
    "cuts, and streams are polls": {"life": 3, "refuse": 404},
    "delays": {"delay": 0.3},
    "repeats": {"repeat": True},
    "refuses streams": {"refuse": 502},
    "buffers, cuts and delays": {"buffer": True, "life": 3, "delay": 0.1},
}


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_delivery:app") as server:
        yield server


def clicks_and_pushes(page: Page) -> None:
    """Has the app push fifty times, and clicks fifty times meanwhile."""
    page.bring_to_front()
    page.locator('[data-test="rain"]').click()
    page.evaluate(CLICKS, [COUNT, 150])


def assert_all_there(page: Page) -> None:
    """Each click and each push has left one entry, in the order of the app."""
    wait_until(lambda: len(log(page)) >= 2 * COUNT, 40, "all clicks and pushes")
    assert log(page) == list(range(1, 2 * COUNT + 1))
    assert page.locator('[data-test="shown"]').inner_text() == f"{2 * COUNT}"


@pytest.mark.parametrize("way", WAYS)
def test_through_a_proxy_that(
    context: BrowserContext, site: Server, complaints: Complaints, way: str
) -> None:
    complaints.allow("net::ERR_", "the server responded with a status of (404|502)")
    with BadProxy(site.port, **WAYS[way]) as proxy:
        page = context.new_page()
        page.goto(f"{proxy.url}/auto/")
        clicks_and_pushes(page)
        assert_all_there(page)
        if "buffer" in WAYS[way]:
            assert proxy.held >= 1
        if "life" in WAYS[way]:
            assert proxy.cuts >= 2
        if "repeat" in WAYS[way]:
            assert proxy.repeated >= COUNT
        if "refuse" in WAYS[way]:
            assert proxy.refused >= 1
        page.goto("about:blank")


def test_through_nginx_as_it_comes(context: BrowserContext, site: Server) -> None:
    more = "proxy_set_header Host $http_host;" if PARANO else ""  # both sides have to name the same
    lines = f"server {{ listen 443; location / {{ proxy_pass http://127.0.0.1:8000; {more} }} }}"
    with nginx(lines, site.port, "http") as proxy:
        page = context.new_page()
        streams, polls = requests(page, "stream"), requests(page, "poll")
        page.goto(f"{proxy.url}/auto/")
        clicks_and_pushes(page)
        assert_all_there(page)
        assert (len(streams), len(polls)) == (1, 0)
        page.goto("about:blank")


def test_ten_seconds_without_a_network(context: BrowserContext, site: Server, complaints: Complaints) -> None:
    complaints.allow("net::ERR_")
    with Proxy(site.port) as proxy:
        page = context.new_page()
        page.goto(f"{proxy.url}/auto/")
        connected(page)
        page.bring_to_front()
        page.locator('[data-test="rain"]').click()
        with offline(context):  # which keeps what is open: the proxy cuts that
            proxy.cut()
            page.evaluate(CLICKS, [COUNT, 200])  # ten seconds, in which the pushes come to their end
            assert len(log(page)) < COUNT
            proxy.restore()
        assert_all_there(page)
        page.goto("about:blank")
