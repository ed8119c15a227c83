"""The example of a login by OpenID Connect, with a provider of our own: who logs in, who logs out, and what
others see of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.apps.openid_provider import CLIENT_ID, CLIENT_SECRET
from tests.browser import Complaints
from tests.servers import PARANO, Server, serve
from tests.support import wait_until
from tests.web.pages import click, connected, gunicorn, part

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture(scope="module")
def provider() -> Iterator[Server]:
    with serve("werkzeug", "tests.apps.openid_provider:app") as server:
        yield server


@pytest.fixture(params=["files", "memory", "redis"], scope="module")
def site(request: pytest.FixtureRequest, provider: Server) -> Iterator[Server]:
    env = {
        "OAUTH_KIND": request.param,
        "OIDC_DISCOVERY": f"{provider.url}/.well-known/openid-configuration",
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    if request.param == "redis":
        env["OAUTH_REDIS"] = request.getfixturevalue("redis_url")
    with gunicorn("tests.apps.web_oauth:app", **env) as server:
        yield server


def say(page: Page, user: str, flaw: str = "nothing", answer: str = "yes") -> None:
    """At the provider: who one is."""
    expect(page).to_have_title("Who are you?")
    page.locator("[name=user]").select_option(label=user)
    page.locator("[name=flaw]").select_option(flaw)
    page.get_by_role("button", name=answer).click()


def log_in(page: Page, url: str, user: str) -> Page:
    """From the page of the app to the provider, and back."""
    page.goto(url)
    page.bring_to_front()
    page.get_by_role("link", name="log in").click()
    say(page, user)
    expect(page.get_by_role("link", name="log out")).to_be_visible()
    expect(part(page, "user")).to_have_text(user)
    return connected(page)


def log_out(page: Page) -> None:
    page.bring_to_front()
    page.get_by_role("link", name="log out").click()
    expect(page.get_by_role("link", name="log in")).to_be_visible()
    expect(part(page, "user")).to_have_text("nobody")


def session_of(page: Page, url: str) -> dict[str, Any]:
    """The session, as a view sees it."""
    found: dict[str, Any] = page.request.get(f"{url}/session").json()
    return found


def cookie_of(context: BrowserContext) -> str:
    return next(cookie.get("value", "") for cookie in context.cookies() if cookie.get("name") == "session")


def open_gate(site: Server, name: str) -> None:
    (site.data_dir / f"gate-{name}").touch()


def at_gate(site: Server, name: str) -> Callable[[], bool]:
    return lambda: (site.data_dir / f"gate-{name}-waits").exists()


# ---- the example


def test_who_logs_in_is_shown_until_the_logout(page: Page, site: Server, provider: Server) -> None:
    page.goto(site.url)
    expect(part(page, "user")).to_have_text("nobody")
    log_in(page, site.url, "Ada")
    page.reload()
    expect(part(page, "user")).to_have_text("Ada")
    assert session_of(page, site.url) == {"user": {"id": "1", "name": "Ada"}}, (
        "nothing of the provider is kept"
    )
    with page.expect_request(re.compile(f"^{provider.url}/end_session")):
        log_out(page)
    assert session_of(page, site.url) == {}
    log_in(page, site.url, "Bob")


def test_a_name_is_a_text_whatever_is_in_it(page: Page, site: Server) -> None:
    log_in(page, site.url, "<b>Eve</b> & co.")
    assert part(page, "user").locator("b").count() == 0


def test_two_users_do_not_meet(site: Server, new_user: Callable[..., BrowserContext]) -> None:
    ada, bob = new_user().new_page(), new_user().new_page()
    log_in(ada, site.url, "Ada")
    log_in(bob, site.url, "Bob")
    ada.reload()
    expect(part(ada, "user")).to_have_text("Ada")
    log_out(bob)
    ada.reload()
    expect(part(ada, "user")).to_have_text("Ada")


@pytest.mark.clear("a session that another browser has begun is of no use: tests/parano/test_browser.py")
def test_a_session_that_somebody_else_knows_is_not_logged_in(
    site: Server, new_user: Callable[..., BrowserContext]
) -> None:
    """Somebody has given his own session to the user: session fixation."""
    thief, user = new_user(), new_user()
    trap = thief.new_page()
    trap.goto(f"{site.url}/desk/")
    click(connected(trap), "more")
    expect(part(trap, "count")).to_have_text("1")
    user.add_cookies([{"name": "session", "value": cookie_of(thief), "url": site.url}])
    page = user.new_page()
    log_in(page, site.url, "Ada")
    assert cookie_of(user) != cookie_of(thief)
    expect(part(trap, "count")).to_have_text("0")  # it has begun anew, by itself
    assert session_of(trap, site.url) == {}
    trap.goto(site.url)
    expect(part(trap, "user")).to_have_text("nobody")
    page.goto(f"{site.url}/desk/")
    expect(part(page, "count")).to_have_text("0")


def test_after_a_logout_nothing_of_the_user_can_be_reached(
    context: BrowserContext, site: Server, new_user: Callable[..., BrowserContext]
) -> None:
    page, other = context.new_page(), context.new_page()
    log_in(page, site.url, "Ada")
    other.goto(f"{site.url}/desk/")
    with other.expect_request(lambda request: request.url.endswith("/_htag/call")) as sent:
        click(connected(other), "more")
    expect(part(other, "count")).to_have_text("1")
    former = {**sent.value.headers, "cookie": f"session={cookie_of(context)}", "origin": site.url}
    log_out(page)
    expect(part(other, "user")).to_have_text("nobody")  # it has begun anew, by itself
    expect(part(other, "count")).to_have_text("0")
    # Somebody has kept all that a click of the page has sent.
    body = sent.value.post_data_buffer
    if not PARANO:  # the same number would be answered again
        body = json.dumps({"seq": 2, "cursor": 0, "message": json.loads(body)["message"]}).encode()
    again = new_user().request.post(sent.value.url, headers=former, data=body)
    # A process may not have heard of the logout for half a second: then it is the record that comes twice.
    assert again.status in ([410, 425] if PARANO else [410]), again.text()


# ---- while something runs


def test_a_login_with_a_new_id_during_an_interaction_loses_nothing_of_either(
    context: BrowserContext, site: Server
) -> None:
    page, other = context.new_page(), context.new_page()
    page.goto(f"{site.url}/desk/?gate=kept")
    click(connected(page), "more")
    expect(part(page, "count")).to_have_text("1")
    made, before = part(page, "made").inner_text(), cookie_of(context)
    click(page, "hold")
    wait_until(at_gate(site, "kept"))
    other.goto(f"{site.url}/login-and-keep")
    say(other, "Ada")
    expect(part(other, "user")).to_have_text("Ada")
    assert cookie_of(context) != before
    open_gate(site, "kept")
    expect(part(page, "held")).to_have_text("held")
    click(page, "look")
    expect(part(page, "user")).to_have_text("Ada")
    wait_until(lambda: "late" in session_of(page, site.url))
    found = session_of(page, site.url)
    assert found["user"]["name"] == "Ada"
    assert found["late"] == "kept"
    assert found["tests.apps.web_oauth.Desk"] == {"count": 1, "held": "kept"}
    page.reload()
    assert part(page, "made").inner_text() == made


def test_what_began_before_a_login_that_empties_the_session_writes_nothing_into_it(
    context: BrowserContext, site: Server, complaints: Complaints
) -> None:
    complaints.allow("403")  # the first page belongs to the former session
    page, other = context.new_page(), context.new_page()
    page.goto(f"{site.url}/desk/?gate=cleared")
    click(connected(page), "hold")
    wait_until(at_gate(site, "cleared"))
    log_in(other, site.url, "Ada")
    open_gate(site, "cleared")
    wait_until(at_gate(site, "cleared-over"))
    other.goto(f"{site.url}/desk/")
    for number in ("1", "2", "3"):
        click(other, "more")
        expect(part(other, "count")).to_have_text(number)
    assert session_of(other, site.url) == {
        "user": {"id": "1", "name": "Ada"},
        "tests.apps.web_oauth.Desk": {"count": 3},
    }
    expect(part(other, "user")).to_have_text("Ada")


def test_a_login_while_another_tab_is_busy_loses_no_click(context: BrowserContext, site: Server) -> None:
    page, other = context.new_page(), context.new_page()
    page.goto(f"{site.url}/desk/")
    connected(page)
    other.goto(f"{site.url}/login-and-keep")
    page.evaluate(
        """() => { let left = 30; const more = document.querySelector('[data-test="more"]');
        const timer = setInterval(() => { more.click(); if (--left === 0) clearInterval(timer); }, 20); }"""
    )
    say(other, "Bob")
    expect(part(page, "count")).to_have_text("30")
    wait_until(lambda: "user" in session_of(page, site.url), 30, "the login is over")
    found = session_of(page, site.url)
    assert found["user"]["name"] == "Bob"
    assert found["tests.apps.web_oauth.Desk"] == {"count": 30}


# ---- what does not work


def refused(page: Page, site: Server) -> str:
    """The text of the page that says that a login did not work, and not how."""
    text = page.locator("body").inner_text()
    assert "The login did not work" in text
    for secret in ("Traceback", "authlib", ".py", CLIENT_SECRET):
        assert secret not in page.content()
    assert "Traceback" not in site.log_text()
    page.goto(site.url)
    expect(part(page, "user")).to_have_text("nobody")
    return text


@pytest.mark.parametrize("query", ["?code=any&state=wrong", "?code=any", "?state=wrong", ""])
def test_a_callback_that_nobody_asked_for_is_refused(
    page: Page, site: Server, complaints: Complaints, query: str
) -> None:
    complaints.allow("400")
    page.goto(site.url)
    answer = page.goto(f"{site.url}/auth{query}")
    assert answer is not None
    assert answer.status == 400
    assert "mismatching_state" in refused(page, site)


def test_the_callback_of_another_browser_is_refused(
    site: Server, new_user: Callable[..., BrowserContext], complaints: Complaints
) -> None:
    """Somebody lets the user log in as somebody else: login CSRF."""
    complaints.allow("400")
    thief, page = new_user().new_page(), new_user().new_page()
    thief.goto(f"{site.url}/login")
    form = thief.evaluate("Object.fromEntries(new FormData(document.forms[0]))")
    answer = thief.request.post(thief.url, form={**form, "answer": "yes"}, max_redirects=0)
    page.goto(f"{site.url}/")
    page.goto(answer.headers["location"])
    refused(page, site)


def test_who_says_no_at_the_provider_is_told_so(page: Page, site: Server, complaints: Complaints) -> None:
    complaints.allow("400")
    page.goto(f"{site.url}/login")
    say(page, "Ada", answer="no")
    assert "access_denied" in refused(page, site)


@pytest.mark.parametrize("flaw", ["nonce", "audience", "issuer", "expired", "signature"])
def test_a_token_that_is_not_ours_is_refused(
    page: Page, site: Server, complaints: Complaints, flaw: str
) -> None:
    complaints.allow("400")
    page.goto(f"{site.url}/login")
    say(page, "Ada", flaw)
    refused(page, site)


def test_going_back_to_the_callback_changes_nothing(page: Page, site: Server, complaints: Complaints) -> None:
    complaints.allow("400")
    with page.expect_request(lambda request: "/auth?" in request.url) as callback:
        log_in(page, site.url, "Ada")
    answer = page.goto(callback.value.url)
    assert answer is not None
    assert answer.status == 400
    page.goto(site.url)
    expect(part(page, "user")).to_have_text("Ada")
