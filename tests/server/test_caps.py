"""When there is no room for more: who ends first, and what the others are told."""

from __future__ import annotations

import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.http_client import Page
from tests.http_session import Answer, Refused
from tests.server.desk import QUICK, SOON, Anywhere, press, together, word
from tests.servers import Server, serve
from tests.support import wait_until

ALONE = "tests.apps.alone:app"
MOST = 5
ENV = {**QUICK, "HTAG_WORKERS": "1", "HTAG_INSTANCES": f"{MOST}", "HTAG_PROCESSES": f"{MOST}"}


@pytest.fixture(scope="module", params=["shared", "session"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One that has room for five: five instances in its one process, or five processes."""
    env = {**ENV, "HTAG_ISOLATION": request.param, "HTAG_SESSION_INSTANCES": "3"}
    with serve("gunicorn-gevent", ALONE, workers=2, env=env, options=SOON) as running:
        yield running


@pytest.fixture
def shown(server: Server) -> Iterator[list[Page]]:
    """Pages of five users, each of which runs."""
    pages = [clicked(Anywhere(server.url)) for _ in range(MOST)]
    yield pages
    for page in pages:
        page.leave()


def clicked(user: Anywhere, path: str = "/") -> Page:
    page = user.open(path)
    press(page, "more")
    return page


def refusal(user: Anywhere, path: str = "/") -> Answer:
    with pytest.raises(Refused) as refused:
        user.open(path)
    answer = refused.value.answer
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<title>There is no room at the moment</title>" in answer.text
    assert "Traceback" not in answer.text
    return answer


def test_who_comes_when_all_is_full_is_told_so(server: Server, shown: list[Page]) -> None:
    text = refusal(Anywhere(server.url)).text
    assert "as many visitors as it can" in text
    assert "HTAG_" not in text  # that is for the log
    wait_until(lambda: re.search(r"no room: .*HTAG_(INSTANCES|PROCESSES)", server.log_text()))
    for page in shown:
        press(page, "more")
        assert word(page) == "clicks 2"
    again = shown[0].user.open("/")  # who is there may reload
    assert again.has("clicks 2")
    again.leave()


def test_who_has_closed_the_page_makes_room_the_oldest_first(server: Server, shown: list[Page]) -> None:
    for page in (shown[3], shown[1]):
        press(page, "keep")
        page.leave()
        wait_until(lambda: page.post("poll", {"cursor": 0}).status == 410)  # noqa: B023
    newcomer = clicked(Anywhere(server.url))
    kept = shown[1].user.open("/")
    assert kept.has("clicks 1")
    kept.leave()
    newcomer.leave()
    renewed = shown[3].user.open("/")
    assert renewed.has("kept 1")
    assert not renewed.has("clicks")  # it is a new instance
    renewed.leave()


def test_pages_that_nobody_runs_make_room_at_once(server: Server, shown: list[Page]) -> None:
    shown.pop().leave()
    robots = [Anywhere(server.url).open("/") for _ in range(4)]
    assert robots[0].post("poll", {"cursor": 0}).status == 410
    assert robots[-1].post("poll", {"cursor": 0, "wait": 0}).status == 200
    robots[-1].leave()
    for page in shown:
        press(page, "more")


def test_a_user_can_have_so_many_instances_and_no_more(server: Server) -> None:
    user = Anywhere(server.url)
    pages = [clicked(user, f"/?who={number}") for number in range(3)]
    text = refusal(user, "/?who=x").text
    assert "You have 3 pages of this app open" in text
    pages[2].leave()
    pages[1].leave()
    pages[2] = clicked(user, "/?who=y")
    pages[1] = user.open("/?who=1")
    assert pages[1].has("clicks 1")
    press(pages[0], "more")
    for page in pages:
        page.leave()


def test_a_thousand_pages_without_a_cookie_lock_nobody_out(server: Server) -> None:
    page = clicked(Anywhere(server.url))
    processes = len(server.pool_processes())
    numbers, over = itertools.count(), threading.Event()
    answers: Counter[int] = Counter()
    most = 0

    def crawl() -> None:
        while next(numbers) < 1000:
            answers[Anywhere(server.url).get("/").status] += 1

    def crawlers() -> None:
        try:
            together([crawl] * 6)
        finally:
            over.set()

    def click() -> None:
        nonlocal most
        while not over.is_set():
            press(page, "more")
            most = max(most, len(server.pool_processes()))
            over.wait(0.1)

    together([crawlers, click])
    assert sum(answers.values()) == 1000
    assert set(answers) <= {200, 503}
    assert answers[200] > 20
    assert most <= processes + MOST
    press(page, "more")
    assert int(word(page).split()[1]) > 5
    newcomer = clicked(Anywhere(server.url))
    assert newcomer.has("clicks 1")
    newcomer.leave()
    page.leave()


def test_where_the_system_allows_no_more_it_is_full(live: Callable[..., Server]) -> None:
    """There are too few descriptors for the loops of so many instances."""
    server = live("gunicorn-gevent", ALONE, workers=1, env={**QUICK, "ALONE_FILES": "50"}, options=SOON)
    pages: list[Page] = []

    def fill() -> None:
        while len(pages) < 20:
            pages.append(clicked(Anywhere(server.url), "/shared/"))

    with pytest.raises(Refused, match="503.*no room"):
        fill()
    assert len(pages) > 3
    assert "the system allows no more" in server.log_text()
    for page in pages:
        press(page, "more")
        assert word(page) == "clicks 2"
