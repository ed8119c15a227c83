"""Many clients, four workers, a new connection for each request: nothing lost or doubled, all in order."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import Any

from tests.http_client import Page
from tests.server.desk import Anywhere, done, press, together, word
from tests.servers import Server

CLIENTS = 10
INTERACTIONS = 30
PUSHES = 10


def work(page: Page, way: str) -> None:
    """What one client does: asks for pushes, and clicks while they come."""
    with page.stream() if way == "stream" else page.polling():
        press(page, "tick", n=PUSHES)
        for number in range(INTERACTIONS):
            press(page, "hit", n=number)
        page.wait_for(lambda: done(page, "pushed")[-1:] == [PUSHES], what="all pushes have come")


def test_nothing_is_lost_or_doubled_or_out_of_order(server: Server) -> None:
    users = [Anywhere(server.url) for _ in range(CLIENTS)]
    pages: list[Page] = together(partial(user.open, "/") for user in users)
    together(partial(work, page, ("stream", "poll")[index % 2]) for index, page in enumerate(pages))
    for page in pages:
        page.assert_nothing_lost()
        assert page.inbox.resets == []
        assert done(page, "did") == list(range(INTERACTIONS))
        assert done(page, "pushed") == list(range(1, PUSHES + 1))
        assert word(page, "numbers") == " ".join(map(str, range(INTERACTIONS)))
        assert word(page, "pushed") == f"push {PUSHES}"
        assert page.errors == []
    workers = sum((user.workers for user in users), Counter())
    assert len(workers) > 1, workers
    assert set(workers) <= set(map(str, server.worker_pids()))


def test_the_tabs_of_a_user_all_see_all_of_it(server: Server) -> None:
    user = Anywhere(server.url)
    tabs = [user.open("/") for _ in range(3)]
    with tabs[0].stream(), tabs[1].polling(), tabs[2].stream():
        together(partial(press_all, tab, range(start, 30, 3)) for start, tab in enumerate(tabs))
        for tab in tabs:
            tab.wait_for(lambda tab=tab: len(word(tab, "numbers").split()) == 30)
    shown = {word(tab, "numbers") for tab in tabs}
    assert len(shown) == 1
    assert sorted(map(int, shown.pop().split())) == list(range(30))
    for start, tab in enumerate(tabs):
        tab.assert_nothing_lost()
        assert set(done(tab, "did")) >= set(range(start, 30, 3))


def press_all(page: Page, numbers: Any) -> None:
    for number in numbers:
        press(page, "hit", n=number)


def test_no_other_user_sees_any_of_it(server: Server) -> None:
    one, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    with other.stream():
        press(one, "hit", n=1)
        press(one, "tick", n=3)
        press(other, "hit", n=2)
        one.wait_for(lambda: one.poll(1) and done(one, "pushed") == [1, 2, 3])
    assert (done(one, "did"), done(other, "did")) == ([1], [2])
    assert done(other, "pushed") == []


def test_twenty_clicks_in_a_second(server: Server) -> None:
    """None lost, none twice; a human who holds a key down is slower."""
    page = Anywhere(server.url).open("/")
    press(page, "hit", n=0)
    start = time.monotonic()
    for number in range(1, 41):
        press(page, "hit", n=number)
    assert time.monotonic() - start < 2
    assert done(page, "did") == list(range(41))
    assert word(page, "numbers") == " ".join(map(str, range(41)))
