"""From samples to RESULTS.md: absolute medians, and ratios taken within each round."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

from .live import Live
from .measure import Bare, Plan, Sample
from .stacks import APP_NAMES, FLOOR, PEER, Stack

Getter = Callable[[Sample], float | None]


@dataclass
class Results:
    """What was measured, one entry per round: by stack or htag generation, and by app. None: it failed."""

    samples: dict[tuple[str, str], list[Sample | None]] = field(default_factory=dict)
    bare: dict[tuple[int, str], list[Bare]] = field(default_factory=dict)
    live: dict[tuple[str, str], list[Live]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Column:
    """A figure of a table: its title, how to get it from a sample, and its format."""

    title: str
    get: Getter
    form: str


def _pages(name: str) -> Getter:
    return lambda sample: getattr(sample.pages, name) if sample.pages else None


def click_columns(clients: int) -> list[Column]:
    """The columns of the tables of interactions."""
    return [
        Column("1 client /s", lambda s: s.one.rate, "{:.0f}"),
        Column("1 client p50 ms", lambda s: s.one.p50, "{:.2f}"),
        Column("1 client p99 ms", lambda s: s.one.p99, "{:.2f}"),
        Column("1 client CPU µs", lambda s: s.one.cpu, "{:.0f}"),
        Column(f"{clients} clients /s", lambda s: s.many.rate, "{:.0f}"),
        Column(f"{clients} clients p50 ms", lambda s: s.many.p50, "{:.1f}"),
        Column(f"{clients} clients p99 ms", lambda s: s.many.p99, "{:.1f}"),
        Column(f"{clients} clients CPU µs", lambda s: s.many.cpu, "{:.0f}"),
    ]


SESSION_COLUMNS = [
    Column("first page p50 ms", _pages("p50"), "{:.2f}"),
    Column("pages/s", _pages("rate"), "{:.1f}"),
    Column("CPU µs per page", _pages("cpu"), "{:.0f}"),
    Column("kB per live session", lambda s: s.session_kb, "{:.0f}"),
]
CLIENT_COLUMNS = [
    Column("client's share of a core, 1 page", lambda s: s.one.client_share, "{:.2f}"),
    Column("many pages", lambda s: s.many.client_share, "{:.2f}"),
    Column("client's CPU µs per interaction", lambda s: s.many.client_cpu, "{:.0f}"),
    Column("server tree with one session, MB", lambda s: s.tree_kb / 1024, "{:.0f}"),
    Column("pages asked again after a 500", lambda s: float(s.tally.retries), "{:.0f}"),
    Column("connections opened again", lambda s: float(s.tally.reconnections), "{:.0f}"),
]


def values(samples: Iterable[Sample | None], get: Getter) -> list[float | None]:
    """A figure of each round."""
    return [None if sample is None else get(sample) for sample in samples]


def absolute(figures: list[float | None], form: str) -> str:
    """The median of the rounds."""
    found = [figure for figure in figures if figure is not None]
    return form.format(median(found)) if found else "–"


def ratio(figures: list[float | None], peers: list[float | None]) -> str:
    """The median of the ratios of the rounds in which both were measured, with the least and the greatest."""
    found = [a / b for a, b in zip(figures, peers, strict=True) if a is not None and b]
    if not found:
        return "–"
    digits = 3 if median(found) < 0.1 else 2
    middle, low, high = (f"{figure:.{digits}f}" for figure in (median(found), min(found), max(found)))
    return middle if len(found) == 1 else f"{middle} ({low}–{high})"


def table(titles: Iterable[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """A Markdown table; the first columns hold words (aligned left), the others figures (aligned right)."""
    head, *body = [[*titles], *map(list, rows)]
    lines = [head, ["---"] * words + ["---:"] * (len(head) - words), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def compare(results: Results, stacks: list[Stack], app: str, columns: list[Column]) -> str:
    """Two tables of one app: absolute medians, and ratios to htagweb of the same round."""
    rows, ratios = [], []
    peers = results.samples.get((PEER.name, app))
    for stack in stacks:
        samples = results.samples.get((stack.name, app))
        if samples is None:
            continue
        rows.append([stack.name, *(absolute(values(samples, c.get), c.form) for c in columns)])
        if peers is not None and stack not in (PEER, FLOOR):
            pairs = ((values(samples, c.get), values(peers, c.get)) for c in columns)
            ratios.append([stack.name, *(ratio(ours, theirs) for ours, theirs in pairs)])
    text = table([f"{app}, medians", *(c.title for c in columns)], rows)
    if ratios:
        text += "\n\n" + table([f"{app}, ratio to htagweb", *(c.title for c in columns)], ratios)
    return text


def floors(results: Results, stacks: list[Stack], clients: int) -> str:
    """CPU of an interaction against the two floors: htag alone and a bare Flask POST."""
    floor = results.samples.get((FLOOR.name, FLOOR.apps[0]))
    rows = []
    for app in APP_NAMES:
        for stack in stacks:
            samples = results.samples.get((stack.name, app))
            if samples is None or stack is FLOOR:
                continue
            bare: list[float | None] = [b.click for b in results.bare[stack.generation, app]]
            one, many = values(samples, lambda s: s.one.cpu), values(samples, lambda s: s.many.cpu)
            row = [stack.name, app, ratio(one, bare), ratio(many, bare)]
            if floor is not None:
                row.append(ratio(one, values(floor, lambda s: s.one.cpu)))
                row.append(ratio(many, values(floor, lambda s: s.many.cpu)))
            rows.append(row)
    titles = ["stack", "app", "1 client / htag alone", f"{clients} clients / htag alone"]
    if floor is not None:
        titles += ["1 client / Flask POST", f"{clients} clients / Flask POST"]
    return table(titles, rows, words=2)


def bare_table(results: Results) -> str:
    """The absolute cost of htag alone."""
    rows = []
    for (generation, app), rounds in results.bare.items():
        figures = ([bare.page for bare in rounds], [bare.click for bare in rounds])
        rows.append([f"htag {generation}", app, *(f"{median(found):.0f}" for found in figures)])
    return table(["htag alone", "app", "CPU µs per page", "CPU µs per click"], rows, words=2)


def live_section(results: Results) -> list[str]:
    """Pages and clicks beside live instances, all in one worker of the pool."""
    rows = [
        [
            app,
            name,
            f"{live.count}",
            f"{live.page:.2f}",
            f"{live.page_cpu:.0f}",
            f"{live.click:.2f}",
            f"{live.click_cpu:.0f}",
            "" if live.kb is None else f"{live.kb:.0f}",
        ]
        for (name, app), measures in results.live.items()
        for live in measures
    ]
    titles = ["app", "stack", "live instances", "page p50 ms", "CPU µs per page", "click p50 ms"]
    titles += ["CPU µs per click", "kB per instance"]
    return ["## Live instances", table(titles, rows, words=2)] if rows else []


def machine() -> str:
    """The class of this machine."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"


