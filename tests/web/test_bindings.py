"""htag 1: events of the browser call what they are bound to, in every style."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.servers import Server
from tests.support import GENERATION
from tests.web.pages import NO_NONCE, click, connected, gunicorn, log, logged, part

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.htag1

if GENERATION == 1:
    from tests.apps.web_bindings import STYLES
else:
    STYLES = []


@pytest.fixture(scope="module", params=["default", pytest.param("strict", marks=NO_NONCE)])
def site(request: pytest.FixtureRequest) -> Iterator[Server]:
    with gunicorn("tests.apps.web_bindings:app", HTAG_CSP=request.param) as server:
        yield server


@pytest.fixture
def talk(page: Page, site: Server) -> Page:
    page.goto(f"{site.url}/talk/")
    return page


def test_every_style_of_binding_calls_the_right_handler_with_the_right_arguments(
    page: Page, site: Server
) -> None:
    page.goto(site.url)
    for number in range(len(STYLES)):
        click(page, f"press-{number}")
    shown = {}
    for number, (style, _, wanted) in enumerate(STYLES):
        expect(part(page, f"shown-{number}"), style).to_have_text(wanted)
        shown[style] = part(page, f"shown-{number}").inner_text()
    assert shown == {style: wanted for style, _, wanted in STYLES}  # none was called again meanwhile


def test_what_is_clicked_all_at_once_is_all_handled(page: Page, site: Server) -> None:
    page.goto(f"{site.url}/?quickly")
    connected(page)
    page.evaluate("document.querySelectorAll('button').forEach(button => button.click())")
    for number, (style, _, wanted) in enumerate(STYLES):
        expect(part(page, f"shown-{number}"), style).to_have_text(wanted)


def test_a_handler_is_told_the_key(talk: Page) -> None:
    part(talk, "key").press("a")
    expect(part(talk, "shown")).to_have_text("a False keydown True")
    part(talk, "key").press("Shift+B")
    expect(part(talk, "shown")).to_have_text("B True keydown True")


def test_a_tag_holds_the_fields_of_its_event(talk: Page) -> None:
    part(talk, "area").click(position={"x": 7, "y": 5})
    expect(part(talk, "shown")).to_have_text("7 5 False click")
    part(talk, "area").click(position={"x": 3, "y": 2}, modifiers=["Control"])
    expect(part(talk, "shown")).to_have_text("3 2 True click")


def test_javascript_before_and_after_a_call_runs_in_order(talk: Page) -> None:
    click(talk, "composed")
    expect(part(talk, "shown")).to_have_text("composed")
    logged(talk, "before", "after")


def test_return_false_keeps_the_browser_from_its_own_action(talk: Page) -> None:
    click(talk, "here")
    expect(part(talk, "shown")).to_have_text("here")
    assert talk.evaluate("location.hash") == ""
    click(talk, "away")
    expect(part(talk, "shown")).to_have_text("away")
    assert talk.evaluate("location.hash") == "#away"


def test_javascript_calls_an_exposed_method_with_arguments(talk: Page) -> None:
    connected(talk)
    player, played = part(talk, "player"), part(talk, "played")
    player.evaluate("player => player.play('song', 3, {loud: [true, null, 'é']})")
    expect(played).to_have_text("song 3 {'loud': [True, None, 'é']}")
    player.evaluate("player => player.play('once')")
    expect(played).to_have_text("once 1 None")
    player.evaluate("player => player.wait()")
    expect(played).to_have_text("waited")


def test_an_exposed_method_is_there_after_f5(talk: Page) -> None:
    talk.reload()
    connected(talk)
    part(talk, "player").evaluate("player => player.play('again')")
    expect(part(talk, "played")).to_have_text("again 1 None")
    assert log(talk) == []
