"""A login in front of an app: it guards the page and all that the page does, and the page says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.servers import Server
from tests.web.pages import click, connected, gunicorn, part

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

ENDED = "Your session has ended."


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_login:app") as server:
        yield server


def log_in(page: Page, url: str, user: str) -> None:
    """Goes to an app of the site, which sends it to the login, which sends it back."""
    page.goto(url)
    assert page.title() == "Log in"
    page.bring_to_front()
    page.locator("[name=user]").fill(user)
    page.get_by_role("button").click()
    expect(part(page, "user")).to_have_text(f"This is the desk of {user}.")
    connected(page)


@pytest.mark.parametrize("transport", ["sse", "longpoll", "none"])
def test_after_a_logout_in_another_tab_the_page_says_so_and_offers_to_reload(
    context: BrowserContext, site: Server, complaints: Complaints, transport: str
) -> None:
    page, other = context.new_page(), context.new_page()
    log_in(page, f"{site.url}/members/{transport}/", "Ada")
    click(page, "more")
    expect(part(page, "count")).to_have_text("1")
    other.goto(f"{site.url}/logout")
    expect(other.get_by_text("You are logged out.")).to_be_visible()
    click(page, "more")
    expect(page.get_by_role("status").filter(has_text=ENDED)).to_be_visible()
    expect(page.locator("body")).to_have_class("htagoff")
    expect(part(page, "count")).to_have_text("1")
    page.get_by_role("button", name="Reload").click()
    expect(page).to_have_title("Log in")


def test_who_logs_in_again_goes_on(context: BrowserContext, site: Server) -> None:
    page, other = context.new_page(), context.new_page()
    log_in(page, f"{site.url}/members/sse/", "Ada")
    other.goto(f"{site.url}/logout")
    click(page, "more")
    page.get_by_role("button", name="Reload").click()
    expect(page).to_have_title("Log in")
    log_in(page, f"{site.url}/members/sse/", "Ada")
    click(page, "more")
    expect(part(page, "count")).to_have_text("1")


def test_when_the_whole_session_is_forgotten_the_page_goes_to_the_login_by_itself(
    context: BrowserContext, site: Server
) -> None:
    page, other = context.new_page(), context.new_page()
    log_in(page, f"{site.url}/members/sse/", "Ada")
    other.goto(f"{site.url}/forget")
    expect(page).to_have_title("Log in")
    log_in(page, f"{site.url}/members/sse/", "Bob")  # nothing of Ada is left
    expect(part(page, "count")).to_have_text("0")
