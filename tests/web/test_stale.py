"""A page that is out of date: who clicks on what is not there any more sees what there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.servers import Server
from tests.support import GENERATION, wait_until
from tests.web.pages import connected, gunicorn

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: htag 1: the handler of a button is kept from before it was replaced. htag 2: a button is enabled by hand.
PREPARE = {
    1: """() => { window.old = [...document.querySelectorAll("button")]
          .find((b) => b.textContent === "row 1").onclick; }""",
    2: """() => { window.old = () => { const off = [...document.querySelectorAll("button")]
          .find((b) => b.textContent === "off"); off.disabled = false; off.click(); }; }""",
}[GENERATION]  # fmt: skip


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.attacked:app") as server:
        yield server


def test_the_page_is_drawn_anew_and_stays_in_the_users_hands(
    page: Page, site: Server, complaints: Complaints
) -> None:
    complaints.allow("410")  # the browser's own line about an answer
    page.goto(f"{site.url}/")
    connected(page)
    page.evaluate(PREPARE)
    before = page.evaluate("htagweb.cursor")
    page.get_by_text("rows", exact=True).click()
    # Who acts before the page is drawn anew means what is there, and is heard.
    wait_until(lambda: page.evaluate("htagweb.cursor") > before, 20, "other rows")
    page.evaluate("document.querySelector('p.log').textContent = 'out of date'")
    field = page.locator("input.field")
    field.focus()
    page.evaluate("window.stays = true; old()")
    expect(page.locator("p.log")).to_have_text("")
    expect(field).to_be_focused()
    assert page.evaluate("window.stays")  # it was not loaded anew
    if GENERATION == 2:
        expect(page.get_by_text("off", exact=True)).to_be_disabled()
    page.get_by_text("look", exact=True).click()
    expect(page.locator("p.log")).to_have_text("look")
    expect(page.locator(".htag-banner")).not_to_be_visible()
