"""What grants cost (docs/security.md): a first page and a click of htag 1, with them and without, in turns.

    python benchmarks/grants.py             some 4 minutes, writes benchmarks/GRANTS.md
    python benchmarks/grants.py --quick     does it all work? printed only

All is in this one process: Flask, the pool (``HTAG_BROKER="inline"``) and the instances. So its CPU time is
all that the server spends. Without grants, whatever a page asks for is found by its address, as htag does it.
It needs htag 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import random
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import htag.tag
from bench.report import machine
from flask import Flask
from flask.testing import FlaskClient
from htag import Tag
from htag.tag import BaseCaller

STRINGIFY = htag.tag.stringify  # htag's own, which the adapter replaces

from htagweb_flask import htag_blueprint  # noqa: E402
from htagweb_flask.pool.adapters import htag1  # noqa: E402
from htagweb_flask.pool.adapters.htag1_grants import Grants  # noqa: E402

BENCHMARKS = Path(__file__).parent
ROUNDS, CLICKS = 60, 10

TEXT = """\
# The cost of grants

Made by `python benchmarks/grants.py` with htag {version} on {machine}: CPU of all that the server does (web
side, pool, app) in one process, {rounds} pages with and without grants in turns, {clicks} clicks on each of
them; medians, and the median of the differences of neighbours.

{table}"""


class NoGrants(Grants):
    """As if there were none: any tag by its address."""

    def sweep(self, root: Any) -> None:
        """Nothing to do."""

    def target(self, root: Any, key: int, *args: Any) -> Any:
        return Tag.find_tag(key)


OWNERS = (htag1, BaseCaller, Tag, Tag, Tag, Tag, htag.tag)
NAMES = ("Grants", "__str__", "__str__", "_hasARenderMethod", "clear", "remove", "stringify")


def switch(on: bool) -> None:
    """With grants (as the adapter leaves htag), or without (as htag is)."""
    if not _with:
        _with.extend(getattr(owner, name) for owner, name in zip(OWNERS, NAMES, strict=True))
    without = [
        NoGrants,
        htag1._original_write,
        htag1._original_draw,
        htag1._original_find_render,
        htag1._original_clear,
        htag1._original_remove,
        STRINGIFY,
    ]
    for owner, name, value in zip(OWNERS, NAMES, _with if on else without, strict=True):
        setattr(owner, name, value)


_with: list[Any] = []


class Counter(Tag.App):
    """One button and a label."""

    imports: list[Any] = []

    def init(self) -> None:
        self.clicks = 0
        self.label = Tag.span("0")
        self += self.label
        self += Tag.button("+1", _onclick=self.bind.click(1))
        self.fill()

    def fill(self) -> None:
        """What else is there."""

    def click(self, number: int) -> None:
        self.clicks += number
        self.label.clear(str(self.clicks))


class Rows(Counter):
    """200 rows of text."""

    def fill(self) -> None:
        self += Tag.ul([Tag.li(f"row {number}") for number in range(200)])


class Handlers(Counter):
    """200 handlers."""

    def fill(self) -> None:
        self += Tag.div([Tag.button(f"row {n}", _onclick=self.bind.click(n)) for n in range(200)])


class Redrawn(Counter):
    """200 handlers that are drawn anew with each click."""

    def fill(self) -> None:
        self.buttons = Tag.div([Tag.button(f"row {n}", _onclick=self.bind.click(n)) for n in range(200)])
        self += self.buttons

    def click(self, number: int) -> None:
        super().click(number)
        self.buttons["title"] = str(self.clicks)


APPS: list[type[Counter]] = [Counter, Rows, Handlers, Redrawn]


def site(folder: str) -> Flask:
    """A site that is all in this process."""
    flask_app = Flask(__name__)
    flask_app.config.update(
        SECRET_KEY="k" * 32,
        HTAG_BROKER="inline",
        HTAG_RUN_DIR=os.path.join(folder, "run"),
        HTAG_DATA_DIR=os.path.join(folder, "data"),
        HTAG_MAX_RATE=1e6,
    )
    for app in APPS:
        name = app.__name__.lower()
        flask_app.register_blueprint(htag_blueprint(app, name=name), url_prefix=f"/{name}")
    return flask_app


def spent(work: Callable[[], Any]) -> tuple[float, Any]:
    """The CPU seconds of the process in which *work* is done, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def page_and_click(client: FlaskClient, name: str, clicks: int) -> tuple[float, float]:
    """CPU seconds of a first page, and of a click on it."""
    page, answer = spent(lambda: client.get(f"/{name}/"))
    html = answer.get_data(as_text=True)
    boot = json.loads(re.search(r'id="htag-boot"[^>]*>(.*?)</script>', html, re.S)[1])
    tag = int(re.search(r'onclick="[^"]*?(\d{9,})', html)[1])
    headers = {"X-Htag": boot["token"], "Origin": "http://localhost", "Content-Type": "application/json"}
    message = {"id": tag, "method": "click", "args": [1], "kargs": {}, "event": {}}

    def click_all() -> None:
        for seq in range(1, clicks + 1):
            body = json.dumps({"seq": seq, "cursor": boot["cursor"] + seq - 1, "message": message})
            text = ""
            while '"done":true' not in text:  # once, unless the machine has much else to do
                text = client.post(boot["urls"]["call"], data=body, headers=headers).get_data(as_text=True)
            assert f">{seq}</span>" in text

    each, _ = spent(click_all)
    client.post(boot["urls"]["leave"], data=boot["token"], headers={"Origin": "http://localhost"})
    return page, each / clicks


def measured(flask_app: Flask, name: str, rounds: int, clicks: int) -> dict[bool, list[tuple[float, float]]]:
    """Pages and clicks with grants (True) and without, neighbours in random order."""
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for number in range(-3, rounds):
        for on in random.sample([True, False], 2):
            switch(on)
            gc.collect()
            result = page_and_click(flask_app.test_client(), name, clicks)
            if number >= 0:
                found[on].append(result)
    return found


def row(app: type, found: dict[bool, list[tuple[float, float]]]) -> str:
    """A line of the table: of pages and of clicks what they cost without, and what grants add."""
    cells = [str(app.__doc__).rstrip(".")]
    for what in (0, 1):
        off = median(one[what] for one in found[False])
        more = median(on[what] - other[what] for on, other in zip(found[True], found[False], strict=True))
        cells += [f"{off * 1e6:.0f} µs", f"{more * 1e6:+.0f} µs", f"{more / off:+.1%}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few pages, printed only")
    quick = parser.parse_args().quick
    rounds = 5 if quick else ROUNDS
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        flask_app = site(folder)
        rows = [row(app, measured(flask_app, app.__name__.lower(), rounds, CLICKS)) for app in APPS]
    head = ["| page | first page | grants add | | click | grants add | |", "|---|---|---|---|---|---|---|"]
    found = {"table": "\n".join([*head, *rows]), "machine": machine(), "version": htag.__version__}
    text = TEXT.format(rounds=rounds, clicks=CLICKS, **found)
    print(text, flush=True)
    if not quick:
        (BENCHMARKS / "GRANTS.md").write_text(text + "\n")
    os._exit(0)  # without a farewell to the instances


if __name__ == "__main__":
    main()
