"""A sealed channel: what is said comes through, and nothing else does."""

from __future__ import annotations

import pytest

from htagweb_flask.errors import Altered, Replayed
from htagweb_flask.noise import encrypt, new_key, public_key
from htagweb_flask.seal import AHEAD, BACK, LAST, Channel, padded

from .page import NodePage, Page, PythonPage, connected

EPOCH = 2**16


@pytest.mark.parametrize("secret", [None, bytes(range(32))], ids=["", "secret"])
@pytest.mark.parametrize("pinned", [False, True], ids=["", "pinned"])
def test_a_page_and_a_server_understand_each_other(page: Page, pinned: bool, secret: bytes | None) -> None:
    static = new_key()
    channel = connected(page, static, public_key(static) if pinned else None, secret)
    for number, message in enumerate([b"", b"{}", '{"naïve": 1}'.encode(), bytes(100_000)]):
        record = page.seal(message)
        assert channel.open(record) == (number, message)
        assert page.open(channel.seal(message[::-1], number), number) == message[::-1]


@pytest.fixture
def channel(page: Page) -> Channel:
    return connected(page)


def refused(page: Page, record: bytes, answers: int) -> bool:
    """Whether the page does not open that."""
    try:
        page.open(record, answers)
    except (Altered, Replayed):
        return True
    return False


def test_each_changed_bit_of_a_record_is_found(page: Page, channel: Channel) -> None:
    record = page.seal(b"press")
    answer = channel.seal(b"pressed", 0)
    for bit in range(len(record) * 8):
        with pytest.raises((Altered, Replayed)):
            channel.open(flipped(record, bit))
    assert all(refused(page, flipped(answer, bit), 0) for bit in range(len(answer) * 8))
    # And nothing has changed by it.
    assert channel.open(record) == (0, b"press")
    assert page.open(answer, 0) == b"pressed"


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_records_that_are_cut_or_longer_are_refused(page: Page, channel: Channel) -> None:
    record, answer = page.seal(b"press"), channel.seal(b"pressed", 0)
    for size in range(len(record)):
        with pytest.raises(Altered):
            channel.open(record[:size])
    for wrong in (record + b"\0", b"\0" + record, b"", b"{}"):
        with pytest.raises(Altered):
            channel.open(wrong)
    assert all(refused(page, answer[:size], 0) for size in (*range(len(answer)), -1))
    assert refused(page, answer + b"\0", 0)


def test_a_record_is_opened_once(page: Page, channel: Channel) -> None:
    record = page.seal(b"press")
    answer = channel.seal(b"pressed", 0)
    channel.open(record)
    page.open(answer, 0)
    with pytest.raises(Replayed):
        channel.open(record)
    assert refused(page, answer, 0)


def test_records_may_overtake_each_other(page: Page, channel: Channel) -> None:
    records = [page.seal(b"%d" % number) for number in range(8)]
    answers = [channel.seal(b"%d" % number, number) for number in range(8)]
    for number in (3, 1, 0, 2, 7, 5, 6, 4):
        assert channel.open(records[number]) == (number, b"%d" % number)
        assert page.open(answers[number], number) == b"%d" % number


def test_an_answer_is_for_the_record_that_it_answers(page: Page, channel: Channel) -> None:
    for message in (b"poll", b"call"):
        channel.open(page.seal(message))
    answer = channel.seal(b"to the poll", 0)
    assert refused(page, answer, 1)
    assert page.open(answer, 0) == b"to the poll"


def test_what_was_said_is_not_taken_for_what_was_heard(page: Page, channel: Channel) -> None:
    record, answer = page.seal(b"press"), channel.seal(b"pressed", 0)
    with pytest.raises(Altered):
        channel.open(answer)
    with pytest.raises(Altered):
        channel.open(answer, 0)
    assert refused(page, record, 0)


def test_a_record_of_another_channel_is_refused(node: NodePage) -> None:
    other = PythonPage()
    channels = connected(node), connected(other)
    for channel, page in zip(channels, (other, node), strict=True):
        with pytest.raises(Altered):
            channel.open(page.seal(b"press"))
    assert refused(node, channels[1].seal(b"", 0), 0)


