"""A session in a worker: what is on its way to the store, and what comes from there meanwhile."""

from __future__ import annotations

import decimal
import threading
import time
from typing import Any

import pytest

from htagweb_flask.pool.live_session import LiveSession
from htagweb_flask.protocol import Delta, Part
from htagweb_flask.session import Snapshot, merge, pack, pack_all
from tests.state.values import same
from tests.support import wait_until


def live(**values: Any) -> LiveSession:
    session = LiveSession("link", "sid", pack_all(values))
    session.answered = True
    return session


def taken(session: LiveSession) -> list[Delta | None]:
    """What an answer gets that is given now, or later."""
    deltas: list[Delta | None] = []
    session.settle(deltas.append)
    return deltas


def put(**values: Any) -> Delta:
    return Delta({key: pack(value) for key, value in values.items()}, [])


def inside(key: str, *drop: str, **values: Any) -> Delta:
    return Delta({}, [], inside={key: Part(put(**values).put, list(drop))})


# ---- one delta at a time


def test_an_answer_waits_until_the_delta_before_it_is_stored() -> None:
    session = live()
    session.data["a"] = 1
    (first,) = taken(session)
    assert first is not None
    session.data["b"] = 2
    second = taken(session)
    assert second == []
    assert session.saved(first.number, ok=True) is first
    (delta,) = second
    assert delta is not None
    assert set(delta.put) == {"b"}


def test_what_could_not_be_stored_goes_with_the_next_answer() -> None:
    session = live()
    session.data["a"] = 1
    (first,) = taken(session)
    second, third = taken(session), taken(session)
    assert first is not None
    assert session.saved(first.number, ok=False) is None
    (again,) = second
    assert again is not None
    assert (again.put, third) == (first.put, [])
    session.saved(again.number, ok=True)
    assert third == [None]
    assert session.settled()


def test_a_number_is_saved_once() -> None:
    session = live()
    session.data["a"] = 1
    (first,) = taken(session)
    assert first is not None
    assert session.saved(first.number, ok=True) is first
    session.data["a"] = 2
    (second,) = taken(session)
    assert session.saved(first.number, ok=False) is None
    assert second is not None
    assert not session.settled()
    assert session.saved(second.number, ok=True) is second


def test_a_delta_that_nobody_stores_is_offered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("htagweb_flask.pool.live_session.PATIENCE", 0.3)
    monkeypatch.setattr("htagweb_flask.pool.live_session.MARGIN", 0.1)
    session = live()
    session.data["a"] = 1
    (first,) = taken(session)
    assert first is not None
    assert session.background() is None
    again = wait_until(session.background, 5)
    assert time.monotonic() > first.until
    assert (again.put, again.number) == (first.put, first.number + 1)


def test_an_app_that_never_pauses_holds_nothing_back() -> None:
    """Its thread changes the session all the time, while answers of other pages are to be sent."""
    session = live(numbers={})
    stop = threading.Event()
    store: dict[str, Any] = {"numbers": {}}

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            session.data["numbers"][str(number % 500)] = (number,)  # a tuple is packed in Python, slowly
            if number % 500 == 0:
                session.data["numbers"].clear()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for step in range(50):
            session.data[f"step-{step}"] = step
            (delta,) = taken(session)
            assert delta is not None, f"step {step} is acknowledged and not stored"
            merge(store, delta)
            assert store[f"step-{step}"] == step
            session.saved(delta.number, ok=True)
    finally:
        stop.set()
        thread.join()
    (delta,) = taken(session)
    if delta:
        merge(store, delta)
    assert store == session.data


# ---- what others store


def test_a_page_that_was_loaded_before_a_change_does_not_take_it_back() -> None:
    """F5: the session is read, then a click of another tab is stored, then the page is rendered."""
    session = live(count=1)
    read, loaded = pack_all({"count": 1, "other": 1}), time.monotonic()
    session.data["count"] = 2
    (delta,) = taken(session)
    assert delta is not None
    session.saved(delta.number, ok=True)
    session.refresh("sid", read, loaded)
    assert session.data == {"count": 2, "other": 1}
    session.refresh("sid", pack_all({"count": 3}), time.monotonic())
    assert session.data == {"count": 3}


def test_a_page_does_not_take_back_what_is_on_its_way() -> None:
    session = live(count=1)
    session.data["count"] = 2
    taken(session)
    session.refresh("sid", pack_all({"count": 1, "other": 1}), time.monotonic())
    assert session.data == {"count": 2, "other": 1}


def test_a_page_does_not_take_back_what_a_view_has_said_since() -> None:
    session = live(user="")
    loaded = time.monotonic()
    session.patched("new id", put(user="ann"))
    session.refresh("sid", pack_all({"user": ""}), loaded)
    assert (session.data, session.sid) == ({"user": "ann"}, "new id")
    session.refresh("newer id", pack_all({"user": "bob"}), time.monotonic())
    assert (session.data, session.sid) == ({"user": "bob"}, "newer id")


def test_an_app_may_hold_on_to_a_value_that_nobody_else_changes() -> None:
    snapshot = Snapshot(pack_all({"cart": [{1, "a"}], "prefs": {"dark": [1]}}))
    cart, prefs = snapshot["cart"], snapshot["prefs"]
    snapshot.patch(put(cart=[{1, "a"}], prefs={"dark": [1]}))
    snapshot.patch(put(prefs={"dark": [1], "size": 2}))
    snapshot.refresh(pack_all({"cart": [{"a", 1}], "prefs": {"dark": [1], "size": 3}}))
    assert snapshot["cart"] is cart
    assert snapshot["prefs"] is prefs
    assert prefs == {"dark": [1], "size": 3}


