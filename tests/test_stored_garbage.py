"""What stands in storage is data: a pickle runs nothing, garbage is a session that starts afresh."""

from __future__ import annotations

import logging
import pickle
import stat
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_session.redis import RedisSessionInterface

from htagweb_flask.session import pack
from htagweb_flask.store import file_sessions
from tests.shelf import HOUR, Shelf, delta
from tests.test_session_files import slot_of


@pytest.fixture
def files(tmp_path: Path) -> Shelf:
    return Shelf(file_sessions(str(tmp_path / "sessions")), tmp_path)


class Bomb:
    """Shows when it is unpickled."""

    exploded: list[int] = []

    def __reduce__(self) -> Any:
        return Bomb.exploded.append, (1,)


GARBAGE = {
    "a pickle": pickle.dumps(Bomb()),
    "a pickle of a session": pickle.dumps({"user": "admin"}),
    "nothing": b"",
    "text": b"hello",
    "an extension": b"\xc7\x02\x06zz",
    "deep": b"\x91" * 5000 + b"\x01",
    "a list": b"\x91\x01",
    "cut": pack({"user": "ann"})[:-2],
}


def only_session_file(shelf: Shelf) -> Path:
    """The file of the one session that was stored."""
    (path,) = [path for path in shelf.files.iterdir() if b"user" in path.read_bytes()]
    return path


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("what", GARBAGE)
def test_a_file_of_garbage_is_a_session_that_starts_afresh(
    files: Shelf, what: str, sealed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    files.store.patch("ann", delta(user="ann"), create=True)
    data = GARBAGE[what]
    only_session_file(files).write_bytes(slot_of(data) if sealed else data)
    with caplog.at_level(logging.WARNING):
        assert not files.store.load("ann")
    assert len(caplog.records) == 1
    assert Bomb.exploded == []
    files.store.patch("ann", delta(user="again"), create=True)
    assert (files.store.load("ann") or {})["user"] == "again"


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_in_redis_is_a_session_that_starts_afresh(what: str, redis_url: str, tmp_path: Path) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        shelf = Shelf(RedisSessionInterface(Flask("redis"), client), tmp_path)
        shelf.store.patch("ann", delta(user="ann"), create=True)
        (key,) = client.keys("*")
        client.set(key, GARBAGE[what])
        assert not shelf.store.load("ann")
        assert Bomb.exploded == []
        shelf.store.patch("ann", delta(user="again"), create=True)
        assert (shelf.store.load("ann") or {})["user"] == "again"


def test_what_the_site_has_stored_before_is_read(redis_url: str, tmp_path: Path) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        interface = RedisSessionInterface(Flask("redis"), client)
        interface._upsert_session(HOUR, interface.session_class({"user": "ann"}, "old"), "session:old")
        client.set("session:json", b'{"user": "bob"}')
        shelf = Shelf(interface, tmp_path)
        assert shelf.store.load("old") == {"user": "ann"}
        assert shelf.store.load("json") == {"user": "bob"}


def test_files_are_for_nobody_else(files: Shelf) -> None:
    files.store.patch("ann", delta(user="ann"), create=True)
    assert stat.S_IMODE(only_session_file(files).stat().st_mode) == 0o600
    assert stat.S_IMODE(files.files.stat().st_mode) == 0o700
