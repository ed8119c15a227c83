"""Any interactions and any faults, in any order, against a real server; and what must hold all the time.

Two tabs of a user write numbers into a ledger. Requests are lost, answers are lost, connections are cut,
requests come twice, at once or long after, or too early; tabs fetch what they have missed, or do not; the
process of the instance is killed. Whatever happens:

- while the process lives, what was clicked is written exactly once; across a kill, at most once;
- what a tab has clicked is written in that order;
- what was answered as done is still there after a kill;
- when all has arrived, the pages show what the server has.

MODEL_EXAMPLES is the number of such stories (of 30 steps each), MODEL_SEED makes them others.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.http_page import Packed, Page
from tests.http_session import TRY_AGAIN, Answer
from tests.server.desk import QUICK, SOON, Anywhere, message, opened, together, word
from tests.servers import Server, serve
from tests.support import wait_until

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "40"))
STEPS = 30
KILLS = 4
"""In one story. More in 30 s, and the pool waits before it starts the next process."""

SOON_DONE = 30.0

BEHIND = "mistakes are planted behind the seal, and the story looks there"

#: By what the mistakes of tests/apps/ledger.py are found.
TOLD = {
    "runs_repeats": "written twice",
    "accepts_gaps": "a gap was accepted",
    "commits_late": "done, and lost",
    "never_resyncs": "the page shows something else",
    "forgets": "the page shows something else",
}

numbers = itertools.count(1)
tabs = st.sampled_from([0, 1])
fates = st.sampled_from(
    ["arrives", "arrives", "is lost", "answer is lost", "is cut", "comes twice", "is tried twice", "twins"]
)


class Tab:
    """A page, and what it has clicked: by the number of the interaction, what it writes."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicked: dict[int, int] = {}
        self.sent: dict[int, Packed] = {}
        self.done: set[int] = set()

    @property
    def waiting(self) -> list[int]:
        return [seq for seq in self.clicked if seq not in self.done]

    def packed(self, seq: int, number: int) -> Packed:
        """What it posts, which may come twice. A further try of the page is packed anew."""
        written = message(self.page, "write", n=number)
        return self.page.pack({"seq": seq, "cursor": self.page.cursor, "message": written})

    def post(self, packed: Packed) -> Answer:
        return self.page.deliver("call", packed)

    def take(self, seq: int, answer: Answer) -> None:
        assert answer.status == 200, answer
        batch = answer.json()
        assert batch["seq"] == seq
        self.page.take(batch, "call")
        if batch["done"]:
            self.done.add(seq)


