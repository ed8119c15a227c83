"""Many users, and what a session takes along when it ends."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.http_client import Refused, User
from tests.servers import Server
from tests.state.kit import NOTES, Anywhere, made, press, said, shown, sid, together, visit
from tests.support import wait_until

MANY = 600
HANDS = 8


def each(users: list[User], work: Callable[[int, User], None]) -> None:
    """Does it for each user, by several hands."""
    numbers = itertools.count()

    def hand() -> None:
        while (number := next(numbers)) < len(users):
            work(number, users[number])
            users[number].close()

    together([hand] * HANDS)


@pytest.mark.slow
def test_six_hundred_users_keep_their_states_also_over_a_restart(site: Callable[..., Server]) -> None:
    server = site("files", workers=2)
    users = [User(server.url) for _ in range(MANY)]

    wrong: list[tuple[int, object]] = []

    def come(number: int, user: User) -> None:
        page = user.open("/short/")
        press(page, "put", key="number", value=number)
        page.leave()

    def check(number: int, user: User) -> None:
        if (found := shown(user).get(NOTES)) != {"number": number}:
            wrong.append((number, found))

    def come_again(number: int, user: User) -> None:
        page = user.open("/short/")
        if (found := said(page)[0]) != {"number": number}:
            wrong.append((number, found))
        page.leave()

    each(users, come)
    each(users, check)
    server.stop()
    server.start()
    each(users, come_again)
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["files", "memory", "redis"])
def test_a_session_that_expires_ends_instance_task_and_state(site: Callable[..., Server], kind: str) -> None:
    """With its page open, which by itself prolongs nothing."""
    server = site(kind, workers=2, STATE_LIFE="2", HTAG_WORKERS="1")
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "put", key="name", value="ann")
    press(page, "work", label="task", n=1, pause=60)
    before, cookie = made(page), f"session={sid(user)}"
    threads = instances(server)
    still = {"cursor": page.cursor, "wait": 0}  # as from a browser whose clock is late: it sends the cookie

    def gone() -> bool:
        return page.post("poll", still, {"Cookie": cookie}).status == 410

    wait_until(gone, 10, "the page is told that its app has ended", every=0.2)
    wait_until(lambda: instances(server) < threads, 8, "instance and task have ended", every=0.1)
    with pytest.raises(Refused):
        press(page, "see")
    answer = user.get("/show", {"Cookie": cookie})
    assert json.loads(answer.text) == {}, "nobody has stored anything again"
    fresh = user.open("/")
    assert made(fresh) != before
    assert said(fresh)[0] == {}
    visit(user, "/put", key="theirs", value="x")
    assert shown(user)["theirs"] == "x"


def instances(server: Server) -> int:
    """How many instances live in the pool: each has a thread."""
    found = 0
    for pid in server.pool_processes():
        found += len(list(Path(f"/proc/{pid}/task").iterdir()))
    return found
