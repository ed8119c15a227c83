"""The rules about who ends first where there is room for so many only."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from htagweb_flask.errors import Full
from htagweb_flask.pool.caps import FOR_ALL, FOR_SESSION, Cap, Use

FULL = Full("full")


@dataclass(frozen=True)
class One:
    use: Use
    since: float


def some(**counts: int) -> list[One]:
    """So many of each use; of each the last is the oldest."""
    return [One(Use[use], -number) for use, count in counts.items() for number in range(count)]


@pytest.mark.parametrize("cap", [FOR_ALL, FOR_SESSION])
def test_nobody_ends_while_there_is_room(cap: Cap) -> None:
    assert cap.leaver([], 1, FULL) is None
    assert cap.leaver(some(SHOWN=4, IDLE=4, UNCLAIMED=1), 10, FULL) is None


@pytest.mark.parametrize("cap", [FOR_ALL, FOR_SESSION])
def test_who_shows_a_page_never_ends(cap: Cap) -> None:
    with pytest.raises(Full) as raised:
        cap.leaver(some(SHOWN=10), 10, FULL)
    assert raised.value is FULL


def test_among_strangers_the_oldest_of_who_was_never_seen_ends_first() -> None:
    assert FOR_ALL.leaver(some(SHOWN=5, IDLE=4, UNCLAIMED=1), 10, FULL) == One(Use.UNCLAIMED, 0)
    assert FOR_ALL.leaver(some(SHOWN=6, IDLE=4), 10, FULL) == One(Use.IDLE, -3)


def test_of_one_user_the_oldest_that_no_page_shows_ends_first() -> None:
    assert FOR_SESSION.leaver(some(SHOWN=3, IDLE=2, UNCLAIMED=3), 8, FULL) == One(Use.IDLE, -1)
    assert FOR_SESSION.leaver(some(SHOWN=5, UNCLAIMED=3), 8, FULL) == One(Use.UNCLAIMED, -2)


def test_who_was_never_seen_gets_a_fifth_of_the_room() -> None:
    assert FOR_ALL.leaver(some(UNCLAIMED=19), 100, FULL) is None
    assert FOR_ALL.leaver(some(UNCLAIMED=20), 100, FULL) == One(Use.UNCLAIMED, -19)
    assert FOR_ALL.leaver(some(UNCLAIMED=1), 2, FULL) == One(Use.UNCLAIMED, 0)
    assert FOR_ALL.leaver([], 1, FULL) is None
