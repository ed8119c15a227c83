"""Many tabs of one browser, those that nobody looks at, and pages that come back after a while."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.proxy import Proxy
from tests.servers import PARANO, Server
from tests.support import wait_until
from tests.web.pages import click, connected, gunicorn, log, logged, part, requests

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

TABS = 10

LOOK = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_delivery:app") as server:
        yield server


def opened(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    return connected(page)


def seats(page: Page) -> int:
    """How many tabs hold a connection, as the browser knows."""
    found: int = page.evaluate("Object.keys(JSON.parse(localStorage.htagSeats || '{}')).length")
    return found


@pytest.mark.parametrize("transport", ["sse", "longpoll"])
def test_ten_tabs_are_usable_and_updated(context: BrowserContext, site: Server, transport: str) -> None:
    pages = [opened(context, f"{site.url}/{transport}/") for _ in range(TABS)]
    for number, page in enumerate(pages, 1):
        click(page, "hit")
        page.wait_for_function("(number) => log.includes(number)", arg=number)
    assert seats(pages[0]) == 3
    for page in pages:
        expect(part(page, "shown")).to_have_text(f"{TABS}")
    click(pages[0], "tick")
    for page in pages:  # each push once and in order, whether it was streamed or asked for
        expect(part(page, "shown")).to_have_text(f"{TABS + 3}")
        assert log(page)[-3:] == [TABS + 1, TABS + 2, TABS + 3]


def test_tabs_that_a_new_visitor_opens_at_once_are_all_usable(
    context: BrowserContext, site: Server, complaints: Complaints
) -> None:
    """As when a browser that was closed opens them again: each request came without a cookie, each answer has
    brought one, and the last one counts."""
    complaints.allow("403")
    pages = []
    for _ in range(3):
        context.clear_cookies()
        pages.append(opened(context, f"{site.url}/longpoll/"))
    for page in pages[:2]:
        with page.expect_navigation(timeout=15_000):  # nobody has done anything there: nothing is lost
            click(page, "hit")
        connected(page)
    for number, page in enumerate(pages, 1):
        click(page, "hit")
        page.wait_for_function("(number) => log.includes(number)", arg=number)


@pytest.mark.parametrize("used", ["clicked", "typed"])
def test_a_page_that_was_used_says_that_its_session_has_ended(
    context: BrowserContext, site: Server, complaints: Complaints, used: str
) -> None:
    complaints.allow("403")
    page = opened(context, f"{site.url}/longpoll/")
    if used == "clicked":
        click(page, "hit")
        logged(page, 1)
    else:
        page.evaluate("document.body.dispatchEvent(new Event('input', { bubbles: true }))")
    context.clear_cookies()
    opened(context, f"{site.url}/longpoll/")
    click(page, "hit")
    expect(page.locator(".htag-banner")).to_contain_text("Your session has ended.")
    page.get_by_role("button", name="Reload").click()
    connected(page)


def test_a_tab_that_is_closed_leaves_its_seat(context: BrowserContext, site: Server) -> None:
    pages = [opened(context, f"{site.url}/sse/") for _ in range(4)]
    streams = requests(pages[3], "stream")
    assert not streams
    pages[0].close()
    wait_until(lambda: pages[3].evaluate("1") and streams, 10, "the last tab streams")
    assert seats(pages[3]) == 3


def test_a_tab_that_nobody_looks_at_gives_up_its_stream_and_is_still_told(
    context: BrowserContext, site: Server
) -> None:
    page, other = (opened(context, f"{site.url}/sse/") for _ in range(2))
    assert seats(other) == 2
    polls, streams = requests(page, "poll"), requests(page, "stream")
    page.evaluate(LOOK, True)
    wait_until(lambda: other.evaluate("1") and polls, 10, "a short poll")
    assert PARANO or '"hidden":true' in polls[0]
    assert seats(other) == 1
    click(other, "tick")
    logged(page, 1, 2, 3)
    assert not streams
    click(other, "tick")
    logged(other, 1, 2, 3, 4, 5, 6)
    page.evaluate(LOOK, False)
    page.wait_for_function("log.length === 6", timeout=8_000)  # its next poll may be 10 s away
    assert streams
    assert page.evaluate("htagweb.status()") == "open"


def test_a_page_that_is_looked_at_only_now_and_then_keeps_its_stream(
    context: BrowserContext, site: Server
) -> None:
    page = opened(context, f"{site.url}/sse/")
    polls, streams = requests(page, "poll"), requests(page, "stream")
    for hidden in (True, False, True, False):
        page.evaluate(LOOK, hidden)
    click(page, "tick")
    logged(page, 1, 2, 3)
    page.wait_for_timeout(3500)  # a tab is given up after 3 s
    assert not polls
    assert not streams


def test_a_page_that_has_slept_asks_at_once(context: BrowserContext, site: Server) -> None:
    page = opened(context, f"{site.url}/sse/")
    streams = requests(page, "stream")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.evaluate("const now = Date.now; Date.now = () => now() + 30_000; 0")
    assert not streams
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    wait_until(lambda: page.evaluate("1") and streams, 5, "a new stream")
    click(page, "hit")
    logged(page, 1)


def test_behind_a_proxy_that_holds_streams_back_the_next_page_does_not_wait_for_one(
    context: BrowserContext, site: Server
) -> None:
    with Proxy(site.port, hold_streams=True) as proxy:
        page = context.new_page()
        page.goto(f"{proxy.url}/auto/")
        connected(page)
        streams = requests(page, "stream")
        page.reload()
        page.wait_for_function("window.htagweb && htagweb.status() === 'open'")
        click(page, "tick")
        page.wait_for_function("log.length === 3")
        assert not streams
        page.goto("about:blank")
