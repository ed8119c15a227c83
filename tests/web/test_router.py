"""htag 2: its Router shows the view that the address names, and follows Back and Forward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.servers import Server
from tests.web.pages import click, gunicorn, part

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.htag2


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_routes:app") as server:
        yield server


def shows(page: Page, text: str, hash_: str) -> None:
    expect(part(page, "view")).to_have_text(text)
    assert page.evaluate("location.hash") == hash_
    for name, at in (("home", ("", "#/")), ("one", ("#/items/1",))):
        expect(part(page, name)).to_have_class("active" if hash_ in at else "idle")


def test_links_back_and_forward_change_the_view(page: Page, site: Server) -> None:
    page.goto(site.url)
    shows(page, "home", "")
    click(page, "one")
    shows(page, "item 1", "#/items/1")
    click(page, "more")
    expect(part(page, "view")).to_have_text("item 1+1")
    click(page, "home")
    shows(page, "home", "#/")
    page.go_back()
    shows(page, "item 1", "#/items/1")
    page.go_forward()
    shows(page, "home", "#/")


def test_an_address_leads_to_its_view(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/#/items/7")
    shows(page, "item 7", "#/items/7")
    page.reload()
    shows(page, "item 7", "#/items/7")


def test_python_can_navigate_and_the_history_knows(page: Page, site: Server) -> None:
    page.goto(site.url)
    shows(page, "home", "")
    click(page, "jump")
    shows(page, "item 42", "#/items/42")
    page.go_back()
    shows(page, "home", "")


def test_an_unknown_address_is_said_to_be_unknown(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/#/<b>nowhere</b>")
    expect(page.get_by_text("404 — Page not found: /")).to_be_visible()
    click(page, "home")
    shows(page, "home", "#/")
    page.goto(f"{site.url}/polite/#/nowhere")
    shows(page, "no /nowhere here", "#/nowhere")
