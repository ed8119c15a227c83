"""Sessions in storage: merged key by key, whoever writes, and never more than data."""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cachelib import SimpleCache
from flask import Flask, Response, request
from flask_session.redis import RedisSessionInterface

from htagweb_flask.errors import StoreError
from htagweb_flask.protocol import Delta
from htagweb_flask.session import pack
from htagweb_flask.store import SessionStore, cached_sessions, changes, file_sessions

HOUR = datetime.timedelta(hours=1)


def delta(*drop: str, **put: Any) -> Delta:
    return Delta({key: pack(value) for key, value in put.items()}, list(drop))


class Shelf:
    """A store, and the folder or server that it is in."""

    def __init__(self, interface: Any, folder: Path) -> None:
        (folder / "locks").mkdir()
        self.interface = interface
        self.files = folder / "sessions"
        self.lifetime = HOUR
        self.store = SessionStore(interface, str(folder / "locks"), lambda: self.lifetime)
        self.flask_app = Flask("shelf")
        self.flask_app.session_interface = interface

    def delete(self, sid: str) -> None:
        self.interface._delete_session(self.interface._get_store_id(sid))

    def begin(self, sid: str) -> Any:
        """A view begins: its session."""
        with self.flask_app.test_request_context("/", headers={"Cookie": f"session={sid}"}):
            session = self.interface.open_session(self.flask_app, request)
            self.store.opened(session)
            return session

    def finish(self, session: Any) -> None:
        """It ends."""
        with self.flask_app.test_request_context("/"):
            self.interface.save_session(self.flask_app, session, Response())


@pytest.fixture
def files(tmp_path: Path) -> Shelf:
    return Shelf(file_sessions(str(tmp_path / "sessions")), tmp_path)


@pytest.fixture(params=["files", "memory", "redis"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "files":
        yield request.getfixturevalue("files")
    elif request.param == "memory":
        yield Shelf(cached_sessions(SimpleCache()), tmp_path)
    else:
        import redis

        with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
            client.flushall()
            yield Shelf(RedisSessionInterface(Flask("redis"), client), tmp_path)


def test_a_session_that_is_not_there_is_none(shelf: Shelf) -> None:
    assert shelf.store.load("nobody") is None
    assert shelf.store.patch("nobody", delta(a=1)) is False
    assert shelf.store.touch("nobody") is False
    assert shelf.store.load("nobody") is None


def test_changes_are_merged_key_by_key(shelf: Shelf) -> None:
    assert shelf.store.patch("ann", delta(a=1, b=1, c=1), create=True)
    assert shelf.store.patch("ann", delta("b", "unknown", a=2, d=1))
    assert shelf.store.load("ann") == {"a": 2, "c": 1, "d": 1}
    assert shelf.store.load("bob") is None


@pytest.mark.parametrize(
    "value",
    [
        (1, (2, [3])),
        {1, 2},
        frozenset({(1, 2)}),
        datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc),
        {(1, 2): {"x": None}},
        2**100,
        b"\x00\xff",
        "\u2028 é 👩‍🚀",
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_storage_keeps_every_type(shelf: Shelf, value: Any) -> None:
    shelf.store.patch("ann", delta(value=value), create=True)
    shelf.store.patch("ann", delta(other=1))
    loaded = shelf.store.load("ann")
    assert loaded == {"value": value, "other": 1}
    assert type(loaded["value"]) is type(value)


def test_what_eight_threads_write_is_all_kept(shelf: Shelf) -> None:
    shelf.store.patch("ann", delta(start=0), create=True)
    count = 50 if shelf.files.exists() else 20
    failures = []

    def write(name: int) -> None:
        try:
            for number in range(count):
                assert shelf.store.patch("ann", delta(**{f"{name}-{number}": number}))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=[name]) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(shelf.store.load("ann") or {}) == 8 * count + 1


def test_a_session_that_was_deleted_stays_deleted(shelf: Shelf) -> None:
    shelf.store.patch("ann", delta(a=1), create=True)
    shelf.delete("ann")
    assert shelf.store.patch("ann", delta(b=1)) is False
    assert shelf.store.touch("ann") is False
    assert shelf.store.load("ann") is None


# ---- views


def test_a_view_writes_what_it_changed_and_nothing_else(shelf: Shelf) -> None:
    shelf.store.patch("ann", delta(a=1, b=[1], c=1), create=True)
    session = shelf.begin("ann")
    session["a"] = 2
    session["b"].append(2)
    del session["c"]
    shelf.store.patch("ann", delta(d=9, a=9))
    shelf.finish(session)
    assert shelf.store.load("ann") == {"a": 2, "b": [1, 2], "d": 9}


def test_a_view_that_changes_nothing_takes_nothing_back(shelf: Shelf) -> None:
    shelf.store.patch("ann", delta(a=1), create=True)
    session = shelf.begin("ann")
    shelf.store.patch("ann", delta("a", b=2))
    shelf.finish(session)
    assert shelf.store.load("ann") == {"b": 2}


def test_a_new_session_of_a_view_is_stored(shelf: Shelf) -> None:
    session = shelf.begin("unknown")
    assert session.sid != "unknown"
    session["user"] = "ann"
    shelf.finish(session)
    assert (shelf.store.load(session.sid) or {})["user"] == "ann"


def test_a_view_that_ends_late_does_not_undo_a_logout(shelf: Shelf) -> None:
    shelf.store.patch("ann", delta(user="ann"), create=True)
    late, logout = shelf.begin("ann"), shelf.begin("ann")
    logout.clear()
    shelf.finish(logout)
    assert shelf.store.load("ann") is None
    late["seen"] = 1
    shelf.finish(late)
    assert shelf.store.load("ann") is None


def test_a_session_may_get_a_new_id(shelf: Shelf) -> None:
    shelf.store.patch("ann", delta(user="ann"), create=True)
    session = shelf.begin("ann")
    assert not shelf.store.moved(session)
    shelf.interface.regenerate(session)
    assert shelf.store.moved(session)
    shelf.finish(session)
    assert shelf.store.load("ann") is None
    assert (shelf.store.load(session.sid) or {})["user"] == "ann"


@pytest.mark.parametrize(
    ("before", "after", "put", "drop"),
    [
        ({}, {}, {}, []),
        ({"a": 1}, {"a": 1}, {}, []),
        ({"a": 1}, {}, {}, ["a"]),
        ({}, {"a": None}, {"a": None}, []),
        ({"a": 1}, {"a": True}, {"a": True}, []),
        ({"a": 1}, {"a": 1.0}, {"a": 1.0}, []),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}, []),
    ],
)
def test_changes_are_what_is_different(before: Any, after: Any, put: Any, drop: Any) -> None:
    assert changes(before, after) == (put, drop)


