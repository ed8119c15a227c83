"""What the browser makes of a page: when it is loaded, and when it is loaded again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.apps.web_render import NASTY
from tests.servers import Server
from tests.web.pages import click, connected, gunicorn, held, log, logged, part

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_render:app") as server:
        yield server


def test_any_tag_is_an_app(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/plain/")
    expect(page).to_have_title("Plain")
    click(page, "more")
    expect(part(page, "number")).to_have_text("1")


def test_what_was_typed_before_the_page_is_connected_stays(page: Page, site: Server) -> None:
    with held(page, "stream") as asked:
        page.goto(f"{site.url}/plain/")
        asked()
        assert page.evaluate("htagweb.status()") == "connecting"
        field = part(page, "field")
        field.fill("typed early")
        field.evaluate("field => { field.own = 'mine'; field.setSelectionRange(2, 5); }")
    connected(page)
    click(page, "more")
    expect(part(page, "number")).to_have_text("1")
    assert field.input_value() == "typed early"
    state = (
        "field => [field.own, document.activeElement.dataset.test, field.selectionStart, field.selectionEnd]"
    )
    field.focus()
    assert field.evaluate(state) == ["mine", "field", 2, 5]


def test_the_focus_stays_when_the_page_is_connected(page: Page, site: Server) -> None:
    with held(page, "stream") as asked:
        page.goto(f"{site.url}/plain/")
        asked()
        part(page, "field").focus()
    connected(page)
    assert page.evaluate("document.activeElement.dataset.test") == "field"


def test_a_body_that_is_drawn_anew_leaves_nothing_of_the_old_one(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/whole/")
    connected(page)
    count = "document.querySelectorAll('head, body, htag-error, button').length"
    before = page.evaluate(count)
    for number in (1, 2, 3):
        click(page, "redraw")
        expect(page.locator("body")).to_have_attribute("title", f"drawn {number}")
    assert page.evaluate(count) == before
    assert page.title() == "Whole"


@pytest.mark.htag1
def test_scripts_run_once_when_the_page_is_loaded(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/scripts/")
    connected(page)
    assert log(page) == ["first", "init"]


@pytest.mark.htag1
def test_after_f5_the_scripts_of_what_is_there_now_run(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/scripts/?other")
    click(page, "add")
    expect(page.get_by_text("second")).to_be_visible()
    click(page, "remove")
    expect(page.get_by_text("first")).not_to_be_visible()
    page.reload()
    connected(page)
    assert log(page) == ["second"]  # not what was removed, nor what init has called


@pytest.mark.htag2
def test_statics_that_come_later_are_loaded_once_and_before_the_scripts(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/statics/")
    click(page, "late")
    logged(page, 1)
    click(page, "late")
    logged(page, 1, 1)
    page.reload()
    connected(page)
    assert page.evaluate("loaded") == 1
    expect(part(page, "guest")).to_have_count(2)


@pytest.mark.htag2
def test_another_tab_does_not_make_statics_load_twice(context: BrowserContext, site: Server) -> None:
    page = context.new_page()
    page.goto(f"{site.url}/statics/?tabs")
    click(page, "late")
    logged(page, 1)
    click(page, "clear")
    expect(part(page, "guest")).to_have_count(0)
    other = context.new_page()
    other.goto(f"{site.url}/statics/?tabs")
    connected(other)
    click(page, "late")
    logged(page, 1, 1)
    logged(other, 1)


@pytest.mark.htag2
def test_the_style_of_a_component_is_for_it_alone(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/statics/?style")
    color = "b => getComputedStyle(b).color"
    click(page, "late")
    expect(part(page, "guest")).to_be_visible()
    assert part(page, "guest").locator("b").evaluate(color) == "rgb(200, 100, 50)"
    assert part(page, "cold").evaluate(color) == "rgb(0, 0, 0)"


@pytest.mark.htag2
def test_texts_and_attributes_are_shown_as_they_are(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/texts/")
    text = part(page, "text")
    assert text.evaluate("p => p.textContent") == NASTY
    assert text.get_attribute("title") == NASTY
    expect(part(page, "raw").locator("b")).to_have_text("bold")
    own = page.locator("#mine")
    expect(own).to_have_text("before")
    click(page, "change")
    expect(own).not_to_have_text("before")
    assert own.evaluate("p => p.textContent") == NASTY
