"""A session in the pool: how its changes are found, kept and merged."""

from __future__ import annotations

import datetime
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from htagweb_flask.protocol import Delta
from htagweb_flask.session import Snapshot, merge, pack, pack_all, unpack

quick = settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def stored(session: dict[str, Any], delta: Delta | None) -> dict[str, Any]:
    """*session* with the changes of *delta*."""
    values = dict(session)
    merge(values, delta or Delta({}, []))
    return values


def test_nothing_changed_is_no_delta() -> None:
    snapshot = Snapshot(pack_all({"a": [1], "b": {1, 2}, "c": (3,), "d": datetime.date(2024, 2, 29)}))
    assert snapshot.delta() is None
    snapshot["a"] = snapshot["a"]
    assert snapshot.delta() is None


CHANGES: dict[str, Any] = {
    "a new key": lambda s: s.__setitem__("new", 1),
    "another value": lambda s: s.__setitem__("number", 2),
    "another type": lambda s: s.__setitem__("number", 1.0),
    "deleted": lambda s: s.__delitem__("number"),
    "popped": lambda s: s.pop("number"),
    "cleared": lambda s: s.clear(),
    "a list in a dict": lambda s: s["dict"]["list"].append(4),
    "a set": lambda s: s["set"].add(5),
    "a dict of tuples": lambda s: s["tuples"].__setitem__((3, 4), 1),
    "deep": lambda s: s["dict"]["deep"]["er"].__setitem__(0, "x"),
    "updated": lambda s: s.update(number=3, more=4),
    "a default": lambda s: s.setdefault("default", []).append(1),
    "merged": lambda s: s.__ior__({"number": 9}),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_change_is_found_wherever_it_is(how: str) -> None:
    session = {
        "number": 1,
        "dict": {"list": [1, (2, 3)], "deep": {"er": [0]}},
        "set": {1, 2},
        "tuples": {(1, 2): 0},
        "calm": [1],
    }
    snapshot = Snapshot(pack_all(session))
    CHANGES[how](snapshot)
    delta = snapshot.delta()
    assert delta is not None
    assert stored(session, delta) == snapshot
    assert "calm" not in delta.put
    assert snapshot.delta() is None


keys, numbers = st.sampled_from("abc"), st.integers(0, 5)


class Merging(RuleBasedStateMachine):
    """The pool changes a, b and c; views change A, B and C, and the pool hears of it late or never."""

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.snapshot = Snapshot()
        self.mine: dict[str, Any] = {}

    @rule(key=keys, number=numbers)
    def put(self, key: str, number: int) -> None:
        self.snapshot[key] = [number]
        self.mine[key] = [number]

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.snapshot.pop(key, None)
        self.mine.pop(key, None)

    @rule(key=keys, number=numbers)
    def change_inside(self, key: str, number: int) -> None:
        if key in self.mine:
            self.snapshot[key].append(number)
            self.mine[key].append(number)

    @rule()
    def save(self) -> None:
        self.store = stored(self.store, self.snapshot.delta())

    @rule()
    def fail_to_save(self) -> None:
        delta = self.snapshot.delta()
        if delta:
            self.snapshot.lost(delta)

    @rule(key=keys, number=numbers, heard=st.booleans())
    def view_changes(self, key: str, number: int, heard: bool) -> None:
        self.store[key.upper()] = number
        if heard:
            self.snapshot.patch(Delta({key.upper(): pack(number)}, []))

    @rule(key=keys, heard=st.booleans())
    def view_deletes(self, key: str, heard: bool) -> None:
        self.store.pop(key.upper(), None)
        if heard:
            self.snapshot.patch(Delta({}, [key.upper()]))

    @rule()
    def page(self) -> None:
        self.snapshot.refresh(pack_all(self.store))

    @invariant()
    def the_app_finds_what_it_has_put(self) -> None:
        assert {key: value for key, value in self.snapshot.items() if key.islower()} == self.mine

    def teardown(self) -> None:
        self.save()
        self.page()
        assert self.snapshot == self.store
        assert {key: value for key, value in self.store.items() if key.islower()} == self.mine


TestMerging = Merging.TestCase
TestMerging.settings = settings(quick, stateful_step_count=25)


def test_a_refresh_keeps_own_changes_and_takes_those_of_others() -> None:
    snapshot = Snapshot(pack_all({"mine": 1, "gone": 1, "other": [1], "left": 1}))
    snapshot["mine"] = 2
    del snapshot["gone"]
    snapshot["new"] = 3
    snapshot.refresh(pack_all({"mine": 9, "gone": 9, "other": [1, 2], "more": 5}))
    assert snapshot == {"mine": 2, "new": 3, "other": [1, 2], "more": 5}
    delta = snapshot.delta()
    assert delta is not None
    assert ({key: unpack(value) for key, value in delta.put.items()}, delta.drop) == (
        {"mine": 2, "new": 3},
        ["gone"],
    )


def test_a_refresh_leaves_objects_alone_that_have_not_changed() -> None:
    snapshot = Snapshot(pack_all({"list": [1], "number": 1}))
    held = snapshot["list"]
    snapshot.refresh(pack_all({"list": [1], "number": 2}))
    held.append(2)
    assert snapshot["list"] is held
    delta = snapshot.delta()
    assert delta is not None
    assert list(delta.put) == ["list"]


def test_what_others_have_stored_gives_way_to_own_changes() -> None:
    snapshot = Snapshot(pack_all({"a": 1, "b": 1, "c": 1}))
    snapshot["a"] = 2
    snapshot.patch(Delta({"a": pack(8), "b": pack(8), "new": pack(8)}, ["c", "unknown"]))
    assert snapshot == {"a": 2, "b": 8, "new": 8}
    delta = snapshot.delta()
    assert delta is not None
    assert (list(delta.put), delta.drop) == (["a"], [])


def test_what_was_not_stored_is_said_again_as_it_is_now() -> None:
    snapshot = Snapshot(pack_all({"a": 1, "b": 1}))
    snapshot["a"] = 2
    del snapshot["b"]
    delta = snapshot.delta()
    assert delta is not None
    snapshot["a"] = 3
    snapshot.lost(delta)
    assert stored({"a": 1, "b": 1}, snapshot.delta()) == {"a": 3}
    assert snapshot.delta() is None


def test_a_nested_value_that_cannot_be_stored_holds_back_no_other(caplog: pytest.LogCaptureFixture) -> None:
    session = {"bad": [1], "good": [1]}
    snapshot = Snapshot(pack_all(session))
    snapshot["bad"].append(object())
    snapshot["good"].append(2)
    with caplog.at_level(logging.ERROR):
        delta = snapshot.delta()
        assert stored(session, delta) == {"bad": [1], "good": [1, 2]}
        assert snapshot.delta() is None
    assert caplog.text.count("session['bad'] is not stored") == 1
    snapshot.refresh(pack_all({"bad": [1], "good": [1, 2], "new": 1}))
    assert snapshot["new"] == 1
    snapshot["bad"].pop()
    assert stored(session, snapshot.delta())["bad"] == [1]
