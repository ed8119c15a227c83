"""What is told without a reply goes with the next call, or a moment later, once and in order."""

from __future__ import annotations

import itertools
import threading

from htagweb_flask.brokers.teller import Teller
from tests.support import wait_until


def test_what_nobody_takes_along_is_sent_in_a_moment() -> None:
    sent: list[tuple[str, bytes]] = []
    teller = Teller(lambda slot, frames: sent.append((slot, frames)))
    for number in range(3):
        teller.tell("one", b"a")
        teller.tell("two", b"b")
        teller.tell("two", b"c")
        wait_until(lambda number=number: len(sent) == 2 * (number + 1))  # type: ignore[misc]
    assert sorted(set(sent)) == [("one", b"a"), ("two", b"bc")]
    assert teller.take("one") == b""


def test_what_a_call_takes_along_is_not_sent_again() -> None:
    """Eight threads call all the time, and tell something after each call."""
    taken: list[bytes] = []
    teller = Teller(lambda _, frames: taken.append(frames))
    numbers = itertools.count()

    def work() -> None:
        for _ in range(500):
            teller.tell("one", b"%d," % next(numbers))
            taken.append(teller.take("one"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: b"".join(list(taken)).count(b",") >= 4000)
    found = [int(number) for number in b"".join(taken).split(b",") if number]
    assert sorted(found) == list(range(4000))
