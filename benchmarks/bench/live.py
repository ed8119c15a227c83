"""Live instances: what a page and a click cost beside many of them, and the memory of one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from .generations import WrongReply
from .measure import SETTLE, measure_clicks, percentile
from .pages import Page, Tally
from .process_tree import cpu_between, cpu_times, pss_kb
from .server import Server, ServerFailed
from .stacks import Stack, host_stack

PAGES = 40  # loaded one after the other, for each count
SECONDS = 2.0  # of clicks
LOADERS = 8
LIMIT = 600.0  # seconds for a stack


@dataclass(frozen=True)
class Live:
    """The measures beside a number of live instances: medians in ms, CPU of the server's tree in us, and the
    growth of its memory by an instance, in kB of PSS."""

    count: int
    page: float
    page_cpu: float
    click: float
    click_cpu: float
    kb: float | None


def live_stacks() -> list[Stack]:
    """One worker for all instances; htag 1 also as it is."""
    stacks = [host_stack(generation, 1, {"workers": 1}) for generation in (1, 2)]
    plain = {**stacks[0].env, "HTAG_FAST": "0"}
    return [stacks[0], replace(stacks[0], name=f"{stacks[0].name}, HTAG_FAST=0", env=plain), stacks[1]]


async def _open(server: Server, stack: Stack, number: int) -> None:
    """Pages of new sessions that click once, as those of robots do not; their connections are closed, their
    instances live on."""
    missing = iter(range(number))

    async def load() -> None:
        for _ in missing:
            page = stack.page(server.port, Tally())
            await page.load()
            await page.connect()
            await page.click()
            page.close()

    await asyncio.gather(*(load() for _ in range(LOADERS)))


async def _pages(server: Server, stack: Stack) -> tuple[float, float]:
    """The time and the CPU of a page."""
    latencies, before = [], cpu_times(server.pids())
    for _ in range(PAGES):
        page, start = stack.page(server.port, Tally()), time.perf_counter()
        await page.load()
        latencies.append((time.perf_counter() - start) * 1e3)
        await page.leave()
        page.close()
    cpu = cpu_between(before, cpu_times(server.pids()))
    return percentile(latencies, 0.5), cpu / 1e3 / PAGES


async def _measure(server: Server, stack: Stack, counts: list[int]) -> list[Live]:
    first: Page = stack.page(server.port, Tally())
    found: list[Live] = []
    try:
        await first.load()
        await first.connect()
        await measure_clicks(server, [first], SETTLE)
        base = pss_kb(server.pids())
        opened = 0
        for count in counts:
            await _open(server, stack, count - opened)
            opened = count
            await asyncio.sleep(SETTLE)
            kb = (pss_kb(server.pids()) - base) / count if count else None
            clicks = await measure_clicks(server, [first], SECONDS)
            page, cpu = await _pages(server, stack)
            found.append(Live(count, page, cpu, clicks.p50, clicks.cpu, kb))
    finally:
        first.close()
    return found


async def measure_live(stack: Stack, python: str, app: str, counts: list[int]) -> list[Live]:
    """Starts a fresh server and measures it beside so many live instances, one count after the other.

    Raises:
        ServerFailed: it did not start, did not answer as it has to, or took too long.
    """
    with Server([python, *stack.command], {"BENCH_APP": app, **stack.env}) as server:
        try:
            return await asyncio.wait_for(_measure(server, stack, counts), LIMIT)
        except (OSError, WrongReply, asyncio.TimeoutError) as error:
            raise ServerFailed(f"{error!r}\n{server.log_tail()}") from error
