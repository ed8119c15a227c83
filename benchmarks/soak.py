"""A hundred visitors for ten minutes, while processes are killed at random: is anything lost, does it grow?

    python benchmarks/soak.py                 10 minutes, writes benchmarks/SOAK.md
    python benchmarks/soak.py --quick         does it all work? 20 s, printed only

In the first half of the time processes are killed. In the other half none is: three crowds come, one after
the other, and when each has left nothing may have grown. It needs Linux (/proc); it listens on the loopback
only, and ends what it has started. Exits with status 1 when something was lost or is left.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.command import parser_of, python_of
from bench.generations import WrongReply
from bench.process_tree import descendants, pss_kb, zombies
from bench.report import machine, table
from bench.server import BENCHMARKS, Server
from bench.stacks import gunicorn
from bench.visitor import Notes, SoakPage, Visitor

sys.path.insert(0, str(BENCHMARKS.parent))

from htagweb_flask import HtagError, pools  # noqa: E402

IDLE = 20.0  # seconds that an instance without a page is kept
KEPT = 60.0  # seconds that a page is waited for which closed without a word
VERIFIED = 400  # sessions whose content is looked at when all is over
FILES = 60  # open files of a process, beside two connections for each visitor
THREADS = 4  # of a process in which no instance is: the supervisor has one for each worker
CROWDS = 3  # that come in the half of the time without kills
REST = 15.0  # seconds until processes have given back what who has left has used (pool/resources.py)
GROWTH = 1.05  # of memory after a crowd, to that after the one before


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        seconds: of it all.
        visitors: at the same time.
        think: seconds between two things that a visitor does, on average.
        pause: seconds between two kills, on average.
        look: seconds between two looks at memory, files, threads and zombies.
    """

    seconds: float = 600.0
    visitors: int = 100
    think: float = 1.0
    pause: float = 6.0
    look: float = 10.0

    @property
    def kills(self) -> float:
        """Seconds with kills."""
        return self.seconds / 2

    @property
    def crowd(self) -> float:
        """Seconds of a crowd without kills."""
        return (self.seconds - self.kills) / CROWDS


@dataclass
class Look:
    """The processes at one time."""

    at: float
    memory: int  # kB of PSS, all together
    processes: int
    instances: int
    files: int  # all together
    zombies: set[int]


@dataclass
class Course:
    """What happens to the server."""

    server: Server
    notes: Notes
    start: float = field(default_factory=time.monotonic)
    kills: Counter[str] = field(default_factory=Counter)
    looks: list[Look] = field(default_factory=list)
    empty: list[Look] = field(default_factory=list)  # each when all pages had been closed

    def look(self) -> Look:
        """At all processes."""
        pids = self.server.pids()
        files = sum(map(files_of, pids))
        look = Look(
            time.monotonic() - self.start, pss_kb(pids), len(pids), self.instances(), files, zombies(pids)
        )
        self.looks.append(look)
        return look

    def instances(self) -> int:
        """How many there are."""
        try:
            return sum(
                len(worker.instances)
                for pool in pools(str(self.server.directory / "r"))
                for worker in pool.state().workers
            )
        except HtagError:  # it was killed just now
            return 0

    async def watch(self, every: float) -> None:
        """Look again and again."""
        while True:
            await asyncio.get_running_loop().run_in_executor(None, self.look)
            await asyncio.sleep(every)

    async def kill(self, pause: float, until: float) -> None:
        """Kill something again and again, until that time of the monotonic clock."""
        while time.monotonic() < until:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            what = random.choice(("web worker", "pool worker", "supervisor", "session, by command"))
            try:
                if await asyncio.get_running_loop().run_in_executor(None, self._kill, what):
                    self.kills[what] += 1
            except (HtagError, ProcessLookupError):
                continue  # something else has ended it

    def _kill(self, what: str) -> bool:
        if what == "web worker":
            assert self.server.process is not None
            webs = (
                descendants([self.server.process.pid]) - {self.server.process.pid} - self.server.pool_pids()
            )
            return kill_one(webs)
        for pool in pools(str(self.server.directory / "r")):
            if what == "supervisor":
                return kill_one({pool.pid})
            workers = pool.state().workers
            if what == "pool worker":
                return kill_one({worker.pid for worker in workers})
            sessions = [one.session for worker in workers for one in worker.instances]
            return bool(sessions and pool.kill(session=random.choice(sessions)).instances)
        return False


def kill_one(pids: set[int]) -> bool:
    """SIGKILL to one of them."""
    if pids:
        os.kill(random.choice(sorted(pids)), signal.SIGKILL)
    return bool(pids)


def files_of(pid: int) -> int:
    """How many files a process has open."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def threads_of(pid: int) -> int:
    """How many threads a process has."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


async def soak(server: Server, plan: Plan) -> Course:
    """All of it."""
    course = Course(server, Notes())
    visitors = [Visitor(server.port, course.notes, plan.think) for _ in range(plan.visitors)]
    watching = asyncio.ensure_future(course.watch(plan.look))
    now = time.monotonic()
    await asyncio.gather(course.kill(plan.pause, now + plan.kills), crowd(visitors, plan.kills))
    await emptied(course, plan)
    for _ in range(CROWDS):
        await crowd(visitors, plan.crowd)
        await emptied(course, plan)
    await verify(course, visitors)
    await emptied(course, plan)
    judge(course)
    watching.cancel()
    return course


async def crowd(visitors: list[Visitor], seconds: float) -> None:
    """All of them use it, and leave."""
    until = time.monotonic() + seconds
    await asyncio.gather(*(visitor.run(until) for visitor in visitors))