METHOD = """\
- A figure is the median of the rounds. A ratio is taken within one round and given as median (least–greatest)
  of the rounds; below 1 is less than htagweb. The stacks alternate, each app and round has a fresh server.
- **CPU** is user and system time of the whole server process tree per interaction or page, the pool of
  htagweb_flask and the processes of htagweb included: the steadiest figure on a busy machine.
- All runs on one machine over its loopback, the load client too: its share is given above.
- Every answer is checked: the n-th click shows n. Each page has its channel open, event stream or WebSocket.
  Among many pages, each clicks again one millisecond after its answer; one page alone clicks at once.
- A message has some 200 bytes: a few members of the browser's event, where a browser sends them all.
- Memory is the proportional set size of the whole tree, as it grows by a session: page, channel, one click.
- Live instances are all in one worker of the pool, without an open channel; `HTAG_FAST=0` is htag 1 as it is.
- A first page is that of a new session over a new connection.
- In favour of htagweb: its WebSocket is not compressed (browsers ask for it), its access log is off, and a
  page that it answers with 500 ("failed to create sockets") is tried again and counted."""


def render(
    results: Results, stacks: list[Stack], plan: Plan, command: str, versions: dict[str, dict[str, str]]
) -> str:
    """The whole report as Markdown."""
    clicks = click_columns(plan.clients)
    apps = [app for app in APP_NAMES if any(key[1] == app for key in results.samples)]
    parts = [
        "# Benchmark results",
        f"Made by `{command}` on {machine()}, {plan.rounds} x {plan.seconds:g} s for each measure of clicks. "
        "How to read them stands at the end.",
        table(["stack", "what it is"], [[stack.name, stack.title] for stack in stacks], words=2),
        table(
            ["environment", "versions"],
            [[n, ", ".join(f"{k} {v}" for k, v in found.items())] for n, found in versions.items()],
            words=2,
        ),
        "## Interactions",
        *(compare(results, stacks, app, clicks) for app in apps),
        "## First pages and memory",
        *(compare(results, [s for s in stacks if s.has_sessions], app, SESSION_COLUMNS) for app in apps),
        "## CPU of an interaction against the floors",
        floors(results, stacks, plan.clients),
        bare_table(results),
        *live_section(results),
        "## The measurement itself",
        *(compare_client(results, stacks, app) for app in apps),
    ]
    if results.failures:
        parts += ["## What failed", "\n".join(f"- {failure}" for failure in results.failures)]
    return "\n\n".join([*parts, "## How to read this", METHOD]) + "\n"


def compare_client(results: Results, stacks: list[Stack], app: str) -> str:
    """The load client's own cost, and what was tried again."""
    rows = [
        [stack.name, *(absolute(values(samples, c.get), c.form) for c in CLIENT_COLUMNS)]
        for stack in stacks
        if (samples := results.samples.get((stack.name, app))) is not None
    ]
    return table([app, *(c.title for c in CLIENT_COLUMNS)], rows)
