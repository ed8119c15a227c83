"""Many live instances, in one process or in one for each session; and how soon a new session has its page.

    python benchmarks/instances.py                  some 6 minutes, writes benchmarks/INSTANCES.md
    python benchmarks/instances.py --quick          does it all work? few instances, printed only
    python benchmarks/instances.py --only shared    or session, or start: printed only

It needs Linux (/proc); it listens on the loopback only, and ends what it has started.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench.environments import ensure
from bench.live import Live, measure_live
from bench.report import machine, table
from bench.server import BENCHMARKS, ServerFailed
from bench.stacks import PEER, Stack, host_stack

APP = "counter"
ROUNDS = 2  # of starts, in which the stacks take turns
PARTS = ("shared", "session", "start")

Found = list[tuple[Stack, Live]]

TEXT = """\
# Many live instances

Made by `python benchmarks/instances.py` on {machine}, gunicorn gevent -w 1, the counter of the benchmarks.
The machine was shared with other work: the latencies are upper bounds. CPU is that of the server's process
tree.

{parts}

- Memory is what the server's process tree (PSS) has grown by, for each instance. Each has been clicked on
  once, and has no channel open: [STREAMS.md](STREAMS.md) tells what a stream adds.
- Pages are those of new sessions, one after the other. Clicks are those of one page with its stream, beside
  all the instances."""

TITLES = {
    "shared": "One process for all",
    "session": "A process for each session",
    "start": "The first page of a new session",
}


def shared() -> list[Stack]:
    """One worker for all instances."""
    options: dict[str, object] = {"workers": 1, "instances": 10_000}
    return [named(host_stack(generation, 1, options), f"htag {generation}") for generation in (1, 2)]


def session(*preloads: str) -> list[Stack]:
    """A worker for each session."""
    return [
        named(
            host_stack(generation, 1, {"isolation": "session", "preload": preload}),
            f"htag {generation}, preload={preload}",
        )
        for generation in (1, 2)
        for preload in preloads
    ]


def named(stack: Stack, title: str) -> Stack:
    """The same, by what is different here."""
    return replace(stack, title=title)


def measure(part: str, pythons: dict[str, str], quick: bool) -> Found:
    """All figures of a part."""
    if part == "start":
        anew = session("none")[:1]
        stacks = [*shared(), *session("app", "htag"), *anew, named(PEER, "htagweb 1.0.0, htag 1")]
        rounds = [stacks[number:] + stacks[:number] for number in range(1 if quick else ROUNDS)]
        return [found for turn in rounds for found in measure_each(turn, pythons, [0])]
    if part == "shared":
        return measure_each(shared(), pythons, [0, 20] if quick else [0, 1000, 5000])
    return measure_each(session("app", "htag"), pythons, [10] if quick else [200])


def measure_each(stacks: list[Stack], pythons: dict[str, str], counts: list[int]) -> Found:
    """Each stack, with so many instances one after the other."""
    found = []
    for stack in stacks:
        print(f"{stack.title}: {counts}", file=sys.stderr, flush=True)
        measures = asyncio.run(measure_live(stack, pythons[stack.environment], APP, counts))
        found += [(stack, live) for live in measures]
    return found


def section(part: str, found: Found) -> str:
    """The figures of a part."""
    if part == "start":
        return starts(found)
    rows = [
        [stack.title, f"{live.count}", "" if live.kb is None else f"{live.kb:.0f}", f"{live.page:.1f}"]
        + [f"{live.page_cpu / 1e3:.1f}", f"{live.click:.2f}", f"{live.click_cpu:.0f}"]
        for stack, live in found
    ]
    titles = [
        "",
        "instances",
        "kB each",
        "page p50 ms",
        "CPU ms per page",
        "click p50 ms",
        "CPU µs per click",
    ]
    return f"## {TITLES[part]}\n\n{table(titles, rows)}"


def starts(found: Found) -> str:
    """The medians of the rounds."""
    lives: dict[str, list[Live]] = {}
    for stack, live in found:
        lives.setdefault(stack.title, []).append(live)
    rows = [
        [name if "preload" in name or "htagweb" in name else f"{name}, one process for all"]
        + [f"{median(each.page for each in them):.1f}", f"{median(each.page_cpu for each in them) / 1e3:.1f}"]
        for name, them in lives.items()
    ]
    return f"## {TITLES['start']}\n\n{table(['', 'page p50 ms', 'CPU ms per page'], rows)}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few instances: does it work?")
    parser.add_argument("--only", choices=PARTS, help="a part of it, printed")
    parser.add_argument(
        "--python", action="append", default=[], help="as htag1=PATH: one that is there already"
    )
    args = parser.parse_args()
    given = dict(choice.split("=", 1) for choice in args.python)
    pythons = {name: given.get(name) or ensure(name) for name in ("htag1", "htag2", "htagweb")}
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the servers are ended first
    parts = [args.only] if args.only else list(PARTS)
    try:
        sections = [section(part, measure(part, pythons, args.quick)) for part in parts]
    except (KeyboardInterrupt, ServerFailed) as error:
        sys.exit(f"nothing is written: {error!r}")
    text = "\n\n".join(sections)
    if args.quick or args.only:
        print(text)
    else:
        Path(BENCHMARKS, "INSTANCES.md").write_text(TEXT.format(machine=machine(), parts=text) + "\n")


if __name__ == "__main__":
    main()
