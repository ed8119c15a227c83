"""What a click costs with each kind of sessions, when it changes tag.state and when it does not.

    python benchmarks/sessions.py              5 rounds, some 6 minutes, writes benchmarks/SESSIONS.md
    python benchmarks/sessions.py --quick      does it all work? 1 short round, printed only

It needs Linux (/proc) and a redis-server; it listens on the loopback only, and ends what it has started.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from bench.command import parser_of, python_of
from bench.host_page import HostPage
from bench.measure import QUICK, Clicks, Plan, measure_clicks
from bench.pages import Tally
from bench.report import machine, ratio, table
from bench.server import BENCHMARKS, Server
from bench.stacks import gunicorn

KINDS = ("unwatched", "files", "memory", "redis")
CASES = [
    (kind, app) for kind in KINDS for app in ("counter", "notes") if (kind, app) != ("unwatched", "notes")
]

TEXT = """\
# What sessions cost a click

Made by `python benchmarks/sessions.py` on {machine}, {rounds} rounds of {seconds:g} s, htag {generation},
gunicorn gevent -w 1, {clients} pages that click at the same time. CPU is that of the server's process tree
(web and pool, without the Redis server) for each click, the median of the rounds; the ratios are taken within
a round and given as median (least–greatest).

{table}

- *unchanged*: the click changes the page only. The ratio is to clicks of pages whose session is never
  looked at.
- *changed*: the click also changes `tag.state`, which is stored before the browser has the answer. The
  ratio is to unchanged clicks of the same kind."""


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of our own, as a URL."""
    folder = tempfile.mkdtemp(prefix="hb-")
    program = shutil.which("redis-server") or sys.exit("install redis-server")
    process = subprocess.Popen(
        [program, "--port", "0", "--unixsocket", f"{folder}/s", "--dir", folder, "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        while not os.path.exists(f"{folder}/s"):
            time.sleep(0.02)
        yield f"unix://{folder}/s"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


async def measure(server: Server, plan: Plan) -> Clicks:
    """Pages that click at the same time."""
    pages = [HostPage(server.port, Tally()) for _ in range(plan.clients)]
    try:
        for page in pages:
            await page.load()
            await page.connect()
        for _ in range(plan.warm_up):
            await asyncio.gather(*(page.click() for page in pages))
        return await measure_clicks(server, pages, plan.seconds)
    finally:
        for page in pages:
            page.close()


def run(python: str, plan: Plan, redis: str) -> dict[tuple[str, str], list[Clicks]]:
    """All rounds; the cases take turns in being the first."""
    found: dict[tuple[str, str], list[Clicks]] = {case: [] for case in CASES}
    for number in range(plan.rounds):
        turn = number % len(CASES)
        for kind, app in CASES[turn:] + CASES[:turn]:
            print(f"round {number + 1}, {kind}, {app}", file=sys.stderr, flush=True)
            env = {"BENCH_APP": app, "BENCH_KIND": kind, "BENCH_REDIS": redis}
            with Server([python, *gunicorn("bench.servers.sessions", 1)], env) as server:
                found[kind, app].append(asyncio.run(asyncio.wait_for(measure(server, plan), plan.limit)))
    return found


def report(found: dict[tuple[str, str], list[Clicks]], plan: Plan, generation: str) -> str:
    """SESSIONS.md."""
    floor: list[float | None] = [clicks.cpu for clicks in found["unwatched", "counter"]]
    rows = []
    for kind in KINDS[1:]:
        for app, name in (("counter", "unchanged"), ("notes", "changed")):
            clicks = found[kind, app]
            cpu: list[float | None] = [each.cpu for each in clicks]
            base = floor if app == "counter" else [each.cpu for each in found[kind, "counter"]]
            figures = f"{median(each.cpu for each in clicks):.0f}", f"{median(c.p50 for c in clicks):.1f}"
            rows.append([kind, name, *figures, ratio(cpu, base)])
    text = table(["kind", "state", "CPU µs per click", "p50 ms", "ratio"], rows, words=2)
    return TEXT.format(
        machine=machine(),
        rounds=plan.rounds,
        seconds=plan.seconds,
        clients=plan.clients,
        generation=generation,
        table=text,
    )


def main() -> None:
    """The command line."""
    parser = parser_of(__doc__, "one short round: does it work?")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    plan = QUICK if args.quick else Plan(rounds=args.rounds)
    python = python_of(args)
    with suppress(KeyboardInterrupt), redis_server() as redis:
        text = report(run(python, plan, redis), plan, args.htag)
        if args.quick:
            print(text)
        else:
            Path(BENCHMARKS, "SESSIONS.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
