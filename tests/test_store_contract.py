"""What every kind of session storage owes, on the real thing: files, the memory of a running pool, a Redis,
a cachelib cache that the site has chosen, and a table of its database."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import logging
import os
import pickle
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cachelib import FileSystemCache
from flask import Flask
from flask_session.cachelib import CacheLibSessionInterface
from flask_session.redis import RedisSessionInterface

from htagweb_flask import store
from htagweb_flask.brokers.socket import SocketBroker
from htagweb_flask.config import settings_from
from htagweb_flask.errors import StoreError
from htagweb_flask.placement import POOL
from htagweb_flask.protocol import Delta, Keep
from htagweb_flask.session import merge, pack
from htagweb_flask.session_files import digest
from htagweb_flask.store import cached_sessions, file_sessions
from htagweb_flask.web.launch import start_pool
from htagweb_flask.web.memory import PoolCache
from tests.servers import alive
from tests.shelf import Shelf, delta
from tests.state.values import VALUES, same
from tests.support import wait_until
from tests.test_session_files import slot_of

KINDS = ("files", "memory", "redis", "cachelib", "sqlalchemy")


class Kind(Shelf):
    """One kind of storage: its store, and how to write anything in the place of a session."""

    def __init__(self, name: str, folder: Path, interface: Any, plant: Callable[[str, bytes], None]) -> None:
        super().__init__(interface, folder)
        self.name = name
        self.plant = plant
        self.stores = [self.store]

    def delete(self, sid: str) -> None:
        """What a logout does."""
        session = self.begin(sid)
        session.clear()
        self.finish(session)


@pytest.fixture(scope="module")
def pool_broker() -> Iterator[SocketBroker]:
    """The way to a pool of one's own."""
    run_dir = tempfile.mkdtemp(prefix="hp", dir="/tmp")
    settings = settings_from({}, False)

    def start() -> None:
        start_pool(settings, run_dir, "unix", os.getpid())

    broker = SocketBroker(run_dir, "unix", os.getpid(), 20, start)
    broker.pool(Keep("any"), 20)
    pid = int(Path(run_dir, "pool.pid").read_text())
    try:
        yield broker
    finally:
        for connection in filter(None, [broker._supervisor, *broker._idle.get(POOL, ())]):
            connection.close()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not alive(pid), 10, "the pool has left")
        shutil.rmtree(run_dir)


def file_of(cache: FileSystemCache, sid: str) -> Path:
    return Path(cache._get_filename(f"session:{sid}"))


def not_planted(sid: str, data: bytes) -> None:
    """Where the site itself writes, garbage is its own affair."""
    raise NotImplementedError


@contextlib.contextmanager
def in_database(file: Path) -> Iterator[Any]:
    """Flask-Session's interface for a database, as one file."""
    sql = pytest.importorskip("flask_sqlalchemy")
    from flask_session.sqlalchemy import SqlAlchemySessionInterface

    flask_app = Flask("sql")
    flask_app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{file}"
    interface = SqlAlchemySessionInterface(flask_app, sql.SQLAlchemy(flask_app))
    yield interface
    with flask_app.app_context():
        interface.client.engine.dispose()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    name = request.param
    with contextlib.ExitStack() as stack:
        if name == "files":
            interface: Any = file_sessions(str(tmp_path / "sessions"))

            def plant(sid: str, data: bytes) -> None:
                (tmp_path / "sessions" / digest(f"session:{sid}")).write_bytes(slot_of(data))

        elif name == "memory":
            broker = request.getfixturevalue("pool_broker")
            interface = cached_sessions(PoolCache(broker))
            for sid in ("ann", "bob"):
                stack.callback(broker.pool, Keep(f"session:{sid}", b""), 5)

            def plant(sid: str, data: bytes) -> None:
                broker.pool(Keep(f"session:{sid}", data, 60), 5)

        elif name == "redis":
            from redis import Redis

            client = stack.enter_context(Redis.from_url(request.getfixturevalue("redis_url")))
            client.flushall()
            interface = RedisSessionInterface(Flask("redis"), client)

            def plant(sid: str, data: bytes) -> None:
                client.set(f"session:{sid}", data)

        elif name == "sqlalchemy":
            interface, plant = stack.enter_context(in_database(tmp_path / "sessions.db")), not_planted
        else:
            cache = FileSystemCache(str(tmp_path / "site"), threshold=0)
            interface, plant = CacheLibSessionInterface(client=cache, key_prefix="session:"), not_planted

        yield Kind(name, tmp_path, interface, plant)


