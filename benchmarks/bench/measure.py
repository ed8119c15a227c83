"""The measures of one stack with one app, on one fresh server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from .generations import WrongReply
from .pages import Page, Tally
from .process_tree import cpu_between, cpu_times, pss_kb
from .server import BENCHMARKS, Server, ServerFailed
from .stacks import Stack

# Seconds between two clicks of one page among many: a gevent worker reads on from a connection that always
# has a next request ready and lets the others starve, which no browser makes it do.
PAUSE = 0.001
SETTLE = 0.5  # seconds for what follows the opening of pages


@dataclass(frozen=True)
class Plan:
    """How much is measured: everything is bounded in number and in time.

    Attributes:
        rounds: how often each stack is measured.
        clients: pages that click at the same time, and sessions over which memory is measured.
        earlier: sessions opened before those, by which every process of a pool has its first one.
        seconds: duration of each of the two click measures.
        pages: first pages loaded one after the other.
        parallel_pages: bound of the pages loaded by `loaders` at the same time.
        page_seconds: bound of the time for each of the two page measures.
        bare_clicks: clicks on htag alone.
        warm_up: clicks of each page before they are measured.
        limit: seconds after which a server's measures are given up.
    """

    rounds: int = 5
    clients: int = 50
    earlier: int = 10
    seconds: float = 3.0
    pages: int = 30
    parallel_pages: int = 300
    loaders: int = 10
    page_seconds: float = 5.0
    bare_clicks: int = 2000
    warm_up: int = 20
    limit: float = 120.0


QUICK = Plan(
    rounds=1,
    clients=5,
    earlier=4,
    seconds=0.4,
    pages=3,
    parallel_pages=10,
    loaders=3,
    page_seconds=1.0,
    bare_clicks=100,
    warm_up=3,
    limit=30.0,
)


@dataclass(frozen=True)
class Clicks:
    """Interactions: a rate in 1/s, latencies in ms, CPU of the server's tree and of the load client per
    interaction in us, and the load client's share of one core."""

    rate: float
    p50: float
    p99: float
    cpu: float
    client_cpu: float
    client_share: float


@dataclass(frozen=True)
class Pages:
    """First pages: p50 in ms (one after the other), rate in 1/s and CPU of the tree per page in us (in
    parallel)."""

    p50: float
    rate: float
    cpu: float


@dataclass(frozen=True)
class Sample:
    """One round of one stack with one app; memory per session and of the tree with one, in kB of PSS."""

    one: Clicks
    many: Clicks
    pages: Pages | None
    session_kb: float | None
    tree_kb: float
    tally: Tally


@dataclass(frozen=True)
class Bare:
    """One round of htag alone: CPU of a page and of a click, in us."""

    page: float
    click: float


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def measure_clicks(server: Server, pages: list[Page], seconds: float) -> Clicks:
    """Let every page click for some seconds, each click as soon as the last one is answered."""
    latencies: list[float] = []
    before = cpu_times(server.pids())
    own, start = time.process_time(), time.perf_counter()
    until = start + seconds

    async def run(page: Page) -> None:
        while (clicked := time.perf_counter()) < until:
            await page.click()
            latencies.append((time.perf_counter() - clicked) * 1e3)
            if len(pages) > 1:
                await asyncio.sleep(PAUSE)

    await asyncio.gather(*map(run, pages))
    elapsed, own = time.perf_counter() - start, time.process_time() - own
    cpu, count = cpu_between(before, cpu_times(server.pids())), len(latencies)
    return Clicks(
        count / elapsed,
        percentile(latencies, 0.5),
        percentile(latencies, 0.99),
        cpu / 1e3 / count,
        own / count * 1e6,
        own / elapsed,
    )


async def measure_pages(server: Server, new_page: Callable[[], Page], plan: Plan) -> Pages:
    """Load first pages, one after the other and then in parallel, each with a new session and connection."""
    latencies: list[float] = []

    async def load_until(deadline: float, count: int) -> None:
        while time.perf_counter() < deadline and len(latencies) < count:
            page, start = new_page(), time.perf_counter()
            await page.load()
            latencies.append((time.perf_counter() - start) * 1e3)

    await load_until(time.perf_counter() + plan.page_seconds, plan.pages)
    p50 = percentile(latencies, 0.5)
    latencies.clear()
    before, start = cpu_times(server.pids()), time.perf_counter()
    await asyncio.gather(
        *(load_until(start + plan.page_seconds, plan.parallel_pages) for _ in range(plan.loaders))
    )
    elapsed = time.perf_counter() - start
    cpu = cpu_between(before, cpu_times(server.pids()))
    return Pages(p50, len(latencies) / elapsed, cpu / 1e3 / len(latencies))


async def measure_server(server: Server, stack: Stack, plan: Plan) -> Sample:
    """All measures of a server that has just started: one client, memory, many clients, pages."""
    tally = Tally()
    opened: list[Page] = []

    def new_page() -> Page:
        opened.append(stack.page(server.port, tally))
        return opened[-1]

    async def open_page(clicks: int) -> Page:
        page = new_page()
        await page.load()
        await page.connect()
        for _ in range(clicks):
            await page.click()
        return page

    try:
        first = await open_page(plan.warm_up)
        one = await measure_clicks(server, [first], plan.seconds)
        alone = pss_kb(server.pids())
        for _ in range(plan.earlier):
            await open_page(1)
        await asyncio.sleep(SETTLE)
        base = pss_kb(server.pids())
        others = [await open_page(1) for _ in range(plan.clients)]
        await asyncio.sleep(SETTLE)
        session_kb = (pss_kb(server.pids()) - base) / plan.clients if stack.has_sessions else None
        for _ in range(plan.warm_up):
            await asyncio.gather(*(page.click() for page in others))
        many = await measure_clicks(server, others, plan.seconds)
        await asyncio.gather(*(page.leave() for page in opened))
        for page in opened:
            page.close()
        pages = await measure_pages(server, new_page, plan) if stack.has_sessions else None
    finally:
        for page in opened:
            page.close()
    return Sample(one, many, pages, session_kb, alone, tally)


async def measure_stack(stack: Stack, python: str, app: str, plan: Plan) -> Sample:
    """Start a fresh server and measure it.

    Raises:
        ServerFailed: it did not start, did not answer as it has to, or took longer than the plan's limit.
    """
    with Server([python, *stack.command], {"BENCH_APP": app, **stack.env}) as server:
        try:
            return await asyncio.wait_for(measure_server(server, stack, plan), plan.limit)
        except (OSError, WrongReply, asyncio.TimeoutError) as error:
            raise ServerFailed(f"{error!r}\n{server.log_tail()}") from error


def measure_bare(python: str, app: str, plan: Plan) -> Bare:
    """Measure htag alone, with as many pages alive as the servers have."""
    command = [python, "-m", "bench.bare", app, str(plan.bare_clicks), str(plan.clients)]
    run = subprocess.run(
        command, cwd=BENCHMARKS, capture_output=True, text=True, timeout=plan.limit, check=True
    )
    figures = json.loads(run.stdout.splitlines()[-1])
    return Bare(figures["page_us"], figures["click_us"])
