"""Under csp="strict" pages do all that they do, and nothing runs that the server has not marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.servers import Server
from tests.support import GENERATION, wait_until
from tests.web.pages import NO_NONCE, click, connected, gunicorn, log, logged, part
from tests.web.test_csp import Guarded, see_an_error, use, use_styles_and_scripts

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    NewUser = Callable[..., BrowserContext]

pytestmark = NO_NONCE


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_csp:app") as server:
        yield server


@pytest.fixture(scope="module")
def smuggled() -> Iterator[Server]:
    with gunicorn("tests.apps.web_strict:app") as server:
        yield server


def test_pages_work_as_without_it(new_user: NewUser, site: Server, complaints: Complaints) -> None:
    guarded = Guarded(new_user, "")
    page = guarded.page
    answer = page.goto(f"{site.url}/strict/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy.replace("style-src 'self' 'unsafe-inline'", "")
    use(connected(page))
    use_styles_and_scripts(page)
    see_an_error(page, complaints)
    again = page.reload()
    assert again is not None
    assert again.headers["content-security-policy"] != policy  # its nonce is for one page
    use(connected(page))
    assert guarded.settled() == []


def press_all(page: Page) -> None:
    """Whatever is there to be clicked by who wants to."""
    page.evaluate("""() => document.querySelectorAll('[data-test=evil], [data-test=link], [data-test=forged]')
                     .forEach((element) => element.click())""")


def test_what_was_smuggled_in_does_not_run(
    new_user: NewUser, smuggled: Server, complaints: Complaints
) -> None:
    complaints.allow("Content Security Policy", "404", "wrong|Unexpected|missing \\)")
    guarded = Guarded(new_user, "")
    page = guarded.page
    page.goto(f"{smuggled.url}/smuggled/")
    connected(page)
    for _ in range(2):
        press_all(page)
        click(page, "draw")
        expect(page.locator("[data-test=evil]")).to_have_count(2)
        press_all(page)
        page.wait_for_timeout(300)
        page.reload()
        connected(page)
    logged(page, "own image")
    assert len(guarded.settled()) >= 20
    assert {each.partition("-src")[0] for each in guarded.violated} <= {"script", "object", "frame"}


def test_it_would_have_run_without_the_policy(
    new_user: NewUser, smuggled: Server, complaints: Complaints
) -> None:
    complaints.allow("404")
    page = new_user().new_page()
    page.goto(f"{smuggled.url}/open/")
    connected(page)
    press_all(page)
    wanted = {"image", "script", "svg", "click", "link", "frame", "nonce", "nonce x", "toggle", "own image"}
    wait_until(lambda: wanted <= set(log(page)), 20, "all of it")


def test_handlers_find_what_they_find_in_attributes(
    new_user: NewUser, smuggled: Server, complaints: Complaints
) -> None:
    complaints.allow("Content Security Policy", "404", "Unexpected")
    page = new_user().new_page()
    page.goto(f"{smuggled.url}/smuggled/")
    connected(page)
    logged(page, "own image")
    page.evaluate("log.length = 0")
    part(page, "titled").click()
    assert part(page, "titled").get_attribute("title") == 'x onclick="ran(1)" y onclick='
    click(page, "script")
    click(page, "inside")
    page.evaluate("location.hash = '#here'")
    logged(page, "script", "meclickBUTTON", "meFORM", "#heretrue")
    assert page.url.endswith("/smuggled/#here")  # the form went nowhere
    click(page, "wrong")  # its own mistake, and nobody else's
    assert [text for text in complaints.all if "Unexpected" in text]


def test_what_was_drawn_before_and_elsewhere_works(
    new_user: NewUser, smuggled: Server, complaints: Complaints
) -> None:
    complaints.allow("Content Security Policy", "404")
    page = new_user().new_page()
    page.goto(f"{smuggled.url}/smuggled/")
    connected(page)
    part(page, "kept").last.click()
    expect(part(page, "shown")).to_have_text("1")
    page.reload()
    connected(page)
    part(page, "kept").last.click()
    expect(part(page, "shown")).to_have_text("2")
    click(page, "elsewhere")
    expect(part(page, "threaded")).to_have_count(2)
    part(page, "threaded").first.click()
    expect(part(page, "shown")).to_have_text("3")


def test_handlers_come_change_and_go(new_user: NewUser, smuggled: Server) -> None:
    page = new_user().new_page()
    page.goto(f"{smuggled.url}/toggle/")
    connected(page)
    target = part(page, "target")
    handle = target.element_handle()
    target.click()
    click(page, "change")
    wait_until(lambda: target.evaluate("element => !!element.ondblclick"), 20, "another handler")
    target.dblclick()
    click(page, "drop")
    wait_until(lambda: target.evaluate("element => !element.onclick"), 20, "none")
    target.dblclick()
    logged(page, "a", "b", "b", "c", "c")
    assert handle.evaluate("(element) => element.isConnected")  # the same element, all the time


def test_scripts_of_python_that_fail_are_reported(
    new_user: NewUser, smuggled: Server, complaints: Complaints
) -> None:
    complaints.allow("JS ERROR" if GENERATION == 1 else "htag: eval error", "Content Security Policy", "404")
    page = new_user().new_page()
    page.goto(f"{smuggled.url}/smuggled/")
    connected(page)
    for name, told in (("fail", "nothing_there is not defined"), ("garble", "Unexpected identifier")):
        part(page, name).evaluate("button => button.click()")  # htag 2 shows errors over the page
        wait_until(lambda told=told: page.evaluate("1") and told in "".join(complaints.all), 20, told)
    logged(page, "own image", "before")
    if GENERATION == 2:
        expect(page.locator("htag-error").locator("#trace")).to_contain_text("Source:")
