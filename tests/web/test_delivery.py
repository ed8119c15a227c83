"""Cuts of the network: nothing is lost, nothing is done twice, and the user is told calmly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints, offline
from tests.proxy import Proxy
from tests.servers import PARANO, Server
from tests.support import GENERATION, wait_until
from tests.web.pages import click, connected, gunicorn, log, logged, part, requests

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

LOST = "Connection lost, trying again…"


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_delivery:app") as server:
        yield server


@pytest.fixture
def proxy(site: Server, complaints: Complaints) -> Iterator[Proxy]:
    complaints.allow("net::ERR_")
    with Proxy(site.port) as relay:
        yield relay


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    return connected(page)


def off(page: Page) -> None:
    """Waits until the page shows that it is cut off."""
    page.wait_for_function("document.body.classList.contains('htagoff')", timeout=20_000)
    expect(page.get_by_role("status").filter(has_text=LOST)).to_be_visible()
    expect(page.get_by_role("button", name="Reload")).to_be_hidden()  # it comes back by itself


def on(page: Page) -> None:
    """Waits until nothing of that is left."""
    page.wait_for_function("!document.body.classList.contains('htagoff')", timeout=30_000)
    expect(page.get_by_text(LOST)).to_be_hidden()


@pytest.mark.parametrize("transport", ["sse", "longpoll"])
def test_clicks_during_a_cut_are_executed_once_after_it(
    context: BrowserContext, proxy: Proxy, transport: str
) -> None:
    page = opened(context, f"{proxy.url}/{transport}/")
    proxy.cut()
    off(page)
    click(page, "hit")
    click(page, "hit")
    proxy.restore()
    logged(page, 1, 2)
    on(page)
    click(page, "hit")
    logged(page, 1, 2, 3)


def test_without_pushes_a_cut_shows_at_the_next_click_which_is_executed_once(
    context: BrowserContext, proxy: Proxy
) -> None:
    page = opened(context, f"{proxy.url}/none/")
    proxy.cut()
    click(page, "hit")
    off(page)
    click(page, "hit")
    proxy.restore()
    logged(page, 1, 2)
    on(page)


@pytest.mark.parametrize("transport", ["sse", "longpoll", "none"])
def test_a_click_whose_answer_is_cut_off_is_executed_once(
    context: BrowserContext, proxy: Proxy, site: Server, transport: str
) -> None:
    page = opened(context, f"{proxy.url}/{transport}/")
    calls = requests(page, "call")
    watching = opened(context, f"{site.url}/{transport}/")
    click(page, "slow")
    if transport != "none":  # else there is no telling, but by reloading
        expect(part(watching, "slow-is")).to_have_text("started")
    proxy.cut()
    off(page)
    assert log(page) == []
    proxy.restore()
    logged(page, 1)
    on(page)
    expect(part(page, "slow-is")).to_have_text("ended")
    click(page, "hit")
    logged(page, 1, 2)
    if not PARANO:  # else it is sealed, at each try anew
        assert len(set(calls)) == 2  # two messages, however often they were sent
    watching.reload()
    expect(part(watching, "shown")).to_have_text("2")


@pytest.mark.parametrize("transport", ["sse", "longpoll"])
def test_pushes_during_a_cut_arrive_after_it_once_and_in_order(
    context: BrowserContext, proxy: Proxy, site: Server, transport: str
) -> None:
    watching = opened(context, f"{site.url}/{transport}/")
    page = opened(context, f"{proxy.url}/{transport}/")
    proxy.cut()
    off(page)
    click(watching, "tick")
    logged(watching, 1, 2, 3)
    assert log(page) == []
    proxy.restore()
    logged(page, 1, 2, 3)
    on(page)
    expect(part(page, "shown")).to_have_text("3")
    click(watching, "tick")
    logged(page, 1, 2, 3, 4, 5, 6)


def test_after_more_than_is_kept_for_a_page_it_is_drawn_anew(
    context: BrowserContext, proxy: Proxy, site: Server
) -> None:
    watching = opened(context, f"{site.url}/sse/")
    page = opened(context, f"{proxy.url}/sse/")
    click(page, "hit")
    logged(page, 1)
    page.evaluate("window.mine = true")
    proxy.cut()
    off(page)
    click(watching, "flood")
    expect(part(watching, "shown")).to_have_text("13")
    proxy.restore()
    on(page)
    expect(part(page, "shown")).to_have_text("13")
    assert log(page) == [1]  # the scripts of what was not kept are left out, all of them
    click(page, "tick")
    logged(page, 1, 14, 15, 16)
    assert page.evaluate("window.mine")  # no reload


def test_a_late_answer_does_not_bring_back_what_a_push_has_replaced(
    context: BrowserContext, site: Server
) -> None:
    page, other = (opened(context, f"{site.url}/sse/") for _ in range(2))
    late = []

    def hold(route: Route) -> None:
        late.append((route, route.fetch()))

    page.route("**/_htag/call", hold)
    click(page, "hit")
    expect(part(other, "shown")).to_have_text("1")
    click(other, "hit")
    expect(part(page, "shown")).to_have_text("2")
    wait_until(lambda: page.evaluate("1") and late, 20, "the answer")
    for route, answer in late:
        route.fulfill(response=answer)
    page.unroute("**/_htag/call")
    click(page, "hit")
    expect(part(page, "shown")).to_have_text("3")
    assert log(page) == ([1, 3] if GENERATION == 1 else [1, 2, 3])  # whose scripts are for who has clicked


def test_a_tag_that_is_missing_in_a_page_does_not_keep_the_rest_from_it(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/sse/")
    connected(page)
    part(page, "slow-is").evaluate("element => element.remove()")
    click(page, "slow")
    logged(page, 1)
    expect(part(page, "shown")).to_have_text("1")


def test_a_click_while_the_browser_is_offline_is_executed_when_it_is_online(
    context: BrowserContext, site: Server, complaints: Complaints
) -> None:
    complaints.allow("net::ERR_")
    page = opened(context, f"{site.url}/sse/")
    with offline(context):
        click(page, "hit")
        click(page, "hit")
        off(page)
    logged(page, 1, 2)
    on(page)


def test_behind_a_proxy_that_holds_streams_back_pushes_come_by_polls(
    context: BrowserContext, site: Server
) -> None:
    with Proxy(site.port, hold_streams=True) as proxy:
        page = context.new_page()
        polls = requests(page, "poll")
        page.goto(f"{proxy.url}/auto/")
        click(page, "tick")
        page.wait_for_function("log.length === 3", timeout=15_000)  # 5 s, and some for a busy machine
        assert log(page) == [1, 2, 3]
        assert polls
        assert "htagoff" not in (page.locator("body").get_attribute("class") or "")
        page.goto("about:blank")