def test_a_session_that_is_not_there_is_none_and_is_not_made_by_chance(kind: Kind) -> None:
    assert kind.store.load("ann") is None
    assert kind.store.patch("ann", delta(a=1)) is False
    assert kind.store.touch("ann") is False
    assert kind.store.load("ann") is None


def test_changes_are_merged_key_by_key_into_what_is_stored_then(kind: Kind) -> None:
    assert kind.store.patch("ann", delta(a=1, b=1, c=1), create=True)
    assert kind.store.patch("ann", delta("b", "unknown", a=2, d=1))
    assert kind.store.load("ann") == {"a": 2, "c": 1, "d": 1}
    assert kind.store.load("bob") is None


def test_every_type_is_the_same_after_it_was_stored_twice(kind: Kind) -> None:
    kind.store.patch("ann", delta(**VALUES), create=True)
    kind.store.patch("ann", delta(more=1))
    view = kind.begin("ann")
    view["seen"] = True
    kind.finish(view)
    loaded = kind.store.load("ann")
    assert loaded is not None
    for name, value in VALUES.items():
        assert same(loaded[name], value), name


def test_of_eight_writers_with_fifty_keys_each_nothing_is_lost(kind: Kind) -> None:
    kind.store.patch("ann", delta(start=0), create=True)
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(50):
                key = f"{writer}-{number}"
                if writer % 2:
                    assert kind.store.patch("ann", delta(**{key: number}))
                else:
                    view = kind.begin("ann")
                    view[key] = number
                    kind.finish(view)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    loaded = kind.store.load("ann") or {}
    lost = [f"{writer}-{n}" for writer in range(8) for n in range(50) if loaded.get(f"{writer}-{n}") != n]
    assert lost == []


def test_a_session_that_was_deleted_stays_deleted_whoever_still_writes(kind: Kind) -> None:
    kind.store.patch("ann", delta(a=1), create=True)
    late = kind.begin("ann")
    kind.delete("ann")
    assert kind.store.patch("ann", delta(b=1)) is False
    assert kind.store.touch("ann") is False
    late["c"] = 1
    kind.finish(late)
    assert kind.store.load("ann") is None


