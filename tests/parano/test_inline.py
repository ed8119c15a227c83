"""Parano without a pool: the channels are in the one web process then."""

from __future__ import annotations

from tests.apps.sealed import SECRETS
from tests.http_client import User
from tests.parano.tab import enter
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
