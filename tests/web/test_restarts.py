"""What a page does when what it talks to ends: its instance, the web workers, the whole server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.servers import Server
from tests.support import GENERATION, wait_until
from tests.web.pages import click, connected, early, gunicorn, part, requests

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

GONE = "The application was restarted."
UNKNOWN = "The application was restarted. Your last action may not have been carried out."

NOTE = """addEventListener("DOMContentLoaded", () => {
  const banner = () => document.querySelector(".htag-banner span")?.textContent;
  const note = () => { if (banner()) sessionStorage.told = banner(); };
  new MutationObserver(note).observe(document, { childList: true, subtree: true, characterData: true });
});"""
"""Keeps the last text of the banner over a reload."""


@pytest.fixture(scope="module")
def hangs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hangs") / "hangs"


@pytest.fixture(scope="module")
def site(hangs: Path) -> Iterator[Server]:
    patient = ("--graceful-timeout", "20")  # no stream makes use of that
    with gunicorn("tests.apps.web_restarts:app", *patient, HANGS=str(hangs)) as server:
        yield server


@pytest.fixture
def page(context: BrowserContext, site: Server, complaints: Complaints) -> Page:
    complaints.allow("net::ERR_", r"status of (410|50\d)")
    page = context.new_page()
    early(page, NOTE)
    page.goto(site.url)
    return connected(page)


def pid(page: Page) -> int:
    return int(part(page, "pid").inner_text())


def told(page: Page) -> str:
    """What the banner has said last, on this page or the one before."""
    text: str = page.evaluate("sessionStorage.told || ''")
    return text


def kill(page: Page, site: Server) -> None:
    """Ends the process of the instance, and waits for the page of the next one."""
    old = pid(page)
    site.kill(old)
    expect(part(page, "pid")).not_to_have_text(f"{old}", timeout=30_000)
    connected(page)


def test_when_the_process_of_an_instance_dies_the_page_gets_another_with_its_state(
    page: Page, site: Server
) -> None:
    click(page, "hit-it")
    click(page, "hit-it")
    expect(part(page, "count")).to_have_text("2")
    kill(page, site)
    expect(part(page, "count")).to_have_text("2")
    assert told(page) == GONE  # calmly, and nothing is said of an action: there was none
    expect(page.locator("body")).not_to_have_class("htagoff")
    click(page, "push-it")
    expect(part(page, "count")).to_have_text("3")


def test_what_was_entered_is_there_again(page: Page, site: Server) -> None:
    click(page, "hit-it")
    part(page, "city").fill("Rome")
    part(page, "secret").fill("hidden")
    part(page, "tick").check()
    part(page, "two").check()
    part(page, "choice").select_option("b")
    part(page, "edit").fill("edited")
    part(page, "area").fill("two\nlines")
    part(page, "scroll").evaluate("element => element.scrollTop = 300")
    part(page, "text").fill("typed and not sent")
    part(page, "text").evaluate("field => field.setSelectionRange(2, 5)")
    for _ in range(2):  # the second time, nothing has been entered since
        kill(page, site)
        expect(part(page, "city")).to_have_value("Rome")
        expect(part(page, "secret")).to_have_value("")
        expect(part(page, "tick")).to_be_checked()
        expect(part(page, "two")).to_be_checked()
        expect(part(page, "choice")).to_have_value("b")
        expect(part(page, "edit")).to_have_text("edited")
        expect(part(page, "area")).to_have_value("two\nlines")
        expect(part(page, "text")).to_have_value("typed and not sent")
        expect(part(page, "untouched")).to_have_value("of the app")
        selection = "field => [document.activeElement === field, field.selectionStart, field.selectionEnd]"
        assert part(page, "text").evaluate(selection) == [True, 2, 5]
        assert part(page, "scroll").evaluate("element => element.scrollTop") == 300
    if GENERATION == 2:  # whose instances hear of each key: this one, too, though no handler has run
        click(page, "tell-it")
        expect(part(page, "said")).to_have_text("['typed and not sent', 'two\\nlines', True]")
    page.reload()  # by hand: as ever
    assert page.evaluate("sessionStorage.htagEntries") is None


def test_what_the_app_has_put_into_a_field_is_not_replaced_by_what_was_entered_before(
    page: Page, site: Server
) -> None:
    part(page, "text").fill("typed")
    click(page, "put-it")
    expect(part(page, "text")).to_have_value("" if GENERATION == 2 else "cleared")
    kill(page, site)
    expect(part(page, "text")).to_have_value("first")


def test_the_next_user_of_the_tab_does_not_get_what_was_entered(page: Page, site: Server) -> None:
    part(page, "text").fill("typed")
    page.context.clear_cookies()
    kill(page, site)
    expect(part(page, "text")).to_have_value("first")


def test_an_action_whose_outcome_is_unknown_is_reported_and_never_repeated(
    page: Page, site: Server, hangs: Path
) -> None:
    hangs.write_text("")
    click(page, "hang-it")
    expect(part(page, "said")).to_have_text("begun")
    if GENERATION == 2:  # a handler that runs does not keep others waiting
        click(page, "hit-it")
        expect(part(page, "count")).to_have_text("1")
    kill(page, site)
    expect(part(page, "said")).to_have_text("nothing")
    click(page, "push-it")
    expect(part(page, "count")).to_have_text("2" if GENERATION == 2 else "1")
    assert hangs.read_text() == "begun\n"
    assert told(page) == UNKNOWN


def test_what_has_come_to_its_end_is_not_reported_though_it_took_its_time(page: Page, site: Server) -> None:
    click(page, "last-it")
    expect(part(page, "said")).to_have_text("at last")
    kill(page, site)
    assert told(page) == GONE


@pytest.mark.parametrize("verb", ["stream", "poll"])
def test_new_web_workers_are_nothing_that_a_page_notices(page: Page, site: Server, verb: str) -> None:
    if verb == "poll":
        page.goto(f"{site.url}/longpoll/")
        connected(page)
    old, asked = set(site.worker_pids()), requests(page, verb)
    process = pid(page)
    site.hup()
    wait_until(lambda: page.evaluate("1") and asked, 30, "it asks anew")
    wait_until(lambda: not old & set(site.worker_pids()), 30, "all workers are new")
    click(page, "push-it")
    expect(part(page, "count")).to_have_text("1")
    click(page, "hit-it")
    expect(part(page, "count")).to_have_text("2")
    assert (pid(page), told(page)) == (process, "")


def test_when_the_whole_server_is_started_again_the_page_comes_back_by_itself(
    page: Page, site: Server
) -> None:
    click(page, "hit-it")
    expect(part(page, "count")).to_have_text("1")
    part(page, "text").fill("typed")
    old = pid(page)
    site.stop()
    expect(page.locator("body")).to_have_class("htagoff")
    expect(page.get_by_role("button", name="Reload")).to_be_hidden()
    site.start()
    expect(part(page, "pid")).not_to_have_text(f"{old}", timeout=60_000)
    connected(page)
    expect(part(page, "count")).to_have_text("1")
    expect(part(page, "text")).to_have_value("typed")
    click(page, "hit-it")
    expect(part(page, "count")).to_have_text("2")
