"""Random walks: records against a set of numbers, sessions of Python with JavaScript, garbage."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from htagweb_flask.errors import Altered, Replayed
from htagweb_flask.noise import public_key
from htagweb_flask.seal import AHEAD, BACK, THIRD, Channel, Handshake

from .page import MOUNT, ORIGIN, NodePage, PythonPage, connected

EPOCH = 2**16

SESSIONS = int(os.environ.get("SESSIONS", "100"))
"""Of Python with JavaScript; before a release 100,000."""


class Records(RuleBasedStateMachine):
    """One direction of a channel: what is opened is what a set of numbers would let pass."""

    @initialize(start=st.sampled_from([0, EPOCH - 300, EPOCH - 1, 2 * EPOCH - 2]), answers=st.booleans())
    def connect(self, start: int, answers: bool) -> None:
        page = PythonPage()
        server = connected(page)
        self.sender, self.receiver = (server, page.channel) if answers else (page.channel, server)
        self.answers = 7 if answers else None
        self.sender._said = self.receiver._window.next = start
        self.next, self.opened, self.records = start, set[int](), dict[int, bytes]()

    @rule(lost=st.sampled_from([0, 0, 0, 1, BACK - 1, BACK, AHEAD - 1, AHEAD]))
    def say(self, lost: int) -> None:
        self.sender._said += lost
        number = self.sender._said
        self.records[number] = self.sender.seal(b"%d" % number, self.answers)

    @precondition(lambda self: self.records)
    @rule(data=st.data())
    def hear(self, data: Any) -> None:
        number = data.draw(st.sampled_from(sorted(self.records)))
        if number in self.opened or number < self.next - BACK:
            with pytest.raises(Replayed):
                self.receiver.open(self.records[number], self.answers)
        elif number >= self.next + AHEAD:
            with pytest.raises(Altered):
                self.receiver.open(self.records[number], self.answers)
        else:
            assert self.receiver.open(self.records[number], self.answers) == (number, b"%d" % number)
            self.opened.add(number)
            self.next = max(self.next, number + 1)

    @precondition(lambda self: self.records)
    @rule(data=st.data())
    def hear_what_was_changed(self, data: Any) -> None:
        number = data.draw(st.sampled_from(sorted(self.records)))
        record = bytearray(self.records[number])
        record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
        with pytest.raises((Altered, Replayed)):
            self.receiver.open(bytes(record), self.answers)

    @precondition(lambda self: self.records)
    @rule(data=st.data())
    def hear_it_as_something_else(self, data: Any) -> None:
        record = self.records[data.draw(st.sampled_from(sorted(self.records)))]
        with pytest.raises((Altered, Replayed)):
            self.receiver.open(record, None if self.answers else 0)
        with pytest.raises((Altered, Replayed)):
            self.receiver.open(record, 8)

    @invariant()
    def few_keys_are_kept(self) -> None:
        if hasattr(self, "receiver"):
            assert len(self.receiver._hears._keys) <= 2
            assert len(self.sender._says._keys) <= 2


TestRecords = Records.TestCase
TestRecords.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(record=st.binary(max_size=200), answers=st.none() | st.integers(0, 2**64 - 1))
def test_garbage_is_refused(record: bytes, answers: int | None) -> None:
    with pytest.raises(Altered):
        Channel(bytes(32), bytes(32)).open(record, answers)


@given(first=st.binary(max_size=120) | st.binary(min_size=32, max_size=60).map(lambda data: b"\1\0" + data))
def test_a_garbled_beginning_is_refused_or_leads_nowhere(first: bytes) -> None:
    handshake = Handshake(ORIGIN, MOUNT)
    try:
        handshake.answer(first)
    except Altered:
        return
    with pytest.raises(Altered):
        handshake.finish(bytes(THIRD))


def session(chance: random.Random, page: NodePage) -> None:
    """A handshake and some records with a page in JavaScript; each thing at random."""
    static, secret = chance.choice([None, chance.randbytes(32)]), chance.choice([None, chance.randbytes(32)])
    pin = public_key(static) if static and chance.random() < 0.7 else None
    origin, mount = (
        chance.choice(["http://[::1]:8000", "https://exämple.org"]),
        chance.choice(["/", "/ä b/c/"]),
    )
    server = Handshake(origin, mount, static, secret)
    keys = {"identity": chance.randbytes(32), "ephemeral": chance.randbytes(32)}
    channel = server.finish(page.finish(server.answer(page.first(origin, mount, pin, secret, **keys))))
    assert channel.peer == public_key(keys["identity"])
    records = []
    for number in range(chance.randrange(1, 5)):
        message = chance.randbytes(chance.choice([0, 1, 60, 100, 1000]))
        records.append((number, page.seal(message), message))
    chance.shuffle(records)
    for number, record, message in records:
        assert channel.open(record) == (number, message)
        assert page.open(channel.seal(message, number), number) == message
    with pytest.raises(Replayed):
        channel.open(chance.choice(records)[1])


def test_random_sessions_of_both_implementations() -> None:
    chance = random.Random(SESSIONS)
    with NodePage() as page:
        for _ in range(SESSIONS):
            session(chance, page)
