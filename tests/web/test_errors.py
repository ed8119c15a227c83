"""Errors of the app: told to the user as htag does it, with a traceback for developers only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.proxy import Proxy
from tests.servers import Server
from tests.support import GENERATION, wait_until
from tests.web.pages import click, connected, gunicorn, loaded, part

if TYPE_CHECKING:
    from playwright.sync_api import Page

FINE = "fine 1"


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_errors:app") as server:
        yield server


def heard(page: Page, count: int) -> list[str | None]:
    """What the page's own error() has heard."""
    found: list[str | None] = []

    def enough() -> bool:
        found[:] = page.evaluate("heard")
        return len(found) >= count

    wait_until(enough, 20, f"{count} errors")
    return found


def told_in_the_log(told: str, prefix: str, site: Server) -> None:
    """Who is told of an error without debug can name it: the log has it under that number."""
    safe = re.escape("This did not work. The log of the server says more, at ")
    found = re.fullmatch(rf"{prefix}{safe}(\w+)\.", told)
    assert found, told
    pattern = rf"\[{found[1]}\] \w+-\w+ of session \w+ failed in a callback\nTraceback[^\[]*"
    pattern += "LookupError: <i>not found</i>"
    wait_until(lambda: re.search(pattern, site.log_text()), 20, "the log has the traceback")


@pytest.mark.htag1
def test_the_error_handler_of_the_page_hears_of_python_and_of_javascript(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/handling/")
    click(page, "fail")
    (told,) = heard(page, 1)
    told_in_the_log(told or "", "PYTHON ERROR: ", site)
    click(page, "script")
    expect(part(page, "shown")).to_have_text("after a script")
    assert heard(page, 2)[1] == "JS ERROR: ReferenceError: no_such_thing is not defined"
    click(page, "fine")
    expect(part(page, "shown")).to_have_text(FINE)
    assert len(heard(page, 2)) == 2


@pytest.mark.htag1
def test_the_error_handler_of_the_page_hears_null_when_the_network_is_lost(
    page: Page, site: Server, complaints: Complaints
) -> None:
    complaints.allow("net::ERR_")
    with Proxy(site.port) as proxy:
        page.goto(f"{proxy.url}/handling/")
        connected(page)
        proxy.cut()
        click(page, "fine")
        assert heard(page, 1) == [None]
        proxy.restore()
        expect(part(page, "shown")).to_have_text(FINE)
        page.goto("about:blank")


@pytest.mark.htag1
def test_without_a_handler_errors_go_to_the_console(page: Page, site: Server, complaints: Complaints) -> None:
    complaints.allow("ERROR: ")
    page.goto(site.url)
    click(page, "fail")
    click(page, "script")
    expect(part(page, "shown")).to_have_text("after a script")
    told = " ".join(complaints.all)
    assert "PYTHON ERROR: This did not work." in told
    assert "not found" not in told
    assert "JS ERROR: ReferenceError" in told
    assert "Traceback" not in told


@pytest.mark.htag1
def test_a_developer_is_told_the_traceback(page: Page, site: Server, complaints: Complaints) -> None:
    complaints.allow("ERROR: ")
    page.goto(f"{site.url}/debug/")
    click(page, "fail")
    overlay = page.locator("htag-error")
    expect(overlay.locator("#trace")).to_contain_text("LookupError: <i>not found</i>")
    overlay.locator(".close").click()
    expect(overlay).to_be_hidden()
    click(page, "fine")
    expect(part(page, "shown")).to_have_text(FINE)
    assert "Traceback" in " ".join(complaints.all)
    assert "LookupError: <i>not found</i>" in " ".join(complaints.all)


@pytest.mark.htag2
def test_the_overlay_has_a_traceback_for_developers_only(page: Page, site: Server) -> None:
    overlay = page.locator("htag-error")
    page.goto(site.url)
    click(page, "fail")
    expect(overlay.locator("#trace")).to_contain_text("This did not work")
    told_in_the_log(overlay.locator("#trace").inner_text(), "", site)
    assert "Traceback" not in page.content()
    overlay.locator(".close").click()
    click(page, "fine")
    expect(part(page, "shown")).to_have_text(FINE)

    page.goto(f"{site.url}/debug/")
    click(page, "fail")
    expect(overlay.locator("#trace")).to_contain_text("LookupError: <i>not found</i>")
    expect(overlay.locator("#trace")).to_contain_text("Traceback")
    overlay.locator(".close").click()
    click(page, "fine")
    expect(part(page, "shown")).to_have_text(FINE)


@pytest.mark.htag2
def test_errors_of_scripts_are_shown_and_logged_by_the_server(
    page: Page, site: Server, complaints: Complaints
) -> None:
    complaints.allow("no_such_thing", "absent_function")
    page.goto(site.url)
    click(page, "script")
    expect(page.locator("htag-error #trace")).to_contain_text("no_such_thing is not defined")
    page.locator("htag-error .close").click()
    click(page, "inline")
    expect(page.locator("htag-error #trace")).to_contain_text("absent_function is not defined")
    for name in ("no_such_thing", "absent_function"):
        wait_until(lambda name=name: f"{name} is not defined" in site.log_text(), 20, name)
    page.locator("htag-error .close").click()
    click(page, "fine")
    expect(part(page, "shown")).to_have_text(FINE)


@pytest.mark.htag2
def test_a_page_cannot_fill_the_log_of_the_server(page: Page, site: Server, complaints: Complaints) -> None:
    complaints.allow("400", "COM ERROR")
    page.goto(f"{site.url}/?loud")
    loaded(page)
    page.evaluate(
        "for (let n = 1; n <= 50; n += 1) htag_transport({ action: 'log_error', error: `loud ${n}/` })"
    )
    click(page, "fine")
    expect(part(page, "shown")).to_have_text(FINE)
    text = site.log_text()
    logged = [number for number in range(1, 51) if f"loud {number}/" in text]
    assert logged == [*range(1, 21)]


def test_a_callback_that_fails_leaves_the_page_usable(
    page: Page, site: Server, complaints: Complaints
) -> None:
    complaints.allow("PYTHON ERROR")
    page.goto(f"{site.url}/?again")
    connected(page)
    for number in (1, 2, 3):
        page.evaluate("document.querySelector('[data-test=fail]').click()")
        page.evaluate("document.querySelector('[data-test=fine]').click()")
        expect(part(page, "shown")).to_have_text(f"fine {number}")
    assert len(complaints.all) == (3 if GENERATION == 1 else 0)
