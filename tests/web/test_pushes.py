"""Pushes: what a task of the app changes is seen without a click, by its user alone, over each transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.servers import Server
from tests.support import GENERATION, wait_until
from tests.web.pages import click, connected, gunicorn, held, log, logged, part, requests

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture(scope="module", params=["shared", "session"])
def site(request: pytest.FixtureRequest) -> Iterator[Server]:
    # One process holds the instances of all users: what one is told must not reach another. Or each has one.
    with gunicorn("tests.apps.web_push:app", HTAG_WORKERS="1", HTAG_ISOLATION=request.param) as server:
        yield server


@pytest.mark.parametrize("transport", ["sse", "longpoll"])
def test_a_task_updates_the_page_and_runs_scripts_in_it(page: Page, site: Server, transport: str) -> None:
    streams, polls = requests(page, "stream"), requests(page, "poll")
    page.goto(f"{site.url}/{transport}/")
    connected(page)
    click(page, "tick")
    expect(part(page, "shown")).to_have_text("3")
    logged(page, 1, 2, 3)
    click(page, "tick")
    expect(part(page, "shown")).to_have_text("6")
    logged(page, 1, 2, 3, 4, 5, 6)
    assert bool(streams) == (transport == "sse")
    assert bool(polls) == (transport == "longpoll")


@pytest.mark.parametrize("transport", ["sse", "longpoll"])
def test_all_tabs_of_a_user_see_it_and_no_other_user(
    new_user: Callable[..., BrowserContext], site: Server, transport: str
) -> None:
    user, stranger = new_user(), new_user().new_page()
    tabs = [user.new_page(), user.new_page()]
    for tab in (*tabs, stranger):
        tab.goto(f"{site.url}/{transport}/")
        connected(tab)
    own = part(tabs[0], "own").inner_text()
    assert own == part(tabs[1], "own").inner_text() != part(stranger, "own").inner_text()
    click(tabs[0], "publish")
    click(tabs[1], "tick")
    for tab in tabs:
        expect(part(tab, "seen")).to_have_text(f"only for {own}")
        expect(part(tab, "shown")).to_have_text("3")
        logged(tab, 1, 2, 3)
    click(stranger, "tick")  # whatever was on its way to it has come before this
    logged(stranger, 1, 2, 3)
    expect(part(stranger, "seen")).to_have_text("nothing yet")
    assert own not in stranger.content()


@pytest.mark.parametrize(("transport", "verb"), [("sse", "stream"), ("longpoll", "poll")])
def test_what_is_pushed_before_the_page_is_connected_is_not_lost(
    context: BrowserContext, site: Server, transport: str, verb: str
) -> None:
    early, late = context.new_page(), context.new_page()
    early.goto(f"{site.url}/{transport}/")
    connected(early)
    with held(late, verb) as asked:
        late.goto(f"{site.url}/{transport}/")
        asked()
        click(early, "tick")
        logged(early, 1, 2, 3)
        expect(part(late, "shown")).to_have_text("0")
    expect(part(late, "shown")).to_have_text("3")
    logged(late, 1, 2, 3)


def test_what_a_task_of_init_pushes_at_once_is_not_lost(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/early/")
    expect(part(page, "shown")).to_have_text("3")
    logged(page, 1, 2, 3)


def test_a_tab_that_opens_or_reloads_takes_nothing_from_the_others(
    context: BrowserContext, site: Server
) -> None:
    page, other = context.new_page(), context.new_page()
    page.goto(f"{site.url}/sse/")
    connected(page)
    click(page, "run")
    for _ in range(3):
        other.goto(f"{site.url}/sse/")
        other.wait_for_function("window.log?.length > 3")
        other.reload()
        other.wait_for_function("window.log?.length > 3")
    click(other, "stop")
    wait_until(lambda: log(page)[-1] == log(other)[-1], 30, "both have the last one")
    written, newer = log(page), log(other)
    assert written == [*range(1, written[-1] + 1)]
    assert len(written) > 20
    assert newer == [*range(newer[0], newer[-1] + 1)]


def test_a_page_without_pushes_answers_its_own_clicks(page: Page, site: Server) -> None:
    streams, polls = requests(page, "stream"), requests(page, "poll")
    page.goto(f"{site.url}/none/")
    connected(page)
    click(page, "tick")
    click(page, "slow")
    # Without a push, the answer waits for its handler, and brings what has gathered.
    told = "False" if GENERATION == 1 else "None"
    expect(part(page, "seen")).to_have_text(f"after a while, {told}")
    expect(part(page, "shown")).to_have_text("3")
    logged(page, 1, 2, 3)
    click(page, "steps")
    expect(part(page, "seen")).to_have_text("last step")
    click(page, "fine")
    expect(part(page, "seen")).to_have_text("fine")
    assert (len(streams), len(polls)) == (0, 1)  # the one that says that the page is there


def test_clicks_over_long_polls_are_as_quick_as_over_a_stream(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/longpoll/")
    connected(page)
    page.evaluate("document.querySelector('[data-test=slow]').click()")
    click(page, "tick")  # while the result of the other one waits to be pushed
    wait_until(lambda: log(page) == [1, 2, 3])
    expect(part(page, "seen")).to_contain_text("after a while")
    click(page, "fine")
    expect(part(page, "seen")).to_have_text("fine")