def test_a_deletion_in_the_middle_of_a_write_is_not_undone(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write has read the session, and has not written yet: the logout comes right then."""
    kind.store.patch("ann", delta(a=1), create=True)
    read, deleted = threading.Event(), threading.Event()

    def slowly(values: Any, changes: Delta) -> None:
        read.set()
        deleted.wait(0.3)
        merge(values, changes)

    view = kind.begin("ann")
    monkeypatch.setattr(store, "merge", slowly)
    writer = threading.Thread(target=lambda: kind.store.patch("ann", delta(b=1)))
    writer.start()
    assert read.wait(5)
    view.clear()
    kind.finish(view)
    deleted.set()
    writer.join()
    assert kind.store.load("ann") is None


def test_a_change_in_the_middle_of_a_login_with_a_new_id_is_kept(kind: Kind) -> None:
    """The view gives the session a new id; before it has ended, somebody else writes under the former one."""
    kind.store.patch("ann", delta(a=1), create=True)
    view = kind.begin("ann")
    kind.store.patch("ann", delta(b=1))
    view["user"] = "ann"
    kind.interface.regenerate(view)
    assert kind.store.patch("ann", delta(c=1))
    kind.finish(view)
    assert view.sid != "ann"
    assert kind.store.load("ann") is None
    loaded = kind.store.load(view.sid) or {}
    loaded.pop("_permanent", None)
    assert loaded == {"a": 1, "b": 1, "c": 1, "user": "ann"}


def test_a_session_with_a_new_id_can_end_in_the_same_request(kind: Kind) -> None:
    kind.store.patch("ann", delta(a=1), create=True)
    view = kind.begin("ann")
    kind.interface.regenerate(view)
    view.clear()
    kind.finish(view)
    assert kind.store.load("ann") is None
    assert kind.store.load(view.sid) is None


@pytest.mark.parametrize("kind", ["files", "memory", "redis"], indirect=True)
@pytest.mark.parametrize("garbage", [b"hello", b"\xc1" * 40, b"\x80\x04N.", pack([1]), pack({"a": 1})[:-1]])
def test_garbage_starts_afresh_with_one_warning(
    kind: Kind, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    kind.store.patch("ann", delta(a=1), create=True)
    kind.plant("ann", garbage)
    with caplog.at_level(logging.WARNING):
        view = kind.begin("ann")
    assert not view
    assert len(caplog.records) == 1
    assert "session" in caplog.text
    assert "damaged" in caplog.text
    view["user"] = "ann"
    kind.finish(view)
    assert (kind.store.load(view.sid) or {})["user"] == "ann"


class Bomb:
    """Shows when it is unpickled."""

    exploded: list[int] = []

    def __reduce__(self) -> Any:
        return Bomb.exploded.append, (1,)


@pytest.mark.parametrize("kind", ["files", "memory", "redis"], indirect=True)
def test_a_planted_pickle_runs_nothing(kind: Kind) -> None:
    kind.store.patch("ann", delta(a=1), create=True)
    kind.plant("ann", pickle.dumps({"user": Bomb()}))
    kind.begin("ann")
    assert not kind.store.load("ann")
    kind.store.patch("ann", delta(b=1), create=True)
    assert Bomb.exploded == []


def test_a_megabyte_comes_back(kind: Kind) -> None:
    value = {
        "text": "é" * 500_000,
        "bytes": os.urandom(500_000),
        "rows": [[n, str(n)] for n in range(10_000)],
    }
    kind.store.patch("ann", delta(value=value), create=True)
    kind.store.patch("ann", delta(other=1))
    assert (kind.store.load("ann") or {})["value"] == value


def test_more_than_five_hundred_sessions_are_kept(kind: Kind) -> None:
    sids = [f"user {number}" for number in range(600)]
    for sid in sids:
        kind.store.patch(sid, delta(sid=sid), create=True)
    assert [sid for sid in sids if (kind.store.load(sid) or {}).get("sid") != sid] == []
    for sid in sids:
        kind.interface._delete_session(kind.interface._get_store_id(sid))


def test_a_session_ends_after_its_lifetime_unless_it_is_prolonged(kind: Kind) -> None:
    kind.lifetime = datetime.timedelta(seconds=2)
    kind.store.patch("ann", delta(user="ann"), create=True)
    kind.store.patch("bob", delta(user="bob"), create=True)
    began = time.monotonic()

    def ann_has_ended() -> bool:
        assert kind.store.touch("bob")
        return kind.store.load("ann") is None

    wait_until(ann_has_ended, 10, "the session has ended", every=0.2)
    assert time.monotonic() - began > 1
    assert kind.store.load("bob") == {"user": "bob"}
    assert kind.store.touch("ann") is False


@pytest.mark.parametrize("kind", ["files"], indirect=True)
def test_what_has_expired_leaves_no_file(kind: Kind, tmp_path: Path) -> None:
    kind.lifetime = datetime.timedelta(seconds=1)
    for number in range(20):
        kind.store.patch(f"user {number}", delta(a=1), create=True)
    kind.lifetime = datetime.timedelta(hours=1)
    kind.store.patch("ann", delta(a=1), create=True)

    def cleaned() -> bool:
        kind.store.clean()
        return len(list((tmp_path / "sessions").iterdir())) == 1

    wait_until(cleaned, 10, "expired files are gone", every=0.2)
    assert kind.store.load("ann") == {"a": 1}


@pytest.mark.parametrize("kind", ["files"], indirect=True)
def test_a_folder_that_cannot_be_read_is_an_error_and_no_empty_session(kind: Kind, tmp_path: Path) -> None:
    kind.store.patch("ann", delta(a=1), create=True)
    (tmp_path / "sessions").rename(tmp_path / "away")
    (tmp_path / "sessions").write_text("a file in its place")
    for call in (
        lambda: kind.store.load("ann"),
        lambda: kind.store.patch("ann", delta(b=1)),
        lambda: kind.begin("ann"),
    ):
        with pytest.raises((StoreError, OSError)):
            call()
    (tmp_path / "sessions").unlink()
    (tmp_path / "away").rename(tmp_path / "sessions")
    assert kind.store.load("ann") == {"a": 1}


def test_a_folder_of_locks_that_is_gone_is_an_error_of_the_storage(kind: Kind, tmp_path: Path) -> None:
    kind.store.patch("ann", delta(a=1), create=True)
    (tmp_path / "locks").rename(tmp_path / "away")
    with pytest.raises(StoreError):
        kind.store.patch("ann", delta(b=1))
    (tmp_path / "away").rename(tmp_path / "locks")
    assert kind.store.patch("ann", delta(b=1))
    assert kind.store.load("ann") == {"a": 1, "b": 1}


def test_a_view_writes_what_it_changed_and_nothing_else(kind: Kind) -> None:
    kind.store.patch("ann", delta(a=1, b=[1], c=1), create=True)
    session = kind.begin("ann")
    session["a"] = 2
    session["b"].append(2)
    del session["c"]
    kind.store.patch("ann", delta(d=9, a=9))
    kind.finish(session)
    assert kind.store.load("ann") == {"a": 2, "b": [1, 2], "d": 9}


def test_a_view_that_changes_nothing_takes_nothing_back(kind: Kind) -> None:
    kind.store.patch("ann", delta(a=1), create=True)
    session = kind.begin("ann")
    kind.store.patch("ann", delta("a", b=2))
    kind.finish(session)
    assert kind.store.load("ann") == {"b": 2}


def test_a_new_session_of_a_view_is_stored(kind: Kind) -> None:
    session = kind.begin("unknown")
    assert session.sid != "unknown"
    session["user"] = "ann"
    kind.finish(session)
    assert (kind.store.load(session.sid) or {})["user"] == "ann"


def test_a_session_may_get_a_new_id(kind: Kind) -> None:
    kind.store.patch("ann", delta(user="ann"), create=True)
    session = kind.begin("ann")
    assert not kind.store.moved(session)
    kind.interface.regenerate(session)
    assert kind.store.moved(session)
    kind.finish(session)
    assert kind.store.load("ann") is None
    assert (kind.store.load(session.sid) or {})["user"] == "ann"


def test_a_view_that_changes_only_the_type_of_a_nested_value_is_heard(kind: Kind) -> None:
    kind.store.patch("ann", delta(flags={"on": 1, "off": [0]}), create=True)
    view = kind.begin("ann")
    view["flags"] = {"on": True, "off": [0.0]}
    kind.finish(view)
    assert same((kind.store.load("ann") or {})["flags"], {"on": True, "off": [0.0]})


@pytest.mark.parametrize("kind", ["files", "memory", "redis"], indirect=True)
def test_changes_that_are_no_use_of_a_session_do_not_prolong_it(kind: Kind) -> None:
    """A background task writes all the time, while nobody is there."""
    kind.lifetime = datetime.timedelta(seconds=3)
    began = time.monotonic()
    kind.store.patch("ann", delta(n=0), create=True)
    numbers = itertools.count(1)

    def ended() -> bool:
        return not kind.store.patch("ann", delta(n=next(numbers)), prolong=False)

    wait_until(ended, 12, "the session has ended", every=0.05)
    assert time.monotonic() - began > 2.5
    assert next(numbers) > 3, "until then everything was kept"
