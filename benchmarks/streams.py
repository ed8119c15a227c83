"""What open streams cost that nobody clicks on: memory, CPU while nothing happens, and clicks beside them.

    python benchmarks/streams.py              some 5 minutes, writes benchmarks/STREAMS.md
    python benchmarks/streams.py --quick      does it all work? few streams, printed only

It needs Linux (/proc); it listens on the loopback only, and ends what it has started.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.command import parser_of, python_of
from bench.generations import WrongReply
from bench.host_page import HostPage
from bench.measure import Clicks, measure_clicks
from bench.pages import Tally
from bench.process_tree import cpu_between, cpu_times, pss_kb
from bench.report import machine, table
from bench.server import BENCHMARKS, Server, ServerFailed
from bench.stacks import gunicorn

SETTLE = 3.0  # seconds after which gunicorn has closed the connections that the pages came by


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        levels: numbers of idle streams, that each server goes through.
        tabs: pages of a session; each number has a server of its own.
        idle: seconds of silence.
        seconds: duration of each of the two click measures.
        clickers: pages that click at the same time, in the second of them.
        warm_up: clicks of each page before they are measured.
        loaders: sessions that are opened at the same time.
        limit: seconds after which a server's measures are given up.
    """

    levels: tuple[int, ...] = (0, 100, 800)
    tabs: tuple[int, ...] = (1, 8)
    idle: float = 15.0
    seconds: float = 5.0
    clickers: int = 10
    warm_up: int = 20
    loaders: int = 8
    limit: float = 240.0


QUICK = Plan(levels=(0, 10, 40), tabs=(1, 4), idle=2.0, seconds=0.5, clickers=3, warm_up=3, limit=60.0)


@dataclass(frozen=True)
class Cost:
    """Of the processes of the web server, and of those of the pool."""

    web: float
    pool: float


@dataclass(frozen=True)
class Level:
    """A server with so many idle streams: its memory in kB, its CPU in ms for each second of silence, the
    clicks of one page and of several."""

    streams: int
    memory: Cost
    idle: Cost
    one: Clicks
    many: Clicks


TEXT = """\
# What idle streams cost

Made by `python benchmarks/streams.py` on {machine}, htag {generation}, gunicorn gevent -w 1, one round.
The machine was shared with other work: the latencies, p99 above all, are upper bounds.

{tables}

- *web* is the one web worker with gunicorn's master; *pool* is the supervisor with the workers that hold the
  instances. Memory is PSS. That of a stream is what it grows by from no idle stream to all of them.
- A session is an instance of the counter, with a thread and an event loop of its own; its tabs share it.
- *Silence* is {idle:g} s in which no page does anything: a stream beats every 15 s, and looks every few
  seconds whether its web worker ends.
- The last line is without idle streams again, as they are cut: clicks that cost more than in the first
  show the other work on the machine. The pool keeps instances and pages for a while, as it has to.
- Clicks are those of pages with streams of their own, each as soon as the last is answered: of one page,
  and of {clickers} at the same time. Their CPU is that of web and pool together, idle streams included."""


async def open_pages(port: int, count: int, tabs: int, loaders: int) -> list[HostPage]:
    """As many pages with their streams, *tabs* of them in a session."""
    opened: list[HostPage] = []
    sessions = iter([min(tabs, count - start) for start in range(0, count, tabs)])

    async def load() -> None:
        for size in sessions:
            cookies = ""
            for _ in range(size):
                opened.append(page := HostPage(port, Tally(), cookies))
                await page.load()
                await page.connect()
                cookies = page.cookies

    try:
        await asyncio.gather(*(load() for _ in range(loaders)))
    except BaseException:
        close(opened)
        raise
    return opened


def close(pages: list[HostPage]) -> None:
    """Cuts all connections of the pages."""
    for page in pages:
        page.close()


def processes(server: Server) -> tuple[set[int], set[int]]:
    """Those of the web server, and those of the pool."""
    pool = server.pool_pids()
    return server.pids() - pool, pool


async def measure_silence(server: Server, seconds: float) -> Cost:
    """CPU in ms for each second in which nothing happens."""
    both = processes(server)
    before = [cpu_times(pids) for pids in both]
    await asyncio.sleep(seconds)
    used = [cpu_between(former, cpu_times(pids)) for former, pids in zip(before, both, strict=True)]
    return Cost(*(each / 1e6 / seconds for each in used))