class Story(RuleBasedStateMachine):
    server: Server
    file: Path
    repeats_after_a_kill = False  # as no client of ours does

    def __init__(self) -> None:
        super().__init__()
        self.user = Anywhere(self.server.url)
        self.start = len(written(self.file))
        self.refused: set[int] = set()  # what must never be written
        self.former: dict[int, bool] = {}  # what was clicked in lives that were killed; whether it was done
        self.born: list[int] = []  # what the pages of this life show when they are opened
        self.kills = 0
        self.open()

    def open(self) -> None:
        """The pages of a new life."""
        self.tabs = [Tab(self.page()) for _ in range(2)]
        self.born = shown(self.tabs[0].page)
        self.begun = len(written(self.file))

    def page(self) -> Page:
        return opened(self.user, SOON_DONE)

    @property
    def life(self) -> list[int]:
        """What was written in this life."""
        return written(self.file)[self.begun :]

    # ---- what happens

    @rule(which=tabs, fate=fates)
    def click(self, which: int, fate: str) -> None:
        tab = self.tabs[which]
        tab.clicked[len(tab.clicked) + 1] = next(numbers)
        self.deliver(which, fate)

    @precondition(lambda self: any(tab.waiting for tab in self.tabs))
    @rule(which=tabs, fate=fates)
    def deliver(self, which: int, fate: str) -> None:
        """The first that waits is sent, as the page does: the same again until it is answered."""
        tab = self.tabs[which]
        if not tab.waiting or fate == "is lost":
            return
        seq = tab.waiting[0]
        packed = tab.sent[seq] = tab.packed(seq, tab.clicked[seq])
        if fate == "is cut":
            self.cut(tab.page, packed)
        elif fate == "twins":
            answers = together([partial(tab.post, packed)] * 2)
            assert sorted(answer.status for answer in answers) == [200, tab.page.twice]
            for answer in answers:
                if answer.status == 200:
                    tab.take(seq, answer)
        else:
            answer = tab.post(packed)
            if fate != "answer is lost":
                tab.take(seq, answer)
            if fate == "comes twice":
                assert tab.post(packed).status == tab.page.twice
            if fate == "is tried twice":
                assert tab.post(tab.packed(seq, tab.clicked[seq])).status == 200

    def cut(self, page: Page, packed: Packed) -> None:
        """The request is sent, and nobody waits for its answer."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.user.cookies)
        with contextlib.closing(self.user.connect()) as connection:
            headers = {**page.headers(), **packed.headers, "Cookie": cookies}
            body = packed.body if isinstance(packed.body, bytes) else json.dumps(packed.body).encode()
            connection.request("POST", page.urls["call"], body, headers)

    @rule(which=tabs, back=st.integers(0, 5), tried=st.booleans())
    def an_old_request_comes_once_more(self, which: int, back: int, tried: bool) -> None:
        """By the network, or the page has tried it again and the network was slow."""
        tab = self.tabs[which]
        done = sorted(tab.done)
        if done:
            seq = done[-1 - back % len(done)]
            packed = tab.packed(seq, tab.clicked[seq]) if tried else tab.sent[seq]
            assert tab.post(packed).status == (200 if tried else tab.page.twice)

    @rule(which=tabs, ahead=st.integers(1, 3))
    def a_request_comes_too_early(self, which: int, ahead: int) -> None:
        tab, number = self.tabs[which], next(numbers)
        self.refused.add(number)
        last = max(tab.sent, default=0)
        answer = tab.post(tab.packed(last + 1 + ahead, number))
        assert answer.status == 409, "a gap was accepted"

    @rule(which=tabs, lost=st.booleans())
    def fetch(self, which: int, lost: bool) -> None:
        page = self.tabs[which].page
        answer = page.post("poll", {"cursor": page.cursor, "wait": 0})
        assert answer.status == 200
        if not lost:
            page.take(answer.json(), "poll")

    @precondition(lambda self: self.kills < KILLS)
    @rule(in_the_middle=st.booleans())
    def kill(self, in_the_middle: bool) -> None:
        """The pages load themselves again; what was clicked there is over."""
        self.kills += 1
        if in_the_middle and not self.tabs[0].waiting:
            self.click(0, "is lost")
        pid = int(word(self.tabs[0].page, "pid").split()[1])
        if in_the_middle:
            tab = self.tabs[0]
            seq = tab.waiting[0]
            packed = tab.packed(seq, tab.clicked[seq])
            answer, _ = together([partial(tab.post, packed), partial(self.server.kill, pid)])
            if answer.status == 200:
                tab.take(seq, answer)
        else:
            self.server.kill(pid)
        wait_until(lambda: pid not in self.server.pool_processes(), SOON_DONE)
        for tab in self.tabs:
            self.former |= {number: seq in tab.done for seq, number in tab.clicked.items()}
            self.told_that_it_is_over(tab)
        life, missed = self.life, [tab.clicked[seq] for tab in self.tabs for seq in tab.waiting]
        before = self.born
        self.open()
        assert subsequence(self.born, [*before, *life]), "something else than what was written"
        lost = {number for number, done in self.former.items() if done} - set(self.born)
        assert not lost, f"done, and lost: {lost}"
        if self.repeats_after_a_kill:
            for number in missed:
                tab = self.tabs[0]
                tab.clicked[len(tab.clicked) + 1] = number
                self.deliver(0, "arrives")

    def told_that_it_is_over(self, tab: Tab) -> None:
        """At once, or when it tries again."""
        seq, deadline = len(tab.clicked) + 1, time.monotonic() + SOON_DONE
        while (status := tab.post(tab.packed(seq, 0)).status) != 410:
            assert status in TRY_AGAIN
            assert time.monotonic() < deadline, "the page is not told"

    # ---- what must hold

    @invariant()
    def nothing_is_written_twice(self) -> None:
        found = written(self.file)[self.start :]
        assert len(found) == len(set(found)), f"written twice: {found}"
        assert not self.refused.intersection(found), "written although it was refused"

    @invariant()
    def each_tab_is_written_in_its_order(self) -> None:
        life = self.life
        for tab in self.tabs:
            clicked = list(tab.clicked.values())
            found = [number for number in life if number in clicked]
            assert found == clicked[: len(found)], "in another order"
            assert {tab.clicked[seq] for seq in tab.done} <= set(life), "done, and not written"

    @rule()
    def all_arrives(self) -> None:
        deadline = time.monotonic() + SOON_DONE
        for which, tab in enumerate(self.tabs):
            while tab.waiting:
                assert time.monotonic() < deadline, f"{tab.waiting} are not done"
                self.deliver(which, "arrives")
        life = self.life
        self.nothing_is_written_twice()
        assert set(life) == {number for tab in self.tabs for number in tab.clicked.values()}, (
            "not exactly once"
        )
        for tab in self.tabs:
            tab.page.poll()
            assert shown(tab.page) == [*self.born, *life], "the page shows something else"
            tab.page.assert_nothing_lost()
        another = self.page()
        assert shown(another) == [*self.born, *life]
        another.leave()

    def teardown(self) -> None:
        """Its process ends soon, so that there are those of a few stories at a time."""
        self.all_arrives()
        for tab in self.tabs:
            tab.page.leave()


def written(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()]


def shown(page: Page) -> list[int]:
    return [int(number) for number in word(page, "log").split()]


def subsequence(short: list[int], long: list[int]) -> bool:
    rest = iter(long)
    return all(number in rest for number in short)


@contextlib.contextmanager
def ledger(folder: Path, **env: str) -> Iterator[type[Story]]:
    """A machine of such stories, with a server of its own."""
    file = folder / "ledger"
    file.touch()
    env |= {**QUICK, "HTAG_ISOLATION": "session", "HTAG_IDLE_TIMEOUT": "20", "LEDGER_FILE": str(file)}
    workers = 1 if "LEDGER_MISTAKE" in env else 2
    with serve("gunicorn-gevent", "tests.apps.ledger:app", workers=workers, env=env, options=SOON) as server:
        yield type("Story", (Story,), {"server": server, "file": file})


def play(machine: type[Story], number: int = int(os.environ.get("MODEL_SEED", "1"))) -> None:
    """No shrinking: it would take minutes, and a race does not come back."""
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def found(machine: type[Story], number: int) -> str:
    """What was found wrong, with all that has happened before; or only that the story went another way when
    it was told again."""
    error = pytest.raises((AssertionError, Flaky), play, machine, number)
    return "".join(traceback.format_exception(error.value))


def finds(machine: type[Story], told: str) -> bool:
    """Whether stories find that. What they have found may be lost in the telling: then there are others."""
    return any(told in found(machine, number) for number in (1, 2, 3))


def test_whatever_happens_nothing_is_lost_or_done_twice(tmp_path: Path, either: dict[str, str]) -> None:
    with ledger(tmp_path, **either) as machine:
        play(machine)


@pytest.mark.clear(BEHIND)
@pytest.mark.parametrize(("mistake", "told"), TOLD.items())
def test_a_planted_mistake_is_found(tmp_path: Path, mistake: str, told: str) -> None:
    with ledger(tmp_path, LEDGER_MISTAKE=mistake) as machine:
        assert finds(machine, told)


@pytest.mark.clear(BEHIND)
def test_a_client_that_repeats_after_a_kill_is_found(tmp_path: Path) -> None:
    with ledger(tmp_path) as machine:
        machine.repeats_after_a_kill = True
        assert finds(machine, "written twice")
