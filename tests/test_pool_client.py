"""What the pool knows of a page: which interactions it has sent, who waits for answers, what it has seen."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from htagweb_flask.errors import BadMessage, SequenceGap
from htagweb_flask.pool.client import DEPTH, NODES, RUNS, Client, Waiter, check_shape, decode_call
from htagweb_flask.protocol import Batch, ClientState, Delta, Failure


def client(**options: Any) -> Client:
    return Client("page", "sse", **options)


def waiter(cursor: int = 0, seq: int = 0) -> Waiter:
    return Waiter(lambda message: None, cursor, seq)


# ---- numbers of interactions


def test_an_interaction_runs_when_its_number_is_the_next() -> None:
    page = client()
    for seq in (1, 2, 3):
        assert page.accept(waiter(seq=seq)) is True
        assert page.accepted == seq
    assert sorted(page.running) == [1, 2, 3]


def test_the_same_number_waits_with_the_first_and_is_done_with_it() -> None:
    page, first, second = client(), waiter(seq=1), waiter(seq=1)
    page.accept(first)
    assert page.accept(second) is None
    assert page.running == {1: [first, second]}
    del page.running[1]
    assert page.accept(waiter(seq=1)) is False
    assert page.running == {}
    assert page.accepted == 1


def test_a_number_that_comes_too_early_changes_nothing() -> None:
    page = client()
    page.accept(waiter(seq=1))
    for seq in (3, 4, 1000):
        with pytest.raises(SequenceGap, match=f"^interaction {seq} came after 1$"):
            page.accept(waiter(seq=seq))
    assert (page.accepted, list(page.running)) == (1, [1])


# ---- who waits


def test_all_who_wait_are_given_up_at_once() -> None:
    page, polling = client(), waiter()
    waiting = [waiter(seq=1), waiter(seq=1), waiter(seq=2)]
    for one in waiting:
        page.accept(one)
    page.poll = polling
    assert page.waiters() == [*waiting, polling]
    assert (page.running, page.poll) == ({}, None)
    assert page.waiters() == []


def test_who_waits_for_an_instance_that_ended_is_told() -> None:
    told: list[Any] = []
    Waiter(told.append, 0).gone()
    assert told == [Failure("gone", "the instance has ended")]


def test_a_page_that_polls_is_not_silent() -> None:
    page = client(hidden=True)
    now = time.monotonic()
    page.heard = now - 5
    assert page.state(now) == ClientState("sse", True, 5.0)
    page.poll = waiter()
    assert page.state(now) == ClientState("sse", True, 0.0)


# ---- batches


def test_nothing_new_is_said_without_a_word() -> None:
    page, delta = client(), Delta({"key": b"value"}, [])
    page.outbox.put(b"{}")
    assert page.batch(waiter(cursor=1), True, None) == Batch(b"", 1)
    assert page.batch(waiter(cursor=1), True, delta) == Batch(b"", 1, delta)


def test_a_batch_is_what_comes_after_the_cursor() -> None:
    page, delta = client(), Delta({"key": b"value"}, [])
    for number in range(1, 4):
        page.outbox.put(b'{"n":%d}' % number)
    batch = page.batch(waiter(cursor=1), True, delta)
    assert (batch.last, batch.delta) == (3, delta)
    assert json.loads(batch.body) == {"first": 2, "payloads": [{"n": 2}, {"n": 3}]}


@pytest.mark.parametrize("done", [True, False])
def test_an_answer_says_whether_its_interaction_is_done(done: bool) -> None:
    page = client()
    body = page.batch(waiter(seq=7), done, None).body
    assert json.loads(body) == {"first": 1, "payloads": [], "seq": 7, "done": done}


def test_a_batch_says_what_still_runs_and_what_is_a_full_render() -> None:
    page = client()
    for seq in (1, 2):
        page.accept(waiter(seq=seq))
    assert json.loads(page.batch(waiter(), True, None).body) == {"first": 1, "payloads": [], "running": 2}
    page.outbox.put_reset(b'{"all":1}')
    assert json.loads(page.batch(waiter(), True, None).body) == {
        "first": 1, "payloads": [{"all": 1}], "reset": True, "running": 2,
    }  # fmt: skip


# ---- what it has seen


def test_what_a_page_has_seen_is_told_by_its_cursor() -> None:
    page = client()
    for emission in (3, 4, 8, 9, 20):
        page.mark(page.outbox.put(b"{}"), emission)
    assert [page.seen(cursor) for cursor in range(8)] == [0, 3, 4, 8, 9, 20, 20, 20]
    assert len(page._marks) == 3, "two that follow each other are one run"


def test_of_what_was_long_ago_it_has_seen_nothing() -> None:
    page = client()
    for number in range(2 * RUNS):
        page.mark(page.outbox.put(b"{}"), 10 * number + 1)
    assert page.seen(RUNS) == 0
    assert page.seen(RUNS + 1) == 10 * RUNS + 1
    assert page.seen(2 * RUNS) == 10 * (2 * RUNS - 1) + 1


# ---- bodies


def body(message: bytes, **more: int) -> bytes:
    numbers = {"seq": 1, "cursor": 0, **more}
    return b"{%s,%s}" % (json.dumps(numbers)[1:-1].encode(), b'"message":' + message)


def test_a_call_is_its_numbers_and_a_message_as_it_was_sent() -> None:
    call = decode_call(body(b'{ "a": [1, 2] }', seq=3, cursor=5, at=4))
    assert (call.seq, call.cursor, call.at, bytes(call.message)) == (3, 5, 4, b'{ "a": [1, 2] }')
    assert decode_call(body(b"{}")).at is None


@pytest.mark.parametrize(("name", "lowest"), [("seq", 1), ("cursor", 0), ("at", 0)])
def test_numbers_count_from_where_they_begin(name: str, lowest: int) -> None:
    assert getattr(decode_call(body(b"{}", **{name: lowest})), name) == lowest
    with pytest.raises(BadMessage, match="^seq counts from 1, cursors from 0$"):
        decode_call(body(b"{}", **{name: lowest - 1}))


def test_half_of_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert bytes(decode_call(body(b'"\\ud83d \xc3\xa9"')).message) == '"? é"'.encode()


@pytest.mark.parametrize(("open_", "close"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_depth_has_a_limit(open_: bytes, close: bytes) -> None:
    def nested(depth: int, before: bytes = b"") -> bytes:
        return b"[" + before + open_ * (depth - 1) + b"1" + close * (depth - 1) + b"]"

    wide = b'"[[[[",[],{},' * 20  # what is beside does not count, nor what is in texts
    for before in (b"", wide, b'"\\"[",' * DEPTH, b'"\\\\",' * 3):
        check_shape(nested(DEPTH, before))
        with pytest.raises(BadMessage, match=f"^nested deeper than {DEPTH}$"):
            check_shape(nested(DEPTH + 1, before))


@pytest.mark.parametrize("value", [b"1,", b'"a",', b"[],", b"{},"])
def test_the_number_of_values_has_a_limit(value: bytes) -> None:
    """Counted are commas and what is opened."""

    def wide(count: int) -> bytes:
        each = 2 if value[0] in b"[{" else 1
        return b"[" + value * ((count - 1) // each) + b"1," * ((count - 1) % each) + b"1]"

    check_shape(wide(NODES))
    with pytest.raises(BadMessage, match=f"^over {NODES} values$"):
        check_shape(wide(NODES + 1))


def test_texts_alone_may_not_be_too_many_either() -> None:
    with pytest.raises(BadMessage, match=f"^over {NODES} values$"):
        check_shape(b"," * NODES + b'"' * (4 * NODES + 1))