async def measure_level(server: Server, streams: int, clickers: list[HostPage], plan: Plan) -> Level:
    """All measures of a server with its idle streams open."""
    await asyncio.sleep(SETTLE)
    memory = Cost(*map(pss_kb, processes(server)))
    idle = await measure_silence(server, plan.idle)
    for _ in range(plan.warm_up):
        await asyncio.gather(*(page.click() for page in clickers))
    one = await measure_clicks(server, [clickers[0]], plan.seconds)
    return Level(streams, memory, idle, one, await measure_clicks(server, [*clickers], plan.seconds))


async def measure(server: Server, tabs: int, plan: Plan) -> list[Level]:
    """Every level of one server, and the first one again."""
    pages: list[HostPage] = []
    levels = []
    try:
        clickers = await open_pages(server.port, plan.clickers, 1, plan.loaders)
        pages += clickers
        for _ in range(plan.warm_up):
            await asyncio.gather(*(page.click() for page in clickers))
        for streams in plan.levels:
            print(f"{tabs} tabs in a session, {streams} streams", file=sys.stderr, flush=True)
            missing = streams - (len(pages) - len(clickers))
            pages += await open_pages(server.port, missing, tabs, plan.loaders)
            levels.append(await measure_level(server, streams, clickers, plan))
        close(pages[len(clickers) :])  # how much of the difference is the machine's?
        levels.append(await measure_level(server, 0, clickers, plan))
        return levels
    finally:
        close(pages)


def run(python: str, plan: Plan) -> dict[int, list[Level]]:
    """Every server; by the number of tabs in a session."""
    found = {}
    for tabs in plan.tabs:
        with Server([python, *gunicorn("bench.servers.host", 1)], {"BENCH_APP": "counter"}) as server:
            try:
                found[tabs] = asyncio.run(asyncio.wait_for(measure(server, tabs, plan), plan.limit))
            except (OSError, WrongReply, asyncio.TimeoutError) as error:
                raise ServerFailed(f"{error!r}\n{server.log_tail()}") from error
    return found


def tables(levels: list[Level], tabs: int) -> str:
    """The figures of one server."""
    none, full = levels[0], levels[-2]
    web = (full.memory.web - none.memory.web) / full.streams
    pool = (full.memory.pool - none.memory.pool) / full.streams
    costs = [
        [str(level.streams), f"{level.memory.web / 1024:.0f}", f"{level.memory.pool / 1024:.0f}"]
        + [f"{level.idle.web:.1f}", f"{level.idle.pool:.1f}"]
        for level in levels
    ]
    clicks = [[str(level.streams), *figures(level.one), *figures(level.many)] for level in levels]
    each = ["p50 ms", "p99 ms", "CPU µs per click"]
    return "\n\n".join(
        [
            f"## Tabs in a session: {tabs}",
            f"Memory of an idle stream: **{web:.0f} kB in the web worker, {pool:.0f} kB in the pool.**",
            table(
                ["idle streams", "web MB", "pool MB", "silence: web CPU ms per s", "pool CPU ms per s"],
                costs,
                words=0,
            ),
            table(
                ["idle streams", f"one page: {each[0]}", *each[1:], f"several: {each[0]}", *each[1:]],
                clicks,
                0,
            ),
        ]
    )


def figures(clicks: Clicks) -> list[str]:
    """What is told of clicks."""
    return [f"{clicks.p50:.2f}", f"{clicks.p99:.2f}", f"{clicks.cpu:.0f}"]


def report(found: dict[int, list[Level]], plan: Plan, generation: str) -> str:
    """STREAMS.md."""
    return TEXT.format(
        machine=machine(),
        generation=generation,
        tables="\n\n".join(tables(levels, tabs) for tabs, levels in found.items()),
        idle=plan.idle,
        clickers=plan.clickers,
    )


def main() -> None:
    """The command line."""
    args = parser_of(__doc__, "few streams, for a moment: does it work?").parse_args()
    plan = QUICK if args.quick else Plan()
    python = python_of(args)
    # The server inherits it: a stream takes a descriptor here, and three of the server.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the servers are ended first
    try:
        text = report(run(python, plan), plan, args.htag)
    except (KeyboardInterrupt, ServerFailed) as error:
        sys.exit(f"nothing is written: {error!r}")
    if args.quick:
        print(text)
    else:
        Path(BENCHMARKS, "STREAMS.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
