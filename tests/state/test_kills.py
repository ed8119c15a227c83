"""Processes are killed while users write: what was acknowledged is there afterwards."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.http_client import Page, Refused
from tests.servers import Server
from tests.state.kit import NOTES, Anywhere, press, shown
from tests.support import wait_until

BROKEN = (OSError, http.client.HTTPException, Refused)


class Writer(threading.Thread):
    """A user who clicks without a pause, and remembers what was acknowledged. What fails is not repeated,
    except by the page itself; a page that is gone is loaded again."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.user = Anywhere(server.url)
        self.page = self.user.open("/")
        self.acknowledged: dict[str, int] = {}
        self.stop = threading.Event()
        self.loaded = 1

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            self.write(f"app-{number}", number) if number % 3 else self.view(f"view-{number}", number)

    def write(self, key: str, number: int) -> None:
        try:
            if press(self.page, "put", key=key, value=number)["done"]:
                self.acknowledged[key] = number
        except BROKEN:
            self.page = wait_until(self.load, 30, "the page can be loaded again", every=0.1)

    def load(self) -> Page | None:
        try:
            page = self.user.open("/")
        except BROKEN:
            return None
        self.loaded += 1
        return page

    def view(self, key: str, number: int) -> None:
        try:
            if self.user.get(f"/put?key={key}&value={number}").status == 200:
                self.acknowledged[key] = number
        except BROKEN:
            pass

    def lost(self) -> list[str]:
        """What was acknowledged, and is not there."""
        session = shown(self.user)
        found = {**session, **session[NOTES]}
        return [key for key, number in self.acknowledged.items() if str(found.get(key)) != str(number)]


@contextmanager
def writing(server: Server) -> Iterator[list[Writer]]:
    writers = [Writer(server) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stop.set()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive()


def count(writers: list[Writer]) -> int:
    return sum(len(writer.acknowledged) for writer in writers)


def a_pool_worker(server: Server, chance: random.Random) -> None:
    workers = [pid for pid, command in server.pool_processes().items() if command.endswith(" worker")]
    server.kill(chance.choice(workers))


def the_whole_pool(server: Server, chance: random.Random) -> None:
    pids = list(server.pool_processes())
    chance.shuffle(pids)
    for pid in pids:
        with suppress(ValueError):  # it has left by itself
            server.kill(pid)


def a_web_worker(server: Server, chance: random.Random) -> None:
    server.kill(chance.choice(server.worker_pids()))


def the_server(server: Server, chance: random.Random) -> None:
    """Ended in order, and started again."""
    server.stop()
    server.start()


def everything(server: Server, chance: random.Random) -> None:
    """The machine loses its power, nearly: files that are written stay."""
    the_whole_pool(server, chance)
    server.kill()
    server.stop()
    server.start()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "rounds"),
    [(a_pool_worker, 3), (the_whole_pool, 3), (a_web_worker, 3), (the_server, 2), (everything, 2)],
    ids=["a pool worker", "the whole pool", "a web worker", "the server in order", "everything"],
)
@pytest.mark.parametrize("kind", ["files", "redis"])
def test_what_was_acknowledged_outlives(
    site: Callable[..., Server], kind: str, victim: Callable[[Server, random.Random], None], rounds: int
) -> None:
    chance = random.Random(f"{kind} {victim.__name__}")
    server = site(kind)
    with writing(server) as writers:
        for _ in range(rounds):
            before = count(writers)
            moment = before + chance.randint(20, 60)
            wait_until(lambda moment=moment: count(writers) >= moment, 60, "users write", every=0.001)
            victim(server, chance)
            done = {writer: len(writer.acknowledged) for writer in writers}
            for writer in writers:
                wait_until(
                    lambda writer=writer, done=done: len(writer.acknowledged) > done[writer] + 5,
                    60,
                    "everybody writes again",
                )
    assert [writer.lost() for writer in writers] == [[]] * len(writers)
