"""Parano where other things are otherwise: without a pool, and with sessions in cookies."""

from __future__ import annotations

import pytest

from tests.apps.markers import SECRETS
from tests.http_client import User
from tests.http_sealed import Knock, enter
from tests.http_session import Refused
from tests.servers import serve


def test_sealed_pages_of_the_one_process() -> None:
    env = {"HTAG_BROKER": "inline"}
    with serve("gunicorn-gthread", "tests.apps.sealed:app", workers=1, env=env) as site:
        tab, other = enter(User(site.url), query="name=Ada"), enter(User(site.url))
        assert tab.find(tag="p", data_test="name").text == "Ada"
        tab.click("more")
        assert (tab.count, other.count) == ("1", "0")
        assert SECRETS["answer"] in "".join(tab.scripts)
        record = tab.record(tab.message("more"))
        assert [other.send("call", record).status, tab.send("call", record).status] == [400, 200]
        tab.seq += 1
        tab.click("later")
        tab.poll(5)
        tab.wait_text(SECRETS["push"])
        assert site.pool_processes() == {}


def test_a_cookie_that_holds_the_session_is_not_enough_either() -> None:
    """Not even the one from before the server knew the browser's key."""
    with serve("gunicorn-gthread", "tests.apps.sealed:signed()", workers=1) as site:
        user, thief = User(site.url), User(site.url)
        knock = Knock(user)
        answer = knock.key()
        for cookie in user.cookies:
            thief.cookies.set_cookie(cookie)
        assert knock.ask(*knock.page(answer)).status == 200
        with pytest.raises(Refused) as refusal:
            enter(thief)
        assert (refusal.value.status, refusal.value.answer.headers["X-Htag"]) == (403, "foreign")
        enter(user).click("more")
