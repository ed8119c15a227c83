"""How often a worker that ends by itself is started again: a function of the times at which it did."""

from __future__ import annotations

import pytest

from htagweb_flask.errors import AppError, PoolError
from htagweb_flask.pool.breaker import FIRST, LONGEST, RESTARTS, WITHIN, Breaker

REASON = PoolError("it has ended with status 9")


def tripped() -> Breaker:
    """It has failed at 0, and after each of its restarts."""
    breaker = Breaker()
    assert [breaker.failed(time, REASON) for time in range(RESTARTS + 1)] == [False] * RESTARTS + [True]
    return breaker


def test_some_restarts_are_made_at_once() -> None:
    breaker = Breaker()
    for time in range(RESTARTS):
        breaker.failed(time, REASON)
        assert breaker.held(time) is None


def test_the_next_one_has_to_wait() -> None:
    breaker = tripped()
    held = breaker.held(RESTARTS)
    assert isinstance(held, PoolError)
    assert "status 9" in str(held)
    assert held.retry == pytest.approx(FIRST)
    assert breaker.held(RESTARTS + FIRST) is None


def test_pauses_are_doubled_up_to_the_longest_and_told_once() -> None:
    breaker, now, pauses = tripped(), float(RESTARTS), []
    for _ in range(9):
        held = breaker.held(now)
        assert held is not None
        pauses.append(held.retry)
        now += held.retry
        assert breaker.failed(now, REASON) is False
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30])
    assert max(pauses) == LONGEST


def test_seldom_failures_are_no_reason_to_wait() -> None:
    breaker = Breaker()
    for number in range(50):
        now = number * WITHIN / (RESTARTS - 1)
        breaker.failed(now, REASON)
        assert breaker.held(now) is None


def test_who_has_run_for_a_while_begins_anew() -> None:
    breaker = tripped()
    now = RESTARTS + FIRST + WITHIN + 1
    assert breaker.calm(now)
    assert breaker.failed(now, REASON) is False
    assert breaker.held(now) is None


def test_what_an_import_has_told_is_told_again() -> None:
    """With its trace, and the status of an error of the app."""
    breaker = Breaker()
    for time in range(RESTARTS + 1):
        breaker.failed(time, AppError("no module", "the trace"))
    held = breaker.held(RESTARTS)
    assert isinstance(held, AppError)
    assert (str(held), held.trace) == ("no module", "the trace")
