"""What F5, another query, another tab, Back and exit() do to an app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import FLAGS, Complaints, _chromium
from tests.servers import Server
from tests.support import wait_until
from tests.web.pages import click, connected, gunicorn, log, logged, part

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route


@pytest.fixture(scope="module", params=["shared", "session"])
def site(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One process for all, or one for each session: nobody can tell the difference."""
    with gunicorn("tests.apps.web_life:app", HTAG_WORKERS="1", HTAG_ISOLATION=request.param) as server:
        yield server


def tabs(context: BrowserContext, *urls: str) -> list[Page]:
    """Tabs of one user, each connected."""
    found = []
    for url in urls:
        page = context.new_page()
        page.goto(url)
        found.append(connected(page))
    return found


def test_f5_keeps_the_instance_and_another_query_has_another(context: BrowserContext, site: Server) -> None:
    url = f"{site.url}/memory/"
    ada, bob = tabs(context, f"{url}?name=Ada", f"{url}?name=Bob")
    for _ in range(3):
        click(ada, "more")
    expect(part(ada, "count")).to_have_text("3")
    for page, name, count in ((ada, "Ada", "3"), (bob, "Bob", "0")):
        page.reload()
        expect(part(page, "name")).to_have_text(name)
        expect(part(page, "count")).to_have_text(count)
    click(bob, "more")
    expect(part(bob, "count")).to_have_text("1")
    expect(part(ada, "count")).to_have_text("3")


def test_two_tabs_show_the_same_app_and_both_can_be_used(context: BrowserContext, site: Server) -> None:
    one, other = tabs(context, *[f"{site.url}/memory/?two"] * 2)
    for number, tab in enumerate((one, other, other, one), 1):
        click(tab, "more")
        expect(part(one, "count")).to_have_text(f"{number}")
        expect(part(other, "count")).to_have_text(f"{number}")
    one.close()
    click(other, "more")
    expect(part(other, "count")).to_have_text("5")


def test_tabs_can_have_an_app_each_which_f5_starts_anew(context: BrowserContext, site: Server) -> None:
    one, other = tabs(context, *[f"{site.url}/own/"] * 2)
    click(one, "more")
    click(one, "more")
    expect(part(one, "count")).to_have_text("2")
    click(other, "more")
    expect(part(other, "count")).to_have_text("1")
    one.reload()
    expect(part(one, "count")).to_have_text("0")
    click(one, "more")
    expect(part(one, "count")).to_have_text("1")
    expect(part(other, "count")).to_have_text("1")


def test_back_from_another_page_finds_the_app_as_it_was_left(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/memory/?back")
    click(page, "more")
    expect(part(page, "count")).to_have_text("1")
    page.goto(f"{site.url}/elsewhere")
    page.go_back()
    connected(page)
    expect(part(page, "count")).to_have_text("1")
    click(page, "later")
    logged(page, 2)


@pytest.fixture
def keeper(browser: Browser, complaints: Complaints) -> Iterator[BrowserContext]:
    """A user whose browser keeps the pages that were left, as all do; Playwright's does not by itself."""
    keeping = browser.browser_type.launch(
        executable_path=_chromium(),
        args=list(FLAGS),
        ignore_default_args=["--disable-back-forward-cache"],
    )
    context = keeping.new_context()
    complaints.watch(context)
    yield context
    keeping.close()


def test_a_page_that_the_browser_has_kept_reconnects_when_it_is_back(
    keeper: BrowserContext, site: Server
) -> None:
    page, other = tabs(keeper, *[f"{site.url}/memory/?kept"] * 2)

    def keepable(route: Route) -> None:
        """Chromium keeps no page that says no-store; other browsers may."""
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name != "cache-control"}
        route.fulfill(response=answer, headers=headers)

    page.route("**/memory/*", keepable, times=1)
    page.reload()
    connected(page)
    page.evaluate("addEventListener('pageshow', (event) => (window.kept = event.persisted))")
    page.goto(f"{site.url}/elsewhere")
    click(other, "later")
    logged(other, 1)
    page.go_back(wait_until="commit")
    page.wait_for_function("window.kept === true")
    expect(part(page, "count")).to_have_text("1")  # what was pushed meanwhile
    click(other, "later")
    click(page, "more")
    expect(part(page, "count")).to_have_text("3")
    logged(page, 1, 2)


