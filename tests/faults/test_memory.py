"""A worker that grows: whoever comes next has a new process, and who is there goes on, as long as it can be.

In the table of docs/architecture.md: leaks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.http_client import Page
from tests.http_session import Refused
from tests.server.desk import QUICK, SOON, Anywhere, number, press, word
from tests.servers import Server, alive
from tests.support import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how large a process is")

LIMIT = 300
"""Megabytes. A worker that has just begun uses some 50."""
ENV = {**QUICK, "HTAG_WORKER_MEMORY": str(LIMIT * 1024 * 1024), "FAULTY_SWEEP": "0.3"}


def test_a_leak_ends_with_its_process(live: Callable[..., Server], either: dict[str, str]) -> None:
    env = {**ENV, **either, "HTAG_WORKERS": "1"}
    server = live("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=SOON)
    page, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    old = number(page, "pid")
    press(page, "leak", n=100)
    assert visit(server) == old, "it may be as large as that"
    with other.stream():
        press(page, "leak", n=200)
        wait_until(lambda: visit(server) != old, 20, "new pages are in another process", every=0.3)
        press(page, "hit")
        press(other, "hit")
        assert (word(page, "hits"), word(other, "hits")) == ("hits 3", "hits 1")
        assert alive(old), "who is there goes on"
        again = page.reload()
        assert number(again, "pid") != old
        assert (word(again, "hits"), word(again, "kept")) == ("hits 0", "kept 3")
        press(again, "hit")
        assert not other.gone
    new = number(again, "pid")
    other.leave()
    wait_until(lambda: not alive(old), 20, "nobody uses it, so it leaves")
    assert [number(one.user.open("/"), "pid") for one in (page, other, again)] == [new] * 3
    heard = overflow(again, 500)
    wait_until(lambda: not alive(new), 15, "it cannot wait until nobody uses it")
    assert again.post("poll", {"cursor": again.cursor}).status == 410
    third = again.user.open("/")
    assert number(third, "kept") in ((5,) if heard else (4, 5))
    assert number(third, "pid") not in (old, new)
    assert server.log_text().count("takes no new page: it uses") == 2


def test_a_leak_where_each_session_has_its_process(
    live: Callable[..., Server], either: dict[str, str]
) -> None:
    env = {**ENV, **either}
    server = live("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=SOON)
    page, other = Anywhere(server.url).open("/own/"), Anywhere(server.url).open("/own/")
    old, neighbour = number(page, "pid"), number(other, "pid")
    with page.stream():
        press(page, "leak", n=LIMIT)
        page.wait_for(lambda: word(page, "hits") == "hits 1")
        press(page, "hit")
        told = "takes no new page: it uses"
        wait_until(lambda: told in server.log_text(), 20, "it has seen how large it is")
        again = page.user.open("/own/")
        assert number(again, "pid") not in (old, neighbour)
        assert (word(again, "hits"), word(again, "kept")) == ("hits 0", "kept 2")
        press(page, "hit")
        assert word(page, "hits") == "hits 3", "who is there goes on"
        press(again, "hit")
        assert word(again, "kept") == "kept 4", "it is the same session"
    page.leave()
    wait_until(lambda: not alive(old), 20, "nobody uses it, so it leaves")
    new = number(again, "pid")
    overflow(again, 2 * LIMIT)
    wait_until(lambda: not alive(new), 20, "it cannot wait until nobody uses it")
    assert again.post("poll", {"cursor": again.cursor}).status == 410
    third = again.user.open("/own/")
    assert number(third, "pid") not in (old, new)
    press(other, "hit")
    assert number(other, "pid") == neighbour


def overflow(page: Page, megabytes: int) -> bool:
    """Leaks so much that the process may leave before the click is done. Returns whether it is done."""
    try:
        return bool(press(page, "leak", n=megabytes)["done"])
    except Refused as refused:
        if refused.status != 410:
            raise
        return False


def visit(server: Server) -> int:
    """The process that a new user comes to, and does not stay in."""
    page = Anywhere(server.url).open("/")
    page.leave()
    return number(page, "pid")