def test_a_page_that_was_lost_for_long_is_behind_the_window(page: Page, channel: Channel) -> None:
    records = [page.seal(b"") for _ in range(BACK + 2)]
    channel.open(records[-1])
    assert channel.open(records[2]) == (2, b"")
    for late in records[:2]:
        with pytest.raises(Replayed):
            channel.open(late)
    answers = [channel.seal(b"", 0) for _ in range(BACK + 2)]
    page.open(answers[-1], 0)
    page.open(answers[2], 0)
    assert refused(page, answers[0], 0)
    assert refused(page, answers[1], 0)


def test_the_last_of_those_that_are_remembered_is_not_opened_again(page: Page, channel: Channel) -> None:
    records = [page.seal(b"") for _ in range(BACK)]
    answers = [channel.seal(b"", 0) for _ in range(BACK)]
    for record, answer in zip(records, answers, strict=True):
        channel.open(record)
        page.open(answer, 0)
    with pytest.raises(Replayed):
        channel.open(records[0])
    assert refused(page, answers[0], 0)


def test_two_that_come_at_the_same_time_are_opened_once(node: NodePage) -> None:
    answer = connected(node).seal(b"pressed", 0)
    assert sorted(node.ask("twice", record=answer, answers=0)) == ["fulfilled", "rejected"]


@pytest.mark.parametrize(
    "text", [b"\0\0\0\0\0", b"\0\0\0\5abcd", b"\0\0\0\1a" + bytes(9), b"\xff\xff\xff\xffa"]
)
def test_what_is_not_padded_as_it_should_be_is_refused(page: Page, channel: Channel, text: bytes) -> None:
    for kind, key in ((1, channel._hears._keys[0]), (2, channel._says._keys[0])):
        header = bytes([1, kind, *bytes(10)])
        record = header + encrypt(key, 0, header + bytes(8) * (kind == 2), text)
        if kind == 1:
            with pytest.raises(Altered):
                channel.open(record)
        else:
            assert refused(page, record, 0)


def test_what_is_too_far_ahead_is_refused(page: Page, channel: Channel) -> None:
    answers = [channel.seal(b"", 0) for _ in range(AHEAD + 1)]
    records = [page.seal(b"") for _ in range(AHEAD + 1)]
    with pytest.raises(Altered):
        channel.open(records[AHEAD])
    assert refused(page, answers[AHEAD], 0)
    assert channel.open(records[AHEAD - 1])[0] == AHEAD - 1
    assert page.open(answers[AHEAD - 1], 0) == b""


def test_the_keys_change_and_those_before_are_forgotten(page: Page, channel: Channel) -> None:
    def exchange(number: int) -> None:
        channel._said = number  # much was said meanwhile, and lost
        assert channel.open(page.seal(b"press", number)) == (number, b"press")
        assert page.open(channel.seal(b"pressed", number), number) == b"pressed"

    first, key = page.seal(b"", 0), channel._hears._keys[0]
    for border in (EPOCH, 2 * EPOCH):
        for number in range(border - EPOCH + 4000, border, 4000):
            exchange(number)
        for number in (2, -1, 0, -2, 1):  # they may overtake each other here, too
            exchange(border + number)
    assert channel._hears._keys.keys() == channel._says._keys.keys() == {1, 2}
    assert not any(key)
    if isinstance(page, NodePage):
        assert page.ask("epochs") == [[1, 2], [1, 2]]
    with pytest.raises(Replayed):
        channel.open(first)


def test_after_the_last_number_there_is_none(page: Page, channel: Channel) -> None:
    with pytest.raises(Altered):
        page.seal(b"", LAST)
    channel._said = LAST
    with pytest.raises(Altered):
        channel.seal(b"", 0)


@pytest.mark.parametrize("size", [4, 5, 8, 9, 100, 1000, 4097, 100_000, 2**20 + 1])
def test_sizes_tell_little(size: int) -> None:
    assert size <= padded(size) <= size * 1.12 + 1
    assert padded(padded(size)) == padded(size)


def test_few_sizes_are_left() -> None:
    assert len({padded(size) for size in range(4, 1_000_000)}) < 500
