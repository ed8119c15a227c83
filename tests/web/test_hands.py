"""The page stays in the user's hands: what is drawn anew keeps what the user has done, or is doing, in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.proxy import Proxy
from tests.servers import Server
from tests.support import GENERATION
from tests.web.pages import click, connected, early, gunicorn, held, log, logged, part

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

WAYS = ("own", "around", "whole", "before", "later", "swap")


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_hands:app") as server:
        yield server


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    return connected(page)


@pytest.fixture
def hands(page: Page, site: Server) -> Page:
    return opened(page, f"{site.url}/hands/")


def press(page: Page, name: str) -> None:
    """Calls the server as a click on the button of that name does, but the focus stays where it is."""
    part(page, name).evaluate("button => button.click()")


def redraw(page: Page, way: str) -> None:
    """Has the server draw something anew, and waits until it is there."""
    before = part(page, "count").text_content()
    press(page, way)
    expect(part(page, "count")).not_to_have_text(before or "")


MARK = "document.querySelectorAll('[data-test]').forEach(element => element.mine = true)"
FOCUSED = "document.activeElement.dataset.test"


@pytest.mark.parametrize("way", WAYS)
def test_fields_keep_what_the_user_has_entered(hands: Page, way: str) -> None:
    part(hands, "text").fill("typed")
    part(hands, "number").fill("42")
    part(hands, "area").fill("two\nlines")
    part(hands, "tick").check()
    part(hands, "two").check()
    part(hands, "select").select_option("b")
    part(hands, "file").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"abc"})
    part(hands, "edit").fill("edited")
    if way in ("own", "around", "whole"):
        part(hands, "raw-field").fill("raw")
    hands.evaluate(MARK)
    for _ in range(2):
        redraw(hands, way)
        expect(part(hands, "text")).to_have_value("typed")
        expect(part(hands, "number")).to_have_value("42")
        expect(part(hands, "area")).to_have_value("two\nlines")
        expect(part(hands, "tick")).to_be_checked()
        expect(part(hands, "two")).to_be_checked()
        expect(part(hands, "select")).to_have_value("b")
        expect(part(hands, "edit")).to_have_text("edited")
        assert part(hands, "file").evaluate("field => field.files[0].name") == "a.txt"
        if way in ("own", "around", "whole"):
            expect(part(hands, "raw-field")).to_have_value("raw")
    assert part(hands, "text").evaluate("field => field.mine")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["text", "area", "number", "tick", "edit", "focusable"])
def test_the_focus_stays_and_nobody_hears_of_it(hands: Page, way: str, name: str) -> None:
    hands.evaluate("['focus', 'blur'].forEach(on => addEventListener(on, () => ran(on), true))")
    part(hands, name).focus()
    redraw(hands, way)
    assert hands.evaluate(FOCUSED) == name
    assert log(hands) == ["focus"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["text", "area"])
def test_the_caret_and_the_selection_stay(hands: Page, way: str, name: str) -> None:
    field = part(hands, name)
    field.fill("some text that was typed")
    field.evaluate("field => field.setSelectionRange(5, 9, 'backward')")
    redraw(hands, way)
    selection = "field => [field.selectionStart, field.selectionEnd, field.selectionDirection]"
    assert field.evaluate(selection) == [5, 9, "backward"]
    hands.keyboard.type("TEXT")
    expect(field).to_have_value("some TEXT that was typed")


@pytest.mark.parametrize("way", WAYS)
def test_a_text_that_is_selected_and_the_caret_in_an_edited_one_stay(hands: Page, way: str) -> None:
    hands.evaluate("getSelection().selectAllChildren(document.querySelector('[data-test=details] summary'))")
    redraw(hands, way)
    assert hands.evaluate("getSelection().toString()") == "more"
    part(hands, "edit").click()
    hands.keyboard.type("edited")
    hands.keyboard.press("ArrowLeft")
    redraw(hands, way)
    hands.keyboard.type("-")
    expect(part(hands, "edit")).to_have_text("edite-d")


@pytest.mark.parametrize("way", WAYS)
def test_scroll_positions_and_what_was_opened_stay(hands: Page, way: str) -> None:
    part(hands, "details").locator("summary").click()
    if way in ("own", "around", "whole"):
        part(hands, "raw-details").locator("summary").click()
    part(hands, "scroll").evaluate("element => element.scrollTop = 300")
    hands.evaluate("scrollTo(0, 400)")
    redraw(hands, way)
    assert part(hands, "scroll").evaluate("element => element.scrollTop") == 300
    assert hands.evaluate("scrollY") == 400
    expect(part(hands, "details")).to_have_attribute("open", "")
    if way in ("own", "around", "whole"):
        expect(part(hands, "raw-details")).to_have_attribute("open", "")
    part(hands, "details").locator("summary").click()
    redraw(hands, way)
    expect(part(hands, "details")).not_to_have_attribute("open", "")


@pytest.mark.parametrize("way", WAYS)
def test_frames_are_not_loaded_again_and_custom_elements_keep_their_content(hands: Page, way: str) -> None:
    part(hands, "frame").evaluate("frame => frame.contentWindow.mine = true")
    redraw(hands, way)
    assert part(hands, "frame").evaluate("frame => frame.contentWindow.mine")
    expect(part(hands, "custom").locator("b")).to_have_text("by itself")
    expect(part(hands, "custom")).to_have_class("ready")
    radius = "circle => circle instanceof SVGCircleElement && circle.getAttribute('r')"
    assert part(hands, "circle").evaluate(radius) == "5"


@pytest.mark.parametrize("way", WAYS)
def test_browsers_that_cannot_move_a_node_in_one_step_restore_what_is_lost(
    page: Page, site: Server, way: str
) -> None:
    page.add_init_script("delete Element.prototype.moveBefore")
    opened(page, f"{site.url}/hands/")
    part(page, "scroll").evaluate("element => element.scrollTop = 300")
    part(page, "text").fill("typed")
    part(page, "text").evaluate("field => field.setSelectionRange(1, 3)")
    redraw(page, way)
    state = (
        "field => [field.value, document.activeElement === field, field.selectionStart, field.selectionEnd]"
    )
    assert part(page, "text").evaluate(state) == ["typed", True, 1, 3]
    assert part(page, "scroll").evaluate("element => element.scrollTop") == 300


def test_a_field_named_id_does_not_hide_the_id_of_its_form(hands: Page) -> None:
    part(hands, "in-form").fill("typed")
    hands.evaluate(MARK)
    for way in WAYS:
        redraw(hands, way)
        assert part(hands, "in-form").evaluate("field => [field.value, field.mine]") == ["typed", True]


def test_a_video_is_not_loaded_again(page: Page, site: Server) -> None:
    early(page, "window.loads = 0; addEventListener('loadstart', () => loads++, true)")
    opened(page, f"{site.url}/hands/")
    page.wait_for_function("loads && document.querySelector('[data-test=video]').error")  # nothing is in it
    for way in WAYS:
        redraw(page, way)
    assert page.evaluate("loads") == 1


def test_the_size_that_the_user_gave_a_text_area_stays(hands: Page) -> None:
    part(hands, "area").evaluate("area => area.style.height = '123px'")  # as dragging its corner does
    redraw(hands, "whole")
    assert part(hands, "area").evaluate("area => area.style.height") == "123px"


@pytest.mark.parametrize("way", WAYS)
def test_a_text_that_is_being_composed_is_not_disturbed(hands: Page, way: str) -> None:
    part(hands, "area").focus()
    session = hands.context.new_cdp_session(hands)
    session.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
    redraw(hands, way)
    session.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    session.send("Input.insertText", {"text": "日本"})
    expect(part(hands, "area")).to_have_value("日本")


def test_what_the_server_says_anew_is_shown(hands: Page) -> None:
    part(hands, "text").fill("typed")
    redraw(hands, "say")
    expect(part(hands, "text")).to_have_value("said")
    expect(part(hands, "tick")).to_be_checked()
    expect(part(hands, "details")).to_have_attribute("open", "")
    redraw(hands, "empty")
    expect(part(hands, "text")).to_have_value("")


def test_what_the_server_says_does_not_replace_what_is_being_typed(
    context: BrowserContext, hands: Page, site: Server
) -> None:
    other = opened(context.new_page(), f"{site.url}/hands/")
    hands.bring_to_front()
    part(hands, "text").click()
    hands.keyboard.press("End")
    hands.keyboard.type(" and")
    press(other, "say")
    expect(part(hands, "tick")).to_be_checked()
    expect(part(hands, "text")).to_have_value("first and")
    hands.keyboard.type(" on")
    expect(part(hands, "text")).to_have_value("first and on")
    expect(part(other, "text")).to_have_value("said")


def test_a_choice_stays_with_its_option_when_there_are_others(hands: Page) -> None:
    part(hands, "select").select_option("c")
    redraw(hands, "options")
    expect(part(hands, "select")).to_have_value("c")
    expect(part(hands, "select").locator("option")).to_have_text(["b", "c", "d"])


def test_what_the_server_removes_goes(hands: Page) -> None:
    part(hands, "area").focus()
    redraw(hands, "reduce")
    assert hands.evaluate("document.querySelectorAll('[data-test=box] > *').length") == 2


@pytest.mark.htag1  # it has a function that applies what a script gives it
def test_the_banner_and_what_shows_a_lost_connection_survive(
    context: BrowserContext, site: Server, complaints: Complaints
) -> None:
    complaints.allow("net::ERR_")
    with Proxy(site.port) as proxy:
        page = opened(context.new_page(), f"{proxy.url}/hands/")
        proxy.cut()
        page.wait_for_function("document.body.classList.contains('htagoff')")
        banner = page.get_by_role("status").filter(has_text="Connection lost")
        expect(banner).to_be_visible()
        expect(banner).to_have_attribute("aria-live", "polite")
        page.evaluate("action({ update: { 0: `<body id=${document.body.id} class=drawn></body>` } })")
        expect(page.locator("body")).to_have_class("drawn htagoff")
        expect(banner).to_be_visible()
        page.goto("about:blank")


# ---- Fields that tell what they hold


@pytest.fixture
def echo(page: Page, site: Server) -> Page:
    return opened(page, f"{site.url}/echo/")


def test_fast_typing_loses_no_key_though_each_is_answered(echo: Page) -> None:
    text = "the quick brown fox jumps over the lazy dog"
    part(echo, "field").click()
    echo.keyboard.type(text)
    expect(part(echo, "shown")).to_have_text(text)
    expect(part(echo, "field")).to_have_value(text)
    assert echo.evaluate(FOCUSED) == "field"


def test_an_answer_that_is_late_does_not_bring_back_what_was_typed_before(
    context: BrowserContext, echo: Page, site: Server
) -> None:
    other = opened(context.new_page(), f"{site.url}/echo/")
    echo.bring_to_front()
    part(echo, "field").click()
    echo.keyboard.type("a")
    expect(part(echo, "shown")).to_have_text("a")
    with held(echo, "call") as asked:
        echo.keyboard.type("bc")
        asked()
        press(other, "redraw")  # by one who has not heard of it
        expect(part(echo, "shown")).to_have_text("redrawn")
        expect(part(echo, "field")).to_have_value("abc")
    expect(part(echo, "shown")).to_have_text("abc")
    expect(part(echo, "field")).to_have_value("abc")


def test_a_tick_is_not_taken_back_by_one_who_has_not_heard_of_it(
    context: BrowserContext, echo: Page, site: Server
) -> None:
    other = opened(context.new_page(), f"{site.url}/echo/")
    echo.bring_to_front()
    with held(echo, "call") as asked:
        part(echo, "tick").check()
        asked()
        press(other, "redraw")
        expect(part(echo, "shown")).to_have_text("redrawn")
        expect(part(echo, "tick")).to_be_checked()
    expect(part(echo, "shown")).to_have_text("True")
    expect(part(echo, "tick")).to_be_checked()


@pytest.mark.parametrize("name", ["entry", "area"])
def test_a_handler_clears_the_field_that_has_the_focus(echo: Page, name: str) -> None:
    field = part(echo, name)
    for text in ("one", "two"):
        field.click()
        echo.keyboard.type(text)
        if name == "entry":
            echo.keyboard.press("Enter")
            if GENERATION == 1:  # says first what it was told
                expect(part(echo, "shown")).to_have_text(text)
                field.evaluate("field => field.dispatchEvent(new Event('change'))")
        else:
            field.evaluate("field => field.dispatchEvent(new Event('change'))")
        expect(part(echo, "shown")).to_have_text(text)
        if name == "entry" or GENERATION == 2:
            expect(field).to_have_value("")
        else:
            field.fill("")
        assert echo.evaluate(FOCUSED) == name


def test_what_the_server_knows_of_a_field_is_no_reason_to_change_it(echo: Page) -> None:
    part(echo, "tick").check()
    expect(part(echo, "shown")).to_have_text("True")
    part(echo, "entry").fill("typed")
    press(echo, "redraw")
    expect(part(echo, "shown")).to_have_text("redrawn")
    expect(part(echo, "tick")).to_be_checked()
    expect(part(echo, "entry")).to_have_value("typed")
    press(echo, "tell")
    expect(part(echo, "entry")).to_have_value("said 3")


# ---- Scripts of htag 1


@pytest.mark.htag1
def test_a_script_that_runs_again_has_a_new_node_and_the_user_keeps_what_is_in_it(
    page: Page, site: Server
) -> None:
    opened(page, f"{site.url}/scripts/")
    logged(page, "body true", True)
    part(page, "field").fill("typed")
    page.evaluate(MARK)
    inner = part(page, "inner")
    inner.fill("inside")
    inner.evaluate("field => field.setSelectionRange(2, 4)")
    press(page, "around")
    logged(page, "body true", True, True)
    state = (
        "field => [field.value, document.activeElement === field, field.selectionStart, field.selectionEnd]"
    )
    assert inner.evaluate(state) == ["inside", True, 2, 4]
    assert part(page, "field").evaluate("field => [field.mine, field.value]") == [True, "typed"]
    expect(part(page, "widget").locator("b")).to_have_count(1)
    press(page, "whole")
    logged(page, "body true", True, True, "body true", True)
    assert inner.evaluate(state) == ["inside", True, 2, 4]
    assert part(page, "field").evaluate("field => [field.mine, field.value]") == [True, "typed"]
    expect(part(page, "widget").locator("b")).to_have_count(1)
    assert page.evaluate("document.querySelectorAll('body, head').length") == 2


@pytest.mark.htag1
def test_a_script_that_is_called_is_no_reason_for_a_new_node(page: Page, site: Server) -> None:
    opened(page, f"{site.url}/scripts/?called")
    page.evaluate(MARK)
    click(page, "call")
    logged(page, "body true", True, True, "called true")
