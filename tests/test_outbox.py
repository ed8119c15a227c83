"""The outbox against a model that forgets nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from htagweb_flask.pool.outbox import Outbox

MAX_COUNT, MAX_BYTES = 6, 60


class Delivery(RuleBasedStateMachine):
    """An instance that speaks, a network that loses and repeats, and a page that keeps to the rule."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(MAX_COUNT, MAX_BYTES)
        self.everything: list[bytes] = []
        self.resets: set[int] = set()
        self.cursor = 0
        self.applied: list[tuple[int, bytes]] = []
        self.late: list[tuple[int, list[bytes], bool]] = []  # answers on their way

    # -- the instance

    @rule(size=st.integers(0, 80))
    def speak(self, size: int) -> None:
        payload = b"%d" % len(self.everything) + b"." * size
        self.everything.append(payload)
        assert self.outbox.put(payload) == len(self.everything)

    def answer(self, cursor: int) -> tuple[int, list[bytes], bool]:
        """As an instance answers a page that says *cursor*."""
        self.outbox.acknowledge(cursor)
        if self.outbox.missed(cursor):
            self.everything.append(b"full render")
            self.resets.add(self.outbox.put_reset(b"full render"))
        return self.outbox.after(cursor)

    # -- the network

    @rule()
    def ask(self) -> None:
        self.receive(*self.answer(self.cursor))

    @rule()
    def lose(self) -> None:
        self.answer(self.cursor)

    @rule()
    def delay(self) -> None:
        self.late.append(self.answer(self.cursor))

    @rule(data=st.data())
    def arrive(self, data: Any) -> None:
        if self.late:
            number = data.draw(st.integers(0, len(self.late) - 1))
            self.receive(*self.late[number])  # and may arrive again

    @rule(data=st.data())
    def overtaken(self, data: Any) -> None:
        """A request that was sent before the last ones arrives after them."""
        self.receive(*self.answer(data.draw(st.integers(0, self.cursor))))

    # -- the page

    def receive(self, first: int, payloads: list[bytes], reset: bool) -> None:
        if reset and first > self.cursor + 1:
            self.cursor = first - 1
        for number, payload in enumerate(payloads, first):
            assert payload == self.everything[number - 1]
            if number == self.cursor + 1:
                self.cursor = number
                self.applied.append((number, payload))

    # -- what holds

    @invariant()
    def nothing_is_applied_twice_or_skipped_but_by_a_full_render(self) -> None:
        numbers = [0, *(number for number, _ in self.applied)]
        for before, after in zip(numbers, numbers[1:], strict=False):
            assert after == before + 1 or (after > before and after in self.resets)

    @invariant()
    def what_is_kept_is_within_the_limits(self) -> None:
        _, kept, _ = self.outbox.after(0)
        assert len(kept) <= MAX_COUNT
        assert sum(map(len, kept)) <= MAX_BYTES or len(kept) == 1
        assert self.outbox._bytes == sum(map(len, kept))

    @invariant()
    def it_ends_with_the_newest(self) -> None:
        assert self.outbox.last == len(self.everything)
        first, kept, _ = self.outbox.after(0)
        assert kept == self.everything[first - 1 :]
        assert first + len(kept) - 1 == self.outbox.last

    def teardown(self) -> None:
        """One answer that arrives, and the page is up to date."""
        self.receive(*self.answer(self.cursor))
        assert self.cursor == len(self.everything)


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def filled(*payloads: bytes, **limits: int) -> Outbox:
    outbox = Outbox(**limits)
    for payload in payloads:
        outbox.put(payload)
    return outbox


def test_payloads_are_numbered_from_one() -> None:
    outbox = Outbox()
    assert [outbox.put(b"a"), outbox.put(b"b")] == [1, 2]
    assert outbox.after(0) == (1, [b"a", b"b"], False)
    assert outbox.after(1) == (2, [b"b"], False)
    assert outbox.after(2) == (3, [], False)


def test_what_was_not_acknowledged_is_given_again() -> None:
    outbox = filled(b"a", b"b")
    assert outbox.after(0) == outbox.after(0)
    outbox.acknowledge(1)
    assert outbox.after(1) == (2, [b"b"], False)


@pytest.mark.parametrize(
    ("cursor", "missed"), [(0, False), (2, False), (3, True), (100, True)], ids=lambda value: str(value)
)
def test_a_cursor_beyond_the_end_is_not_of_this_instance(cursor: int, missed: bool) -> None:
    outbox = filled(b"a", b"b")
    outbox.acknowledge(cursor)
    assert outbox.missed(cursor) is missed


def test_who_is_too_far_behind_has_missed_something() -> None:
    outbox = filled(b"a", b"b", b"c", max_count=2)
    assert outbox.missed(0)
    assert not outbox.missed(1)
    assert outbox.after(1) == (2, [b"b", b"c"], False)


def test_a_full_render_is_all_that_anybody_needs() -> None:
    outbox = filled(b"a", b"b", b"c", max_count=2)
    assert outbox.put_reset(b"ALL") == 4
    for cursor in range(4):
        assert not outbox.missed(cursor)
        assert outbox.after(cursor) == (4, [b"ALL"], True)
    outbox.put(b"d")
    assert outbox.after(0) == (4, [b"ALL", b"d"], True)
    assert outbox.after(4) == (5, [b"d"], False)


def test_a_full_render_that_was_pushed_out_helps_no_more() -> None:
    outbox = filled(max_count=2)
    outbox.put_reset(b"ALL")
    outbox.put(b"b")
    assert not outbox.missed(0)
    outbox.put(b"c")
    assert outbox.missed(0)


def test_a_payload_over_the_limit_is_kept_alone() -> None:
    outbox = filled(b"small", b"x" * 100, max_bytes=10)
    assert outbox.after(1) == (2, [b"x" * 100], False)
    outbox.put(b"next")
    assert outbox.after(2) == (3, [b"next"], False)
    assert outbox.missed(1)


def test_what_was_applied_is_not_kept() -> None:
    outbox = filled(*[b"x" * 1000] * 50)
    outbox.acknowledge(50)
    assert (outbox._bytes, outbox.after(50)) == (0, (51, [], False))
    outbox.acknowledge(50)
    outbox.acknowledge(3)
    assert outbox.put(b"new") == 51


def test_it_says_what_was_handed_out() -> None:
    outbox = filled(b"a", b"b")
    assert outbox.sent == 0
    outbox.after(0)
    assert outbox.sent == 2
    outbox.put(b"c")
    assert outbox.sent == 2
    assert repr(outbox) == "<Outbox 1..3 sent 2 3 bytes>"
