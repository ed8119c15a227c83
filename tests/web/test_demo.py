"""The showcase in examples/demo: each of its cards, on each kind of server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.servers import Server
from tests.support import ROOT, wait_until
from tests.web.pages import click, connected, gunicorn, part, texts

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

DEMO = ROOT / "examples" / "demo"
DONE = "Done: the report is printed."


@pytest.fixture(scope="module")
def demo() -> Iterator[Server]:
    with gunicorn("wsgi:app", cwd=DEMO, HTAG_WORKERS="2") as server:
        yield server


def test_the_five_cards_are_there(page: Page, demo: Server) -> None:
    page.goto(demo.url)
    for name in ("counter", "clock", "job", "form", "todo"):
        expect(part(page, name)).to_be_visible()
    expect(part(page, "connection").locator(".on")).to_be_visible()
    assert page.title() == "htagweb_flask showcase"


def test_the_counter_goes_below_zero_and_back(page: Page, demo: Server) -> None:
    page.goto(demo.url)
    value = part(page, "counter-value")
    click(page, "counter-more")
    expect(value).to_have_text("1")
    for shown in ("0", "−1"):
        click(page, "counter-less")
        expect(value).to_have_text(shown)
    page.reload()
    expect(value).to_have_text("−1")
    click(page, "counter-reset")
    expect(value).to_have_text("0")


def test_the_clock_ticks_in_every_tab(context: BrowserContext, demo: Server) -> None:
    shown = []
    for _ in range(2):
        tab = context.new_page()
        tab.goto(demo.url)
        shown.append(texts(connected(tab), "clock-time"))
    for ticks in shown:
        wait_until(lambda ticks=ticks: len(ticks()) >= 2, 20, "two ticks")


def test_the_job_shows_its_steps_and_ends(page: Page, demo: Server) -> None:
    page.goto(demo.url)
    steps = texts(page, "job-step")
    button, bar = part(page, "job-button"), part(page, "job-bar")
    expect(button).to_have_text("Start")
    button.click()
    expect(button).to_have_text("Cancel")
    expect(part(page, "job-step")).to_have_text(DONE)
    names = ("Gather the files", "Check the totals", "Draw the charts", "Bind the pages", "Print the report")
    assert steps() == [*(f"{name} …" for name in names), DONE]
    expect(button).to_have_text("Start again")
    assert bar.get_attribute("aria-valuenow") == "100"


def test_the_job_can_be_cancelled_and_the_page_used_meanwhile(page: Page, demo: Server) -> None:
    page.goto(demo.url)
    steps = texts(page, "job-step")
    button = part(page, "job-button")
    button.click()
    expect(button).to_have_text("Cancel")
    click(page, "counter-more")
    expect(part(page, "counter-value")).to_have_text("1")
    button.click()
    expect(part(page, "job-step")).to_have_text("Cancelled. Nothing was printed.")
    expect(button).to_have_text("Start")
    click(page, "counter-more")
    expect(part(page, "counter-value")).to_have_text("2")
    assert DONE not in steps()
    assert steps()[-1].startswith("Cancelled")  # the run that was cancelled has drawn nothing since


def test_the_form_answers_at_each_key_and_shows_what_was_typed_as_text(page: Page, demo: Server) -> None:
    page.goto(demo.url)
    name, mail = part(page, "form-name"), part(page, "form-mail")
    expect(part(page, "form-name-hint")).to_have_text("At least two letters.")
    name.press_sequentially("A")
    expect(part(page, "form-name-hint")).to_have_text("One letter? Give us one more.")
    name.press_sequentially("da")
    expect(part(page, "form-name-hint")).to_have_text("Hello, Ada! 3 characters.")
    assert name.input_value() == "Ada"  # what was typed was not drawn anew
    mail.fill("ada@")
    expect(part(page, "form-mail-hint")).to_have_text("Not yet an address, as name@example.org.")
    click(page, "form-submit")
    expect(part(page, "form-result")).to_have_text("Please look at the hints.")
    mail.fill("ada@example.org")
    expect(part(page, "form-mail-hint")).to_have_text("Looks right: ada@example.org")
    click(page, "form-submit")
    expect(part(page, "form-result")).to_have_text("Thank you, Ada.")
    name.fill("<b>Ada</b>")
    expect(part(page, "form-name-hint")).to_have_text("Hello, <b>Ada</b>! 10 characters.")
    click(page, "form-submit")
    expect(part(page, "form-result")).to_have_text("Thank you, <b>Ada</b>.")


def test_the_list_is_added_to_ticked_swept_and_kept(page: Page, demo: Server) -> None:
    page.goto(demo.url)
    summary, field, entries = part(page, "todo-summary"), part(page, "todo-field"), part(page, "todo-entry")
    expect(summary).to_have_text("Nothing to do. Enjoy the day.")
    for number, name in enumerate(("Bread", "<i>Milk</i>", "Tea"), 1):
        field.fill(name)
        click(page, "todo-add")
        expect(entries).to_have_count(number)
        expect(field).to_have_value("")
    expect(part(page, "todo-name")).to_have_text(["Bread", "<i>Milk</i>", "Tea"])
    part(page, "todo-tick").nth(1).check()
    expect(summary).to_have_text("1 of 3 done")
    page.reload()
    expect(part(page, "todo-tick").nth(1)).to_be_checked()
    click(page, "todo-sweep")
    expect(part(page, "todo-name")).to_have_text(["Bread", "Tea"])
    part(page, "todo-delete").first.click()
    expect(part(page, "todo-name")).to_have_text(["Tea"])
    expect(summary).to_have_text("0 of 1 done")


@pytest.mark.parametrize("kind", ["gunicorn-gthread", "waitress", "werkzeug"])
def test_the_showcase_runs_on_other_servers_too(page: Page, live: Callable[..., Server], kind: str) -> None:
    options = ("--graceful-timeout", "1") if kind.startswith("gunicorn") else ()
    server = live(kind, "wsgi:app", cwd=DEMO, threads=16, env={"HTAG_POOL_GRACE": "0.3"}, options=options)
    page.goto(server.url)
    connected(page)
    ticks = texts(page, "clock-time")
    click(page, "counter-more")
    expect(part(page, "counter-value")).to_have_text("1")
    part(page, "form-name").press_sequentially("Ada")
    expect(part(page, "form-name-hint")).to_have_text("Hello, Ada! 3 characters.")
    click(page, "job-button")
    expect(part(page, "job-step")).to_have_text(DONE)
    wait_until(lambda: len(ticks()) >= 2, 20, "two ticks")
    page.reload()
    expect(part(page, "counter-value")).to_have_text("1")


def test_what_a_proxy_sees_is_a_page_of_it(page: Page, demo: Server) -> None:
    page.goto(demo.url)
    part(page, "proxy").click()
    inner, passed = page.frame_locator("iframe[name=app]"), page.frame_locator("iframe[src=seen]")
    inner.locator("[data-test=tell]").click()
    expect(inner.locator("[data-test=said]")).to_have_text("The key is under the mat.")
    expect(passed.locator("pre")).to_contain_text("/proxy/sealed/_htag/call")
    assert "mat" not in passed.locator("pre").inner_text()
