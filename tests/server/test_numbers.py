"""Interactions have numbers: a repeated one runs once, a gap is refused, and the first emitted runs first."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.http_client import Page
from tests.http_session import Answer
from tests.server.desk import Anywhere, done, message, press, together, typed, word
from tests.servers import Server


def post(page: Page, seq: int, name: str, cursor: int | None = None, **data: Any) -> Answer:
    body = {"seq": seq, "cursor": page.cursor if cursor is None else cursor}
    return page.post("call", {**body, "message": message(page, name, **data)})


def test_the_same_number_again_gives_the_same_answer_and_runs_nothing(page: Page) -> None:
    first = post(page, 1, "hit", n=7)
    assert [post(page, 1, "hit", n=7).body for _ in range(5)] == [first.body] * 5
    assert first.json()["seq"] == 1
    assert first.json()["done"] is True
    page.seq = 1
    page.take(first.json(), "call")
    press(page, "hit", n=8)
    assert done(page, "did") == [7, 8]
    assert word(page, "numbers") == "7 8"


def test_the_same_number_at_the_same_time_runs_once(page: Page) -> None:
    answers = together([partial(post, page, 1, "hit", n=7)] * 8)
    assert [answer.status for answer in answers] == [200] * 8
    assert len({answer.body for answer in answers}) == 1
    page.seq = 1
    page.take(answers[0].json(), "call")
    press(page, "hit", n=8)
    assert word(page, "numbers") == "7 8"


def test_a_number_that_still_runs_is_not_run_again(server: Server, page: Page) -> None:
    """A retry meets its first attempt, whose answer was given with done: false, or has yet to be given."""
    press(page, "release", n=0)
    answers = together([partial(post, page, 2, "hold")] * 3)
    assert [answer.json()["done"] for answer in answers] == [False] * 3
    late = post(page, 2, "hold")
    assert (late.json()["seq"], late.json()["done"]) == (2, False)
    page.seq = 2
    release(server, page)
    page.wait_for(lambda: page.poll(1) and word(page) == "held")
    again = post(page, 2, "hold", cursor=1).json()
    assert (again["seq"], again["done"]) == (2, True)
    page.assert_nothing_lost()


def release(server: Server, page: Page) -> None:
    """Opens the gate by another user whose instance is in the same process."""
    other = Anywhere(server.url).open("/")
    while word(other, "pid") != word(page, "pid"):
        other = Anywhere(server.url).open("/")
    press(other, "release", n=1)


def test_an_answer_that_got_lost_comes_with_the_retry(page: Page) -> None:
    before = page.cursor
    post(page, 1, "hit", n=1)  # its answer is lost: the page still has the old cursor
    retried = post(page, 1, "hit", cursor=before, n=1).json()
    assert "did(1)" in json.dumps(retried["payloads"])


def test_a_call_that_was_overtaken_by_a_poll_gets_no_reset(page: Page) -> None:
    """Its cursor is older than what the poll has said: the page has it all, and must not be drawn anew."""
    for number in (1, 2, 3):
        press(page, "hit", n=number)
    page.poll()
    batch = post(page, 4, "hit", cursor=page.cursor - 2, n=4).json()
    assert "reset" not in batch
    page.seq = 4
    page.take(batch, "call")
    assert done(page, "did") == [1, 2, 3, 4]


@pytest.mark.parametrize("seq", [2, 3, 100, 2**40])
def test_a_gap_is_refused_and_harms_nothing(page: Page, seq: int) -> None:
    refused = post(page, seq, "hit", n=1)
    assert (refused.status, refused.json()) == (409, {"error": "gap"})
    press(page, "hit", n=2)
    assert word(page, "numbers") == "2"


@pytest.mark.parametrize("seq", [0, -1])
def test_numbers_count_from_one(page: Page, seq: int) -> None:
    assert post(page, seq, "hit", n=1).status == 400
    press(page, "hit", n=2)
    assert word(page, "numbers") == "2"


def test_what_is_emitted_first_runs_first(page: Page) -> None:
    for number in range(20):
        typed(page, str(number))
        press(page, "last")
    assert word(page, "numbers") == " ".join(map(str, range(20)))


def test_a_slow_event_is_not_overtaken_by_the_next(page: Page) -> None:
    """The next one may be sent as soon as the answer says that the first still runs."""
    assert typed(page, "slow", wait=1.0)["done"] is False
    press(page, "last")
    page.wait_for(lambda: word(page, "numbers") or page.poll(1) and False)
    assert word(page, "numbers") == "slow"
