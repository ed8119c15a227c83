"""A callback that takes its time delays nobody else, and what it brings comes when it is there.

Proved by order, not by the clock: what blocks goes on until another user ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.http_client import Page, User
from tests.server.desk import DESK, QUICK, SOON, Anywhere, done, meanwhile, press, word
from tests.servers import Server, serve
from tests.support import GENERATION


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """All instances of an app are in one process."""
    env = {**QUICK, "HTAG_WORKERS": "1"}
    with serve("gunicorn-gevent", DESK, workers=2, env=env, options=SOON) as running:
        yield running


@pytest.fixture
def one(server: Server) -> Page:
    return Anywhere(server.url).open("/")


@pytest.fixture
def other(server: Server, one: Page) -> Iterator[Page]:
    """Another user in the same process, with the gate closed."""
    page = Anywhere(server.url).open("/")
    assert word(page, "pid") == word(one, "pid")
    press(page, "release", n=0)
    yield page
    press(page, "release", n=1)


def collecting(page: Page, way: str) -> Any:
    return page.stream() if way == "stream" else page.polling()


@pytest.mark.parametrize(("name", "end"), [("block", "blocked"), ("hold", "held")])
@pytest.mark.parametrize("way", ["stream", "polling"])
def test_a_long_callback_delays_no_other_user(one: Page, other: Page, name: str, end: str, way: str) -> None:
    answer = press(one, name)
    assert answer["done"] is False
    with collecting(one, way), collecting(other, way):
        for number in range(10):
            press(other, "hit", n=number)
        press(other, "tick", n=3)
        other.wait_for(lambda: done(other, "pushed") == [1, 2, 3])
        third = Anywhere(one.user.base).open("/")
        press(third, "hit", n=1)
        assert word(third, "numbers") == "1"
        assert word(one) == ""
        press(other, "release", n=1)
        one.wait_for(lambda: word(one) == end)
    assert done(other, "did") == list(range(10))


@pytest.mark.parametrize("way", ["stream", "polling"])
def test_an_async_callback_does_not_block_pushes_of_the_same_user(one: Page, other: Page, way: str) -> None:
    with collecting(one, way):
        press(one, "tick", n=15)
        assert press(one, "hold")["done"] is False
        one.wait_for(lambda: done(one, "pushed") == list(range(1, 16)))
        assert word(one) == ""
        press(other, "release", n=1)
        one.wait_for(lambda: word(one) == "held")
    one.assert_nothing_lost()


@pytest.mark.parametrize("way", ["stream", "polling"])
def test_the_next_click_is_taken_while_a_long_one_runs(one: Page, other: Page, way: str) -> None:
    """On htag 2 it is handled at once; on htag 1, whose interactions do not overlap, after the first."""
    with collecting(one, way):
        assert press(one, "hold")["done"] is False
        assert press(one, "hit", n=1)["done"] is (GENERATION == 2)
        assert word(one, "numbers") == ("1" if GENERATION == 2 else "")
        press(other, "release", n=1)
        one.wait_for(lambda: word(one) == "held" and word(one, "numbers") == "1")
    one.assert_nothing_lost()


def test_the_result_of_a_long_callback_comes_with_the_next_call_too(one: Page, other: Page) -> None:
    """Where neither stream nor poll passes: one payload, one number, whichever answer carries it."""
    assert press(one, "hold")["done"] is False
    press(other, "release", n=1)
    one.wait_for(lambda: press(one, "hit", n=1) and word(one) == "held")
    one.assert_nothing_lost()


def test_without_pushes_an_answer_waits_until_it_is_done(server: Server) -> None:
    page, other = Anywhere(server.url).open("/none"), Anywhere(server.url).open("/none")
    assert page.boot["transport"] == "none"
    page.announce()
    press(other, "release", n=0)
    with meanwhile(partial(press, page, "hold")) as answers:
        for number in range(10):
            press(other, "hit", n=number)
        assert answers == []
        press(other, "release", n=1)
    assert answers[0]["done"] is True
    assert word(page) == "held"


def test_a_page_is_rendered_while_another_user_blocks(server: Server, one: Page, other: Page) -> None:
    press(one, "block")
    for _ in range(3):
        assert User(server.url).open("/").title == "Desk"
    assert word(one) == ""
