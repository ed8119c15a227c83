"""What parano costs: a page, a click, a push and 1 MB, sealed and in clear, in alternating rounds.

    python benchmarks/parano.py              5 rounds, some 2 minutes, writes benchmarks/PARANO.md
    python benchmarks/parano.py --quick      does it all work? 1 short round, printed only

It is run by the environment of the tests with htag 2 (make test has made it), as its page is that of the
tests. It needs Linux (/proc), listens on the loopback only, and ends what it has started.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.process_tree import cpu_between, cpu_times, descendants  # noqa: E402
from bench.report import machine, ratio, table  # noqa: E402

from tests.http_client import Page, User  # noqa: E402
from tests.http_sealed import enter  # noqa: E402
from tests.servers import Server, serve  # noqa: E402

MEGABYTE = "x" * 1_000_000
WAYS: dict[str, tuple[str, Callable[[User], Page]]] = {
    "clear": ("in clear", lambda user: user.open("/clear/")),
    "sealed": ("sealed", lambda user: enter(user, "/")),
}

TEXT = """\
# What parano costs

Made by `python benchmarks/parano.py` on {machine}, the median of {rounds} rounds, htag 2,
gunicorn gevent -w 1, one page at a time. CPU is that of the server's processes (web and pool); the ratio is
taken within a round and given as median (least–greatest). The time is that of a page in Python, whose own
part in sealing is in it.

{table}

- *page*: that of a new visitor, with an instance. In clear it is one request, sealed it is three: the page
  that is the same for everybody, and that browsers may keep; the keys; the page itself.
- *click*: one that changes the page. *push*: a click that pushes 0.1 s later, and the poll that takes it.
  *1 MB*: what a click may bring along."""


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
    _, opened = WAYS[way]
    user = User(server.url)
    page = opened(user)
    page.announce()

    def load() -> None:
        opened(User(server.url)).post("leave", {} if way == "sealed" else page.token.encode())

    def push() -> None:
        page.click("later")
        while not page.poll(5)["payloads"]:
            pass

    def upload() -> None:
        button = page.find("send", tag="button").attributes["id"]
        page.call(page.event(button, "sent", sent=MEGABYTE))

    page.click("more")
    found = {
        "page": cost(server, load, max(times // 10, 2)),
        "click": cost(server, lambda: page.click("more"), times),
    }
    found["push"] = cost(server, push, max(times // 20, 2))
    found["1 MB"] = cost(server, upload, max(times // 20, 2))
    return found


def main() -> None:
    """The command line."""
    quick = "--quick" in sys.argv[1:]
    rounds, times = (1, 20) if quick else (5, 200)
    results: dict[str, list[dict[str, tuple[float, float]]]] = {way: [] for way in WAYS}
    env = {"HTAG_WORKERS": "1", "HTAG_MAX_RATE": "100000", "HTAG_SESSION_INSTANCES": "1000"}
    with serve("gunicorn-gevent", "tests.apps.sealed:app", workers=1, env=env) as server:
        for number in range(rounds):
            for way in list(WAYS)[:: 1 if number % 2 else -1]:
                print(f"round {number + 1}, {way}", file=sys.stderr, flush=True)
                results[way].append(measured(server, way, times))
    rows = []
    for what in ("page", "click", "push", "1 MB"):
        for way, (name, _) in WAYS.items():
            cpu: list[float | None] = [each[what][0] for each in results[way]]
            base: list[float | None] = [each[what][0] for each in results["clear"]]
            spent = median(each[what][1] for each in results[way])
            figures = [f"{median(each[what][0] for each in results[way]):.0f}", f"{spent:.1f}"]
            rows.append([what, name, *figures, "" if way == "clear" else ratio(cpu, base)])
    titles = ["what", "how", "CPU µs", "time ms", "ratio of CPU"]
    text = TEXT.format(machine=machine(), rounds=rounds, table=table(titles, rows, words=2))
    if quick:
        print(text)
    else:
        Path(__file__).with_name("PARANO.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