def test_a_page_whose_app_has_ended_because_nobody_used_it_begins_anew_by_itself(
    page: Page, site: Server, complaints: Complaints
) -> None:
    """Without pushes, the app hears of the page by clicks only: HTAG_IDLE_TIMEOUT ends it."""
    complaints.allow("410")
    before = tasks(site)
    page.goto(f"{site.url}/idle/")
    click(connected(page), "more")
    expect(part(page, "count")).to_have_text("1")
    new = tasks(site) - before  # one of them is the thread of the instance
    wait_until(lambda: new - tasks(site), 20, "the app has ended", every=0.1)
    click(page, "more")
    expect(part(page, "count")).to_have_text("0")
    click(connected(page), "more")
    expect(part(page, "count")).to_have_text("1")


def tasks(site: Server) -> set[str]:
    """All threads of the pool."""
    return {task.name for pid in site.pool_processes() for task in Path(f"/proc/{pid}/task").glob("*")}


@pytest.mark.htag1
def test_exit_is_told_and_f5_starts_anew(context: BrowserContext, site: Server) -> None:
    one, other = tabs(context, *[f"{site.url}/memory/?exit"] * 2)
    click(one, "more")
    expect(part(other, "count")).to_have_text("1")
    click(one, "leave")
    for tab in (one, other):
        expect(tab.get_by_text("The application has ended.")).to_be_visible()
        expect(tab.locator("body")).to_have_class("htagoff")
    one.reload()
    connected(one)
    expect(part(one, "count")).to_have_text("0")
    other.get_by_role("button", name="Reload").click()
    click(other, "more")
    expect(part(one, "count")).to_have_text("1")


@pytest.mark.htag2
def test_the_query_is_there_at_init_at_each_mount_and_in_events(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/mounts/?a=1&b=x%20y")
    told, query = part(page, "told"), "{'a': '1', 'b': 'x y'}"
    expect(told).to_have_text(f"init {query}; mount {query}")
    click(page, "more")
    expect(told).to_have_text(f"init {query}; mount {query}; click {query}")
    page.reload()
    expect(told).to_have_text(f"init {query}; mount {query}; click {query}; unmount; mount {query}")
    page.goto(f"{site.url}/mounts/?c=3")
    expect(told).to_have_text("init {'c': '3'}; mount {'c': '3'}")


@pytest.mark.htag2
@pytest.mark.parametrize("kind", ["generator", "asynchronous", "coroutine"])
@pytest.mark.parametrize("transport", ["sse", "longpoll", "none"])
def test_a_mount_that_takes_its_time_runs_once_when_a_page_is_there(
    page: Page, site: Server, transport: str, kind: str
) -> None:
    page.goto(f"{site.url}/greeting-{transport}/?kind={kind}")
    for expected in (["mount 1", "mount 2"], ["unmount 1", "unmount 2", "mount 1", "mount 2"]):
        connected(page)

        def written() -> list[str]:
            if transport == "none":  # where nothing is pushed, an answer brings it
                page.evaluate("htag_event('nobody', 'asks')")
            return log(page)

        wait_until(lambda: len(written()) >= len(expected), 20, f"{expected}")  # noqa: B023
        assert sorted(written()) == sorted(expected)
        assert [each for each in log(page) if each.startswith("mount")] == ["mount 1", "mount 2"]
        page.reload()


@pytest.mark.clear("whether another site has led here is not to be told where the query is sealed")
@pytest.mark.htag2
def test_a_query_can_ask_for_a_new_instance_and_the_old_one_is_destroyed_once(
    page: Page, site: Server
) -> None:
    page.goto(f"{site.url}/mounts/")
    told = part(page, "told")
    click(page, "more")
    expect(told).to_have_text("init {}; mount {}; click {}")
    click(page, "destroyed")
    expect(told).to_contain_text("destroyed")
    before = int(told.inner_text().split()[1])
    page.goto(f"{site.url}/mounts/?n")
    expect(told).to_have_text("init {'n': ''}; mount {'n': ''}")
    page.goto(f"{site.url}/mounts/")  # the new one, which is kept
    expect(told).to_have_text("init {'n': ''}; mount {'n': ''}; unmount; mount {}")
    click(page, "destroyed")
    expect(told).to_have_text(f"destroyed {before + 1}")
    page.reload()
    click(page, "destroyed")
    expect(told).to_have_text(f"destroyed {before + 1}")