async def verify(course: Course, visitors: list[Visitor]) -> None:
    """Every session holds what was acknowledged; of many, as many as can be looked at."""
    accounts = [account for visitor in visitors for account in visitor.accounts if account.cookies]
    for account in random.sample(accounts, min(len(accounts), VERIFIED)):
        page = SoakPage(course.server.port, account, course.notes)
        try:
            await page.open()
            course.notes.counts["sessions that were verified"] += 1
        except (OSError, WrongReply) as error:
            course.notes.error(f"a session cannot be looked at: {error}")
        await page.end(leave=True)


async def emptied(course: Course, plan: Plan) -> None:
    """When all pages are closed, all instances end; then nothing may be left of them."""
    until = time.monotonic() + IDLE + KEPT + 60
    while course.instances() and time.monotonic() < until:
        await asyncio.sleep(1)
    await asyncio.sleep(REST)
    last = course.look()
    course.empty.append(last)
    if last.instances:
        course.notes.error(f"{last.instances} instances did not end")
    for pid in sorted(course.server.pids()):
        if (files := files_of(pid)) > FILES + 2 * plan.visitors:
            course.notes.error(f"process {pid} has {files} open files")
    for pid in course.server.pool_pids():
        if (threads := threads_of(pid)) > THREADS:
            course.notes.error(f"process {pid} of the pool has {threads} threads")


def judge(course: Course) -> None:
    """What the looks at the processes say. The first crowd without kills fills new processes."""
    after = [look.memory for look in course.empty[1:]]
    for earlier, later in itertools.pairwise(after):
        if later > GROWTH * earlier:
            course.notes.error(f"memory grows: {earlier} kB after a crowd, {later} kB after the next")
    for before, after_it in itertools.pairwise(course.looks):
        if both := before.zombies & after_it.zombies:
            course.notes.error(f"zombies: {sorted(both)}")


TEXT = """\
# A soak

Made by `python benchmarks/soak.py` on {machine}, htag {generation}, gunicorn gevent -w 4, two
workers of the pool: {visitors} visitors for {seconds:.0f} s, each doing something every {think:g} s. In the
first {kills:.0f} s a process was killed (SIGKILL) or a session ended by command every {pause:g} s; then
none was, and {crowds} crowds of {crowd:.0f} s came one after the other. {verdict}

{done}

{killed}

A page that was lost, or a server that was away, was back after {back} s (median; at most {longest} s).

{empty}

{looks}

Memory is that of all processes together (PSS). Errors would be: a page that shows another number than what
was acknowledged (a click whose process was killed may be in it or not); a push that comes twice,
or not in order; a request without an answer; instances, threads or files that are left; a process that nobody
waits for (zombie); more than {growth:.0%} more memory after a crowd than after the one before.

What a web process keeps of its visitors is bounded: the last 4,096 tokens (5 MB), and for 100,000 sessions
when they were given their cookie (0.2 MB for each thousand of new ones).
"""


def report(course: Course, plan: Plan, generation: str) -> str:
    """SOAK.md."""
    notes = course.notes
    every = max(1, len(course.looks) // 20)
    shown = [*course.looks[:-1:every], course.looks[-1]]
    rows = [
        [f"{at.at:.0f}", str(at.processes), str(at.instances), f"{at.memory / 1024:.0f}", str(at.files)]
        for at in shown
    ]
    absences = notes.absences or [0.0]
    return TEXT.format(
        machine=machine(),
        generation=generation,
        visitors=plan.visitors,
        seconds=plan.seconds,
        think=plan.think,
        kills=plan.kills,
        pause=plan.pause,
        verdict=f"**{len(notes.wrong)} errors.**"
        if notes.wrong
        else "**Nothing was lost, nothing is left.**",
        done=counted("what was done", notes.counts),
        killed=counted("what was killed", course.kills),
        back=f"{median(absences):.1f}",
        longest=f"{max(absences):.1f}",
        crowds=CROWDS,
        crowd=plan.crowd,
        growth=GROWTH - 1,
        empty=table(
            ["when all pages were closed", "memory MB", "open files"],
            [
                [name, f"{look.memory / 1024:.0f}", str(look.files)]
                for name, look in zip(stages(), course.empty, strict=True)
            ],
        ),
        looks=table(["second", "processes", "instances", "memory MB", "open files"], rows),
    )


def stages() -> list[str]:
    """Names of the moments in which all pages are closed."""
    crowds = [f"after crowd {number} without kills" for number in range(1, CROWDS + 1)]
    return ["after the kills", *crowds, "after the looks at all sessions"]


def counted(title: str, counts: Counter[str]) -> str:
    """A table of figures."""
    return table([title, "times"], [[name, f"{number:,}"] for name, number in sorted(counts.items())])


def main() -> None:
    """The command line."""
    parser = parser_of(__doc__, "20 seconds: does it work?")
    parser.add_argument("--minutes", type=float, default=10.0)
    args = parser.parse_args()
    quick = Plan(seconds=20, visitors=20, think=0.5, pause=2.0, look=2.0)
    plan = quick if args.quick else Plan(seconds=60 * args.minutes)
    python = python_of(args)
    with Server([python, *gunicorn("bench.servers.soak", 4)], {"HTAG_IDLE_TIMEOUT": f"{IDLE:g}"}) as server:
        course = asyncio.run(soak(server, plan))
        log = server.log_tail(40)
    text = report(course, plan, args.htag)
    if args.quick or course.notes.wrong:
        print(text)
    else:
        Path(BENCHMARKS, "SOAK.md" if args.htag == "2" else "SOAK1.md").write_text(text)
    if course.notes.wrong:
        print(*course.notes.wrong[:50], "\n", log, sep="\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
