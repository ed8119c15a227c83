"""Generators: each yield is to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.servers import Server
from tests.support import GENERATION, wait_until
from tests.web.pages import click, connected, gunicorn, log, logged, paints, part, texts

if TYPE_CHECKING:
    from playwright.sync_api import Page

FIVE = ["1", "2", "3", "4", "5"]


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_steps:app") as server:
        yield server


@pytest.fixture
def steps(page: Page, site: Server) -> Page:
    page.goto(site.url)
    return connected(page)


def in_order(seen: list[str]) -> None:
    """On htag 1 each step is seen. On htag 2, steps that arrive together are drawn together."""
    all_of_them = ["1", "2", "3", "end"]
    if GENERATION == 1:
        assert seen == all_of_them
    assert seen == [text for text in all_of_them if text in seen]
    assert len(seen) > 1


@pytest.mark.htag1
@pytest.mark.parametrize("handler", ["count", "scripted"])
def test_each_yield_is_painted_even_if_nothing_lies_between(steps: Page, handler: str) -> None:
    painted = paints(steps, "shown")
    click(steps, handler)
    expect(part(steps, "shown")).to_have_text("end")
    wait_until(lambda: painted()[-1:] == ["end"])
    assert painted() == [*FIVE, "end"]


def test_the_steps_of_a_generator_that_blocks_are_painted_one_by_one(steps: Page) -> None:
    painted = paints(steps, "shown")
    click(steps, "work")
    expect(part(steps, "shown")).to_have_text("end")
    wait_until(lambda: painted()[-1:] == ["end"])
    in_order(painted())


def test_the_script_of_a_step_finds_what_the_step_has_drawn(steps: Page) -> None:
    click(steps, "scripted")
    logged(steps, *FIVE, "end")


def test_all_steps_are_drawn_in_order(steps: Page) -> None:
    drawn = texts(steps, "shown")
    click(steps, "work")
    expect(part(steps, "shown")).to_have_text("end")
    in_order(drawn())


@pytest.mark.htag2
@pytest.mark.parametrize(("handler", "result"), [("count", "counted"), ("scripted", None)])
def test_the_promise_of_a_generator_resolves_after_its_last_step(
    steps: Page, handler: str, result: str | None
) -> None:
    ask = "([id, event]) => htag_event(id, event).then(result => [result, recorded.shown.at(-1)])"
    texts(steps, "shown")
    found = steps.evaluate(ask, [part(steps, "ask").get_attribute("id"), handler])
    assert found == [result, "end"]


def test_two_runs_of_a_generator_do_not_mix(steps: Page) -> None:
    seen = [texts(steps, "shown-a"), texts(steps, "shown-b")]
    steps.evaluate("['run-a', 'run-b'].forEach(b => document.querySelector(`[data-test=${b}]`).click())")
    for name in "ab":
        expect(part(steps, f"shown-{name}")).to_have_text("end")
    assert [texts_of() for texts_of in seen] == [[*FIVE, "end"]] * 2
    written = log(steps)
    for name in "ab":
        assert [each for each in written if each[0] == name] == [f"{name}{n}" for n in FIVE] + [f"{name} end"]
    assert written.index("b1") < written.index("a end")  # they do run side by side
    assert written.index("a1") < written.index("b end")


@pytest.mark.htag1
def test_what_is_yielded_is_added_and_what_was_there_stays(steps: Page) -> None:
    kept = part(steps, "kept")
    kept.fill("typed")
    kept.evaluate("input => { input.own = 'mine'; input.focus(); }")
    click(steps, "stream")
    pieces = part(steps, "pieces")
    expect(pieces).to_have_text("streamone twothree four5")
    assert kept.evaluate("input => [input.value, input.own]") == ["typed", "mine"]
    click(steps, "fine")
    expect(part(steps, "shown")).to_have_text("fine")
    assert kept.evaluate("input => [input.value, input.own]") == ["typed", "mine"]
    steps.reload()
    expect(pieces).to_have_text("streamone twothree four5")


@pytest.mark.parametrize("handler", ["fail", "fail_later"])
def test_an_error_after_a_yield_is_told_and_the_next_click_works(
    steps: Page, complaints: Complaints, handler: str
) -> None:
    complaints.allow("PYTHON ERROR: This did not work")
    drawn = texts(steps, "shown")
    click(steps, handler)
    if GENERATION == 1:
        wait_until(lambda: steps.evaluate("0") or complaints.all, 20, "an error on the console")
    else:
        expect(steps.locator("htag-error").get_by_text("This did not work")).to_be_visible()
        steps.locator("htag-error .close").click()
    assert drawn() == ["before"]
    click(steps, "fine")
    expect(part(steps, "shown")).to_have_text("fine")
    click(steps, "work")
    expect(part(steps, "shown")).to_have_text("end")
