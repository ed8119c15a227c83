"""How long a session lives: what a user does prolongs it, a page that is merely open does not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.http_client import Refused
from tests.servers import Server
from tests.state.kit import Anywhere, gate_waits, meanwhile, message, press, shown, sid, visit, word
from tests.support import wait_until

LIFE = 3.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["files", "redis"])
def test_who_clicks_stays_in_longer_than_a_session_lives(site: Callable[..., Server], kind: str) -> None:
    """Without loading a page: the record in the storage and the cookie in the browser both go on."""
    user = Anywhere(site(kind, workers=2, STATE_LIFE=f"{LIFE}").url)
    page = user.open("/")
    visit(user, "/login", user="ann")
    until, presses = time.monotonic() + 2 * LIFE, 0
    while time.monotonic() < until:
        press(page, "tally")
        presses += 1
        assert word(page) == f"count {presses}"
    assert shown(user)["user"] == "ann"


@pytest.mark.slow
def test_a_page_that_is_only_open_does_not_keep_its_session(site: Callable[..., Server]) -> None:
    user = Anywhere(site("files", workers=2, STATE_LIFE=f"{LIFE}").url)
    page = user.open("/")
    with page.stream():
        wait_until(lambda: not sid(user) or _expired(user), 2 * LIFE)
    with pytest.raises(Refused):
        press(page, "see")


def _expired(user: Anywhere) -> bool:
    return any(cookie.name == "session" and cookie.is_expired() for cookie in user.cookies)


@pytest.mark.slow
def test_a_click_that_ends_after_a_login_does_not_bring_the_former_cookie_back(
    site: Callable[..., Server],
) -> None:
    server = site("files", workers=1, STATE_LIFE=f"{4 * LIFE}")
    user = Anywhere(server.url)
    page = user.open("/none/")
    press(page, "see")
    due = time.monotonic() + LIFE + 0.2
    wait_until(lambda: time.monotonic() > due, 2 * LIFE, "the cookie is due for its renewal")
    with meanwhile(lambda: page.call(message(page, "hold", gate="login", key="held"))):
        wait_until(lambda: gate_waits(server, "login"))
        visit(user, "/login", user="ann", how="new")
        after = sid(user)
        visit(user, "/open_gate", gate="login")
    assert sid(user) == after
    assert shown(user)["user"] == "ann"