# ---- inside of dicts


def test_what_two_apps_change_inside_of_one_dict_is_merged() -> None:
    store = {"prefs": {"a": 1, "b": 1, "c": 1}}
    one, other = Snapshot(pack_all(store)), Snapshot(pack_all(store))
    one["prefs"]["a"] = 2
    del one["prefs"]["c"]
    other["prefs"]["b"] = 2
    other["prefs"]["d"] = [1]
    deltas = [one.delta(), other.delta()]
    for delta, receiver in zip(deltas, (other, one), strict=True):
        assert delta is not None
        merge(store, delta)  # type: ignore[arg-type]
        receiver.patch(delta)
    assert store == one == other == {"prefs": {"a": 2, "b": 2, "d": [1]}}
    assert one.delta() is None
    assert other.delta() is None


def test_a_dict_that_is_replaced_is_replaced_as_a_whole() -> None:
    """The record of a user must not be a mixture of two."""
    store = {"user": {"name": "ann", "admin": True}}
    one = Snapshot(pack_all(store))
    one["user"] = {"name": "bob", "admin": True}
    store["user"] = {"name": "carl", "admin": False, "age": 7}
    delta = one.delta()
    assert delta is not None
    merge(store, delta)  # type: ignore[arg-type]
    assert store == {"user": {"name": "bob", "admin": True}}


def test_own_changes_inside_of_a_dict_are_kept_when_others_come() -> None:
    snapshot = Snapshot(pack_all({"prefs": {"a": 1, "b": 1, "c": 1}}))
    snapshot["prefs"]["a"] = "mine"
    del snapshot["prefs"]["b"]
    snapshot.patch(inside("prefs", "c", a="theirs", b="theirs", d="theirs"))
    assert snapshot == {"prefs": {"a": "mine", "d": "theirs"}}
    delta = snapshot.delta()
    assert delta is not None
    assert delta.inside == {"prefs": Part({"a": pack("mine")}, ["b"])}


def test_changes_inside_of_a_dict_that_were_not_stored_are_said_again() -> None:
    store = {"prefs": {"a": 1, "b": 1, "c": 1}}
    snapshot = Snapshot(pack_all(store))
    snapshot["prefs"]["a"] = None
    del snapshot["prefs"]["b"]
    delta = snapshot.delta()
    assert delta is not None
    snapshot.lost(delta)
    snapshot["prefs"]["d"] = 1
    store["prefs"]["e"] = 1
    again = snapshot.delta()
    assert again is not None
    merge(store, again)  # type: ignore[arg-type]
    assert store == {"prefs": {"a": None, "c": 1, "d": 1, "e": 1}}


def test_a_dict_that_somebody_else_has_begun_is_taken_over() -> None:
    snapshot = Snapshot()
    snapshot.patch(inside("prefs", a=1))
    assert snapshot == {"prefs": {"a": 1}}
    assert snapshot.delta() is None
    snapshot["prefs"]["b"] = 2
    delta = snapshot.delta()
    assert delta is not None
    assert delta.inside == {"prefs": Part({"b": pack(2)}, [])}


def test_what_cannot_be_stored_holds_back_nothing_else_in_its_dict(caplog: pytest.LogCaptureFixture) -> None:
    store: dict[str, Any] = {"state": {"good": 1, "list": []}}
    snapshot = Snapshot(pack_all(store))
    snapshot["state"]["list"].append(object())
    for good in (2, 3):
        snapshot["state"]["good"] = good
        delta = snapshot.delta()
        assert delta is not None
        merge(store, delta)
        assert store == {"state": {"good": good, "list": []}}
    assert caplog.text.count("is not stored") == 1
    snapshot.refresh(pack_all({**store, "more": 1}))
    assert snapshot["more"] == 1
    snapshot["state"]["list"][:] = [7]
    delta = snapshot.delta()
    assert delta is not None
    merge(store, delta)
    assert store["state"] == {"good": 3, "list": [7]}


@pytest.mark.parametrize(
    ("one", "other"),
    [([1], (1,)), ((1, 2), [1, 2]), ({1}, [1]), ("1.5", decimal.Decimal("1.5")), ([[1]], [(1,)])],
)
def test_another_type_is_a_change_even_if_it_is_written_alike(one: Any, other: Any) -> None:
    store: dict[str, Any] = {"value": one, "state": {"value": one}}
    snapshot = Snapshot(pack_all(store))
    snapshot["value"] = other
    snapshot.assign("state", "value", other)
    delta = snapshot.delta()
    assert delta is not None
    merge(store, delta)
    assert same(store, {"value": other, "state": {"value": other}})
    assert snapshot.delta() is None


# ---- its id


def test_what_was_sent_under_a_former_id_finds_the_session_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = live()
    assert (session.current("sid"), session.current("other")) == ("sid", "")
    session.patched("new", put())
    assert (session.current("sid"), session.current("new")) == ("new", "new")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 11)
    assert (session.current("sid"), session.current("new")) == ("", "new")
    session.refresh("newer", pack_all({}), time.monotonic())
    assert session.current("new") == "newer"


def test_what_was_said_to_another_process_before_it_is_not_taken_for_its_own() -> None:
    """A worker has died; who stored its last changes says so to the next worker of the same name."""
    first, second = live(), live()
    first.data["a"] = 1
    (lost,) = taken(first)
    second.data["a"] = 2
    (flying,) = taken(second)
    assert lost is not None
    assert flying is not None
    assert second.saved(lost.number, ok=True) is None
    assert second.saved(flying.number, ok=True) is flying