# ---- what may stand there


def test_no_number_of_sessions_pushes_one_out(files: Shelf) -> None:
    for number in range(600):
        files.store.patch(f"user {number}", delta(number=number), create=True)
    assert [files.store.load(f"user {number}") for number in (0, 1, 599)] == [
        {"number": number} for number in (0, 1, 599)
    ]


def test_a_session_ends_after_its_lifetime_unless_it_is_prolonged(
    files: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    for sid in ("ann", "bob"):
        files.store.patch(sid, delta(user=sid), create=True)
    monkeypatch.setattr(time, "time", lambda: now + 3000)
    assert files.store.touch("bob")
    monkeypatch.setattr(time, "time", lambda: now + 4000)
    assert files.store.load("ann") is None
    assert files.store.load("bob") == {"user": "bob"}


def test_files_of_ended_sessions_are_removed(files: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        files.store.patch(f"user {number}", delta(number=number), create=True)
    files.lifetime = 2 * HOUR
    files.store.patch("long", delta(user="long"), create=True)
    before = len(os.listdir(files.files))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 4000)
    files.store.clean()
    monkeypatch.undo()
    assert len(os.listdir(files.files)) == before - 5
    assert files.store.load("long") == {"user": "long"}


def test_a_storage_that_fails_says_so_and_can_be_used_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.store.patch("ann", delta(a=1), create=True)

    def fail(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the server is away")

    with monkeypatch.context() as broken:
        if hasattr(shelf.interface, "cache"):
            broken.setattr(shelf.interface.cache, "get", fail)
        else:
            broken.setattr(shelf.interface.client, "execute_command", fail)
        for call in (
            lambda: shelf.store.load("ann"),
            lambda: shelf.store.patch("ann", delta(b=1)),
            lambda: shelf.store.touch("ann"),
        ):
            with pytest.raises(StoreError, match="ConnectionError: the server is away"):
                call()
    assert shelf.store.patch("ann", delta(b=1))
    assert shelf.store.load("ann") == {"a": 1, "b": 1}
