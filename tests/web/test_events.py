"""htag 2: events bring the values of fields to Python, and every promise resolves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.servers import Server
from tests.web.pages import click, connected, gunicorn, loaded, logged, part

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.htag2

OPEN = "document.body.classList.contains('interacting')"
ASK = """([what, event]) => {
  const ended = new Promise(resolve => setTimeout(() => resolve('never resolved'), 15000));
  const id = document.querySelector('[data-test="target"]').id;
  return Promise.race([ended, htag_event(id, event, what)]);
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_events:app") as server:
        yield server


@pytest.fixture
def fields(page: Page, site: Server) -> Page:
    page.goto(f"{site.url}/fields/")
    return page


@pytest.fixture
def custom(page: Page, site: Server) -> Page:
    page.goto(f"{site.url}/custom/")
    return loaded(page)


@pytest.fixture
def promises(page: Page, site: Server) -> Page:
    page.goto(f"{site.url}/promises/")
    return loaded(page)


def ask(page: Page, what: Any, event: str = "ask") -> Any:
    return page.evaluate(ASK, [what, event])


def test_fields_bring_their_values_by_themselves(fields: Page) -> None:
    part(fields, "text").fill("häß <b>")
    part(fields, "area").fill("two\nlines")
    part(fields, "choice").select_option("b")
    part(fields, "box").check()
    click(fields, "read")
    expect(part(fields, "shown")).to_have_text("('häß <b>', 'two\\nlines', 'b', True)")
    part(fields, "box").uncheck()
    click(fields, "read")
    expect(part(fields, "shown")).to_have_text("('häß <b>', 'two\\nlines', 'b', False)")


def test_a_handler_is_told_the_key_and_the_state_of_a_checkbox(fields: Page) -> None:
    part(fields, "key").press("Enter")
    expect(part(fields, "shown")).to_have_text("Enter input keydown")
    part(fields, "ticked").check()
    expect(part(fields, "shown")).to_have_text("True True")
    part(fields, "ticked").uncheck()
    expect(part(fields, "shown")).to_have_text("False False")


def test_a_form_brings_all_its_fields_and_the_page_stays(fields: Page) -> None:
    part(fields, "first").fill("Ada")
    click(fields, "send")
    expect(part(fields, "shown")).to_have_text("[('first', 'Ada')]")
    fields.locator("[name=agree]").check()
    click(fields, "send")
    expect(part(fields, "shown")).to_have_text("[('agree', 'yes'), ('first', 'Ada')]")
    assert fields.url.endswith("/fields/")


def test_a_script_can_make_an_event_of_its_own(custom: Page) -> None:
    assert ask(custom, "some text", "picked") == "thanks"
    expect(part(custom, "shown")).to_have_text("value='some text' x=None name=picked")
    assert ask(custom, {"x": [1, {"y": 2}], "value": 3}, "picked") == "thanks"
    expect(part(custom, "shown")).to_have_text("value=3 x=[1, {'y': 2}] name=picked")


def test_prevent_and_stop_hold_back_what_the_browser_would_do(custom: Page) -> None:
    shown = part(custom, "shown")
    click(custom, "kept")
    expect(shown).to_have_text("[kept]")
    assert custom.evaluate("location.hash") == ""
    click(custom, "left")
    expect(shown).to_have_text("[kept][left]")
    assert custom.evaluate("location.hash") == "#left"
    click(custom, "stopped")
    click(custom, "passed")
    expect(shown).to_have_text("[kept][left][stopped][passed][outer]")


def test_a_text_as_a_handler_is_javascript(custom: Page) -> None:
    click(custom, "script")
    logged(custom, "BUTTON")


@pytest.mark.parametrize(
    ("what", "result"),
    [
        ("number", 42),
        ("structure", {"list": [1, 2.5, None, True], "text": "é"}),
        ("some_tag", True),
        ("nothing", None),
        ("steps", "end"),
        ("later_steps", None),
    ],
)
def test_a_promise_resolves_with_the_result_of_python(promises: Page, what: str, result: Any) -> None:
    assert ask(promises, what) == result
    assert not promises.evaluate(OPEN)


@pytest.mark.parametrize("what", ["error", "unfit", "forgotten", "absent"])
def test_a_promise_resolves_when_python_fails(promises: Page, complaints: Complaints, what: str) -> None:
    assert ask(promises, what) is None
    assert not promises.evaluate(OPEN)
    assert ask(promises, "number") == 42


def test_a_promise_resolves_when_there_is_no_such_tag_or_handler(promises: Page) -> None:
    assert promises.evaluate("htag_event('nobody', 'ask', 'number')") is None
    assert ask(promises, "number", "unheard") is None
    assert ask(promises, "number", "script") is None
    assert not promises.evaluate(OPEN)


def test_a_promise_resolves_when_the_message_is_too_large(
    page: Page, site: Server, complaints: Complaints
) -> None:
    complaints.allow("COM ERROR", "413")
    page.goto(f"{site.url}/small/")
    loaded(page)
    assert ask(page, {"value": "number", "more": "x" * 3000}) is None
    assert not page.evaluate(OPEN)
    assert ask(page, "number") == 42
    assert len(complaints.all) == 2


def test_each_tab_gets_the_results_it_has_asked_for(context: BrowserContext, site: Server) -> None:
    one, other = context.new_page(), context.new_page()
    for tab in (one, other):
        tab.goto(f"{site.url}/promises/?tabs")
        connected(tab)
    click(one, "hold")
    one.wait_for_function(OPEN)
    assert not other.evaluate(OPEN)
    assert ask(other, "number") == 42
    assert one.evaluate(OPEN)
    click(other, "release")
    expect(part(one, "shown")).to_have_text("released")
    one.wait_for_function(f"!{OPEN}")


def test_the_body_is_marked_while_a_call_is_open_and_no_longer(promises: Page) -> None:
    connected(promises)
    assert not promises.evaluate(OPEN)
    click(promises, "hold")
    assert promises.evaluate(OPEN)  # at once
    click(promises, "hold")
    assert ask(promises, "number") == 42  # one that has ended does not end the others
    assert promises.evaluate(OPEN)
    click(promises, "release")
    expect(part(promises, "shown")).to_have_text("released")
    assert promises.evaluate(OPEN)
    click(promises, "release")
    promises.wait_for_function(f"!{OPEN}")


def test_the_mark_stays_when_another_tab_has_the_body_drawn_anew(
    context: BrowserContext, site: Server
) -> None:
    one, other = context.new_page(), context.new_page()
    for tab in (one, other):
        tab.goto(f"{site.url}/promises/?body")
        connected(tab)
    click(one, "hold")
    click(other, "redraw")
    expect(one.locator("body[title='drawn anew']")).to_have_count(1)
    assert one.evaluate(OPEN)
    expect(other.locator("body[title='drawn anew']")).to_have_count(1)
    other.wait_for_function(f"!{OPEN}")
    click(one, "release")
    one.wait_for_function(f"!{OPEN}")
