"""Two machines with one Redis: their locks know nothing of each other, and still nothing is lost."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_session.redis import RedisSessionInterface
from redis import Redis

from htagweb_flask.errors import StoreError
from htagweb_flask.session_redis import KNOWN, SMALL, RedisSessions
from tests.shelf import Shelf, delta


@pytest.fixture
def machine(redis_url: str, tmp_path: Path) -> Iterator[Callable[[str], Shelf]]:
    """A machine by its name, with a client and a folder of locks of its own."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(Redis.from_url(redis_url)).flushall()

        def start(name: str) -> Shelf:
            (tmp_path / name).mkdir()
            client = stack.enter_context(Redis.from_url(redis_url))
            return Shelf(RedisSessionInterface(Flask("redis"), client), tmp_path / name)

        yield start


def values(shelf: Shelf, sid: str) -> dict[str, Any]:
    """The session, without Flask-Session's own mark."""
    found = shelf.store.load(sid) or {}
    return {key: value for key, value in found.items() if key != "_permanent"}


def test_what_two_machines_write_is_all_kept(machine: Callable[[str], Shelf]) -> None:
    shelves = [machine("one"), machine("two")]
    shelves[0].store.patch("ann", delta(start=0), create=True)
    failures: list[BaseException] = []

    def write(shelf: Shelf, name: str) -> None:
        try:
            for number in range(100):
                if number % 4:
                    assert shelf.store.patch("ann", delta(**{f"{name}-{number}": number}))
                else:
                    view = shelf.begin("ann")
                    view[f"{name}-{number}"] = number
                    shelf.finish(view)
        except BaseException as error:
            failures.append(error)

    works = [(shelf, f"{place}{task}") for place, shelf in enumerate(shelves) for task in range(3)]
    threads = [threading.Thread(target=write, args=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    wanted = {f"{name}-{number}": number for _, name in works for number in range(100)}
    assert values(shelves[0], "ann") == {**wanted, "start": 0}


def between(monkeypatch: pytest.MonkeyPatch, shelf: Shelf, act: Callable[[], object]) -> None:
    """Has *act* done when *shelf* has read a session, and has not written it yet; once."""
    swap, left = shelf.store._redis._swap, [act]  # type: ignore[union-attr]

    def swap_later(keys: Any, args: Any) -> Any:
        if left:
            left.pop()()
        return swap(keys, args)

    monkeypatch.setattr(shelf.store._redis, "_swap", swap_later)


def test_a_logout_on_the_other_machine_is_not_undone(
    machine: Callable[[str], Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machine("one"), machine("two")
    one.store.patch("ann", delta(a=1), create=True)
    between(monkeypatch, one, lambda: two.store.delete("ann"))
    assert one.store.patch("ann", delta(b=1)) is False
    assert two.store.load("ann") is None


def test_a_change_on_the_other_machine_while_the_session_gets_a_new_id_goes_with_it(
    machine: Callable[[str], Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machine("one"), machine("two")
    one.store.patch("ann", delta(a=1), create=True)
    view = one.begin("ann")
    one.interface.regenerate(view)
    view["user"] = "ann"
    between(monkeypatch, one, lambda: two.store.patch("ann", delta(b=1)))
    one.finish(view)
    assert two.store.load("ann") is None
    assert values(two, view.sid) == {"a": 1, "b": 1, "user": "ann"}


def test_who_is_always_too_late_says_so(
    machine: Callable[[str], Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machine("one"), machine("two")
    one.store.patch("ann", delta(a=1), create=True)
    swap = one.store._redis._swap  # type: ignore[union-attr]

    def never(keys: Any, args: Any) -> Any:
        two.store.patch("ann", delta(b=random.random()))
        return swap(keys, args)

    monkeypatch.setattr(one.store._redis, "_swap", never)
    with pytest.raises(StoreError, match="all the time"):
        one.store.patch("ann", delta(c=1))


def test_the_usual_change_is_one_message(
    machine: Callable[[str], Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = machine("one")
    shelf.store.patch("ann", delta(a=1), create=True)
    client, sent = shelf.interface.client, []
    execute = client.execute_command

    def count(*args: Any, **options: Any) -> Any:
        sent.append(args[0])
        return execute(*args, **options)

    monkeypatch.setattr(client, "execute_command", count)
    for number in range(10):
        assert shelf.store.patch("ann", delta(n=number))
    assert sent == ["EVALSHA"] * 10


def test_what_it_remembers_is_bounded(machine: Callable[[str], Shelf]) -> None:
    shelf = machine("one")
    records = RedisSessions(shelf.interface.client)
    for number in range(KNOWN + 10):
        records.change(f"user {number}", lambda _: b"x", 60)
    assert len(records._known) == KNOWN
    records.change("large", lambda _: b"x" * (SMALL + 1), 60)
    assert "large" not in records._known
    assert records.change("large", lambda stored: (stored or b"")[:2], 60)
    assert shelf.interface.client.get("large") == b"xx"
