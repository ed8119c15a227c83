"""What parano costs: a page, a click, a push, 1 MB and 3 MB, sealed and in clear, in alternating rounds.

    python benchmarks/parano.py              5 rounds, some 3 minutes, writes benchmarks/PARANO.md
    python benchmarks/parano.py --quick      does it all work? 1 short round, printed only

It is run by the environment of the tests with htag 2 (make test has made it), as its page is that of the
tests. It needs Linux (/proc), listens on the loopback only, and ends what it has started.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.process_tree import cpu_between, cpu_times, descendants  # noqa: E402
from bench.report import machine, ratio, table  # noqa: E402

from tests.http_client import User  # noqa: E402
from tests.http_sealed import Knock, SealedPage  # noqa: E402
from tests.server.desk import press  # noqa: E402
from tests.servers import Server, serve  # noqa: E402

WAYS = {"/clear/": "in clear", "/": "sealed"}
"""The app's paths."""

MEGABYTE = 1_000_000

TEXT = """\
# What parano costs

Made by `python benchmarks/parano.py` on {machine}, the median of {rounds} rounds, htag 2,
gunicorn gevent -w 1, one page at a time. CPU is that of the server's processes (web and pool); the ratio is
taken within a round and given as median (least–greatest); the difference, too, is the median of the rounds.
The time is that of a page in Python, whose own part in sealing is in it.{load}

{table}

- *keys*: the two messages by which page and process agree on them. That is a part of the page.
- *page*: that of a new visitor, with an instance. In clear it is one request, sealed it is three: the page
  that is the same for everybody, and that browsers may keep; the keys; the page itself. Scripts are not
  counted: browsers keep them for ever. Three requests are the limit.
- *click*: one that changes the page; it may cost 500 µs more. *push*: a click that pushes 0.1 s later, and
  the poll that takes it.
- *1 MB up*, *3 MB up*: a click that brings so much along. *down*: one whose answer does."""

BUSY = "\nThe machine had other work meanwhile (a load of up to {:.1f}): the figures are upper bounds."
LOADED = 1.5
"""Load of the machine above which the figures are upper bounds."""


def cost(server: Server, work: Callable[[], object], times: int) -> tuple[float, float]:
    """CPU of the server, and time, for each of so many times: in µs and ms."""
    spent = []
    before = cpu_times(descendants([server.pid, *server.pool_pids()]))
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    after = cpu_times(descendants([server.pid, *server.pool_pids()]))
    return cpu_between(before, after) / times / 1000, median(spent) * 1000


def measured(server: Server, way: str, times: int) -> dict[str, tuple[float, float]]:
    """One round of one way."""
    page = User(server.url).open(way)
    page.announce()

    def agree() -> None:
        Knock(User(server.url), way, shell=shell).key()

    def load() -> None:
        User(server.url).open(way).leave()

    def push() -> None:
        page.click("later")
        while not page.poll(5)["payloads"]:
            pass

    def up(size: int) -> None:
        button = page.find("send", tag="button").attributes["id"]
        page.call(page.event(button, "sent", sent="x" * size))

    page.click("more")
    few = max(times // 20, 2)
    found = {}
    if isinstance(page, SealedPage):
        shell = page.user.get(way)
        found["keys"] = cost(server, agree, 2 * few)
    found["page"] = cost(server, load, 2 * few)
    found["click"] = cost(server, lambda: page.click("more"), times)
    found["push"] = cost(server, push, few)
    for megabytes in (1, 3):
        size = megabytes * MEGABYTE
        found[f"{megabytes} MB up"] = cost(server, lambda size=size: up(size), few)
        found[f"{megabytes} MB down"] = cost(server, lambda size=size: press(page, "much", n=size), few)
        press(page, "much", n=1)
    return found


def rows(results: dict[str, list[dict[str, tuple[float, float]]]]) -> list[list[str]]:
    """Those of the table."""
    found = []
    for what in results["/"][0]:
        for way, name in WAYS.items():
            if what not in results[way][0]:
                continue
            cpu = [each[what][0] for each in results[way]]
            row = [what, name, f"{median(cpu):.0f}", f"{median(each[what][1] for each in results[way]):.1f}"]
            if way == "/" and what in results["/clear/"][0]:
                base = [each[what][0] for each in results["/clear/"]]
                row += [f"{median(map(float.__sub__, cpu, base)):.0f}", ratio(list(cpu), list(base))]
            found.append(row + [""] * (6 - len(row)))
    return found


def main() -> None:
    """The command line."""
    quick = "--quick" in sys.argv[1:]
    rounds, times = (1, 20) if quick else (5, 200)
    load = [os.getloadavg()[0]]
    results: dict[str, list[dict[str, tuple[float, float]]]] = {way: [] for way in WAYS}
    env = {"HTAG_WORKERS": "1", "HTAG_MAX_RATE": "100000", "HTAG_SESSION_INSTANCES": "1000"}
    with serve("gunicorn-gevent", "tests.apps.sealed:app", workers=1, env=env) as server:
        for number in range(rounds):
            for way in list(WAYS)[:: 1 if number % 2 else -1]:
                print(f"round {number + 1}, {WAYS[way]}", file=sys.stderr, flush=True)
                results[way].append(measured(server, way, times))
            load.append(os.getloadavg()[0])
    titles = ["what", "how", "CPU µs", "time ms", "more CPU µs", "ratio of CPU"]
    text = TEXT.format(
        machine=machine(),
        rounds=rounds,
        table=table(titles, rows(results), words=2),
        load=BUSY.format(max(load)) if load[0] > LOADED else "",
    )
    if quick:
        print(text)
    else:
        Path(__file__).with_name("PARANO.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
