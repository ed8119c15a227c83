"""Who gets a channel, and who does not."""

from __future__ import annotations

import os

import pytest

from htagweb_flask.errors import Altered, Locked
from htagweb_flask.noise import Noise, new_key, public_key
from htagweb_flask.seal import THIRD, Handshake, prologue

from .page import MOUNT, ORIGIN, Page, PythonPage, connected

STATIC, SECRET = new_key(), new_key()

#: Public keys with which any private key agrees on nothing (RFC 7748, section 6.1): of order 1, 2, 4, and 8.
WEAK = (
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
)


def test_the_key_of_a_browser_stays_the_same_and_keys_of_a_channel_do_not() -> None:
    page = PythonPage()
    channels = [connected(page) for _ in range(2)]
    assert channels[0].peer == channels[1].peer == public_key(page.identity)
    record = page.seal(b"press")
    with pytest.raises(Altered):
        channels[0].open(record)


def test_a_page_that_knows_another_key_of_the_server_gets_nothing(page: Page) -> None:
    with pytest.raises(Altered):
        Handshake(ORIGIN, MOUNT, STATIC).answer(page.first(pin=public_key(new_key())))


def test_a_server_without_the_key_gets_nothing(page: Page) -> None:
    first = page.first(pin=public_key(STATIC))
    with pytest.raises(Altered):
        Handshake(ORIGIN, MOUNT).answer(first)
    # One that answers all the same, as if the page had not asked for that key.
    with pytest.raises(Altered):
        page.finish(Handshake(ORIGIN, MOUNT).answer(b"\1\0" + first[2:34]))


def test_a_page_that_knows_no_secret_is_told_that_there_is_one(page: Page) -> None:
    with pytest.raises(Locked):
        Handshake(ORIGIN, MOUNT, secret=SECRET).answer(page.first())


@pytest.mark.parametrize(("asked", "shown"), [(None, SECRET), (SECRET, bytes(32))])
def test_both_know_the_secret_or_there_is_no_channel(
    page: Page, asked: bytes | None, shown: bytes | None
) -> None:
    handshake = Handshake(ORIGIN, MOUNT, secret=asked)
    with pytest.raises(Altered):
        handshake.finish(page.finish(handshake.answer(page.first(secret=shown))))


@pytest.mark.parametrize(("origin", "mount"), [("http://example.org", MOUNT), (ORIGIN, "/other/")])
def test_both_speak_of_the_same_place(page: Page, origin: str, mount: str) -> None:
    handshake = Handshake(origin, mount)
    with pytest.raises(Altered):
        handshake.finish(page.finish(handshake.answer(page.first())))


def messages(pinned: bool, turn: int = -1, bit: int = 0) -> list[bytes]:
    """The three messages of a handshake, one of which has that bit changed on its way. Raises Altered, at the
    latest when the first record is opened."""
    page, handshake, said = PythonPage(), Handshake(ORIGIN, MOUNT, STATIC), list[bytes]()

    def passed(message: bytes) -> bytes:
        changed = bytearray(message)
        if len(said) == turn:
            changed[bit // 8] ^= 1 << bit % 8
        said.append(message)
        return bytes(changed)

    first = passed(page.first(pin=public_key(STATIC) if pinned else None))
    third = passed(page.finish(passed(handshake.answer(first))))
    assert handshake.finish(third).open(page.seal(b"press")) == (0, b"press")
    return said


@pytest.mark.parametrize("pinned", [False, True])
def test_a_handshake_that_was_changed_leads_nowhere(pinned: bool) -> None:
    for turn, message in enumerate(messages(pinned)):
        for byte in range(len(message)):
            with pytest.raises(Altered):
                messages(pinned, turn, 8 * byte + byte % 8)


def test_messages_of_a_handshake_that_are_cut_or_unknown_are_refused() -> None:
    for size in (0, 1, 31, 47, 48, THIRD - 1):
        page, handshake = PythonPage(), Handshake(ORIGIN, MOUNT)
        third = page.finish(handshake.answer(page.first()))
        assert len(third) == THIRD
        with pytest.raises(Altered):
            handshake.finish(third[:size])
    key = os.urandom(32)
    for first in (
        b"",
        b"\1",
        b"\1\0",
        b"\1\0" + key[1:],
        b"\1\0" + key + b"\0",
        b"\2\0" + key,
        b"\0\0" + key,
    ):
        with pytest.raises(Altered):
            Handshake(ORIGIN, MOUNT).answer(first)
    for suite in range(4, 256):
        with pytest.raises(Altered):
            Handshake(ORIGIN, MOUNT, STATIC, SECRET).answer(bytes([1, suite]) + key + bytes(16))


def test_a_handshake_says_nothing_but_keys() -> None:
    page, handshake = PythonPage(), Handshake(ORIGIN, MOUNT)
    page.noise = Noise("XN", prologue(0, ORIGIN, MOUNT), True, page.identity)
    with pytest.raises(Altered):
        Handshake(ORIGIN, MOUNT).answer(b"\1\0" + page.noise.write(b"early"))
    page = PythonPage()
    answer = handshake.answer(page.first())
    page.noise.read(answer)
    with pytest.raises(Altered):
        handshake.finish(page.noise.write(b"early"))


def test_a_handshake_that_was_closed_answers_nothing() -> None:
    handshake = Handshake(ORIGIN, MOUNT)
    handshake.close()
    with pytest.raises(Altered):
        handshake.answer(PythonPage().first())


def test_a_handshake_is_finished_once() -> None:
    page, handshake = PythonPage(), Handshake(ORIGIN, MOUNT)
    third = page.finish(handshake.answer(page.first()))
    handshake.finish(third)
    with pytest.raises(Altered):
        handshake.finish(third)


@pytest.mark.parametrize("weak", WEAK, ids=["0", "1", "p-1", "order 8"])
def test_keys_with_which_nothing_is_secret_are_refused(page: Page, weak: bytes) -> None:
    with pytest.raises(Altered):
        Handshake(ORIGIN, MOUNT).answer(b"\1\0" + weak)
    page.first()
    with pytest.raises(Altered):
        page.finish(weak + bytes(16))


@pytest.mark.parametrize("what", ["channel", "handshake"])
def test_a_forked_process_has_no_keys(what: str) -> None:
    page, handshake = PythonPage(), Handshake(ORIGIN, MOUNT, STATIC)
    third = page.finish(handshake.answer(page.first()))
    record = page.seal(b"press")
    ended = handshake.finish(third) if what == "channel" else None
    keys = list(ended._hears._keys.values()) if ended else []

    def opened() -> tuple[int, bytes]:
        return (ended or handshake.finish(third)).open(record)

    child = os.fork()
    if not child:
        status = 1
        try:
            opened()
        except Altered:
            status = 0 if not any(map(any, keys)) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert opened() == (0, b"press")  # here all is as before


def test_a_closed_channel_says_and_hears_nothing(page: Page) -> None:
    channel = connected(page)
    record = page.seal(b"press")
    channel.close()
    with pytest.raises(Altered):
        channel.open(record)
    with pytest.raises(Altered):
        channel.seal(b"", 0)
