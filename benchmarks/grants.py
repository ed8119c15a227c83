"""What it costs that a page may call what it offers, and nothing else (docs/security.md): a first page and a
click, with that and without, in turns.

    python benchmarks/grants.py             some 5 minutes, writes the part of its htag in GRANTS.md
    python benchmarks/grants.py --quick     does it all work? printed only

All is in one process, another for each kind of page: Flask, the pool (``HTAG_BROKER="inline"``) and the
instances. So its CPU time is all that the server spends. *Without*: nothing is noted when htag 1 writes a
call, and whatever a page asks for is found by its address, as htag does it; of htag 2 events are not checked.
All else is the same.
"""

from __future__ import annotations

import argparse
import functools
import gc
import html
import json
import logging
import os
import random
import re
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any

import htag
from bench.report import machine
from flask import Flask
from flask.testing import FlaskClient
from htag import Tag

from htagweb_flask import htag_blueprint
from htagweb_flask.pool.adapters import adapter_class
from htagweb_flask.pool.resources import MIDDLE, NEVER, YOUNG

GENERATION = int(htag.__version__.split(".")[0])

if GENERATION == 1:
    from htag.tag import BaseCaller

    from htagweb_flask.pool.adapters import htag1, htag1_drawing
    from htagweb_flask.pool.adapters.htag1_constants import noted
    from htagweb_flask.pool.adapters.htag1_grants import Grants

RESULT = Path(__file__).with_name("GRANTS.md")
ROUNDS, CLICKS = 150, 10
RESAMPLED = 1000

HEAD = """\
# The cost of grants

What is added to a first page and to a click by the rule that a page may call what it offers, and nothing
else ([security.md](../docs/security.md)). Made by `python benchmarks/grants.py`: CPU time of all that the
server does (web side, pool, app) in one process, which works as those of a pool do; each kind of page has a
process of its own. In each round there is a page without that rule and two with it, in random order, with the
same clicks on each; the slowest click of a page is not counted. *Added* is what the pages with it took more
than the one without, in the same round, as a machine is not equally fast all the time: the mean of the rounds
but for a tenth at either end, with its 95 % interval (bootstrap). *Noise* is the difference of the two that
both have it, which would be 0 on a machine of its own.
"""
COLUMNS = ("page", "first page", "added", "noise", "click", "added", "noise")
BARE = """\
With htag 1 the text of a call is what a message finds it by, so it is written by the grants, in less time
than by htag, and kept for the next drawing. Were it written in that way, but forgotten, pages and clicks
would take less again. Beside that, the rule adds
"""


# ---- without


class Switch:
    """Attributes of modules and classes, as they are, and as they would be without; *bare* is without, but
    for the way in which calls are written."""

    def __init__(self) -> None:
        places = _htag1_without() if GENERATION == 1 else _htag2_without()
        kept = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
        self._kinds = {"without": places, "with": kept, "again": kept}
        if GENERATION == 1:
            self._kinds["bare"] = [*places, (BaseCaller, "__str__", _write)]

    @property
    def kinds(self) -> list[str]:
        """What there is to compare."""
        return list(self._kinds)

    def __call__(self, kind: str) -> None:
        for owner, name, value in self._kinds[kind]:
            setattr(owner, name, value)


def _htag1_without() -> list[tuple[Any, str, Any]]:
    class NoGrants(Grants):
        def settle(self) -> None:
            """Nothing is to be found."""

        def sweep(self, root: Any) -> None:
            """Nothing is to be forgotten."""

        def target(self, root: Any, key: int, *args: Any) -> Any:
            return Tag.find_tag(key)

    return [
        (htag1, "Grants", NoGrants),
        (BaseCaller, "__str__", htag1_drawing._original_write),
        (Tag, "__str__", htag1_drawing._original_draw),
        (Tag, "_hasARenderMethod", htag1_drawing._original_find_render),
        (Tag, "clear", htag1_drawing._original_clear),
        (Tag, "remove", htag1_drawing._original_remove),
    ]


def _write(caller: Any) -> str:
    text: str | None = None
    if caller.mname is not None and not (caller._befores or caller._afters):
        text = noted(id(caller.instance), caller.mname, caller.args, caller.kargs)[2]
    return str(htag1_drawing._original_write(caller)) if text is None else text


def _htag2_without() -> list[tuple[Any, str, Any]]:
    import htag.runner

    from htagweb_flask.pool.adapters import htag2, htag2_events

    return [
        (htag2, "check_event", lambda tag, data: None),
        (htag.runner, "Event", htag2_events._Event),
        (htag.core.GTag, "_set_attr_direct", htag2_events._write),
    ]


# ---- pages


class Counter(Tag.App):
    """One button and a label"""

    imports: list[Any] = []

    def init(self) -> None:
        self.clicks = 0
        self.label = Tag.span("0")
        self += self.label
        self += Tag.button("+1", _onclick=self.handler(1))
        self.fill()

    def handler(self, number: int) -> Any:
        """What calls :meth:`click`."""
        return self.bind.click(number) if GENERATION == 1 else self.click

    def fill(self) -> None:
        """What else is there."""

    def buttons(self) -> list[Any]:
        """200 handlers."""
        return [Tag.button(f"row {number}", _onclick=self.handler(number)) for number in range(200)]

    def click(self, _: Any) -> None:
        self.clicks += 1
        self.label.clear()
        self.label += str(self.clicks)


class Rows(Counter):
    """200 rows of text"""

    def fill(self) -> None:
        self += Tag.ul([Tag.li(f"row {number}") for number in range(200)])


class Handlers(Counter):
    """200 handlers"""

    def fill(self) -> None:
        self += Tag.div(self.buttons())


class Redrawn(Counter):
    """200 handlers, all drawn again by each click"""

    def fill(self) -> None:
        self.box = Tag.div(self.buttons())
        self += self.box

    def click(self, _: Any) -> None:
        super().click(_)
        self.box["title"] = str(self.clicks)


class Renewed(Redrawn):
    """200 handlers, new ones with each click"""

    def click(self, _: Any) -> None:
        super().click(_)
        self.box.clear()
        self.box += self.buttons()


class Fields(Counter):
    """200 fields that send their value (`b"this.value"`)"""

    def fill(self) -> None:
        self += Tag.div([Tag.input(_value=n, _onchange=self.changed(n)) for n in range(200)])

    def changed(self, number: int) -> Any:
        return self.bind.click(number, b"this.value") if GENERATION == 1 else self.click


APPS: list[type[Counter]] = [Counter, Rows, Handlers, Redrawn, Renewed, Fields]


# ---- measuring


def site(folder: str) -> Flask:
    """A site that is all in this process."""
    adapter_class().quicken()  # as in the processes of a pool
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


def message_of(page: str) -> dict[str, Any]:
    """What the first button of the page would send."""
    code = html.unescape(re.search(r'<button[^>]* onclick="([^"]*)"', page)[1])  # type: ignore[index]
    if GENERATION == 1:
        call = re.search(r"interact\( (\{.*?\}) \)", code)[1]  # type: ignore[index]
        return dict(json.loads(call.replace("jevent(event)", "{}")))
    tag = re.search(r"htag_event\('([^']+)'", code)[1]  # type: ignore[index]
    return {"id": tag, "event": "click", "data": {"value": "", "callback_id": "c"}}


def page_and_clicks(client: FlaskClient, name: str) -> tuple[float, list[float]]:
    """CPU seconds of a first page, and of each click on it."""
    page, answer = spent(lambda: client.get(f"/{name}/"))
    text = answer.get_data(as_text=True)
    boot = json.loads(re.search(r'id="htag-boot"[^>]*>(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    headers = {"X-Htag": boot["token"], "Origin": "http://localhost", "Content-Type": "application/json"}
    message = message_of(text)

    def click(seq: int) -> None:
        body = json.dumps({"seq": seq, "cursor": boot["cursor"] + seq - 1, "message": message})
        text = ""
        while '"done":true' not in text:  # once, unless the machine has much else to do
            text = client.post(boot["urls"]["call"], data=body, headers=headers).get_data(as_text=True)
        assert f">{seq}</span>" in text, text[:500]

    settle()  # half a second later the pool has done so
    each = [spent(functools.partial(click, seq))[0] for seq in range(1, CLICKS + 1)]
    client.post(boot["urls"]["leave"], data=boot["token"], headers={"Origin": "http://localhost"})
    return page, each


def settle() -> None:
    """As the pool does: what has been there is not looked at again and again."""
    gc.set_threshold(YOUNG, MIDDLE, NEVER)
    gc.collect()
    gc.freeze()


Rounds = dict[str, tuple[list[float], list[float]]]  # by kind: the pages, and the mean clicks on each


def measured(flask_app: Flask, name: str, rounds: int, switch: Switch) -> Rounds:
    """Pages and clicks of each kind, neighbours in random order."""
    found: Rounds = {kind: ([], []) for kind in switch.kinds}
    for number in range(-3, rounds):
        if number % 20 == 0:
            gc.unfreeze()
        for kind in random.sample(switch.kinds, len(switch.kinds)):
            switch(kind)
            settle()
            page, clicks = page_and_clicks(flask_app.test_client(), name)
            if number >= 0:
                found[kind][0].append(page)
                found[kind][1].append(fmean(sorted(clicks)[:-1]))
    return found


def of_page(name: str, rounds: int) -> Rounds:
    """What :func:`measured` says of that page, to be called in a process of its own."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        return measured(site(folder), name, rounds, Switch())


def usual(values: list[float]) -> float:
    """The mean of the middle of them."""
    aside = len(values) // 10
    return fmean(sorted(values)[aside : len(values) - aside])


def cells(found: Rounds, what: int, without: str) -> tuple[str, str, str]:
    """Of the pages, or of the clicks: those without, what is added to them, and the noise."""
    rounds = list(zip(*(found[kind][what] for kind in (without, "with", "again")), strict=True))
    base = usual([each[0] for each in rounds])
    added = [(one + again) / 2 / bare - 1 for bare, one, again in rounds]
    noise = usual([(again - one) / bare for bare, one, again in rounds])
    drawn = quantiles([usual(random.choices(added, k=len(added))) for _ in range(RESAMPLED)], n=40)
    interval = f"({drawn[0]:+.1%} to {drawn[-1]:+.1%}), {usual(added) * base * 1e6:+.0f} µs"
    return f"{base * 1e6:.0f} µs", f"**{usual(added):+.1%}** {interval}", f"{noise:+.1%}"


def line(*texts: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(texts)} |"


def head(*texts: str) -> list[str]:
    """Its first two lines."""
    return [line(*texts), "|---" * len(texts) + "|"]


def written(tables: str, rounds: int) -> str:
    """GRANTS.md with these tables in the place of those of the same generation."""
    title = f"## htag {GENERATION}"
    about = (
        f"htag {htag.__version__} on {machine()}, with a load of {os.getloadavg()[1]:.0f}; "
        f"{rounds} pages of each kind, {CLICKS} clicks on each."
    )
    parts = re.split(r"(?m)^(?=## )", RESULT.read_text())[1:] if RESULT.exists() else []
    others = [part.strip() for part in parts if not part.startswith(title)]
    return "\n\n".join([HEAD.strip(), *sorted([*others, f"{title}\n\n{about}\n\n{tables}"])]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few pages, printed only")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pages of each kind")
    options = parser.parse_args()
    rounds = 5 if options.quick else options.rounds
    lines, bare = head(*COLUMNS), head("page", "to a first page", "to a click")
    for app in APPS:
        # One whose memory nobody has used before.
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            found = process.submit(of_page, app.__name__.lower(), rounds).result()
        lines.append(line(str(app.__doc__), *cells(found, 0, "without"), *cells(found, 1, "without")))
        print(lines[-1], flush=True)
        if "bare" in found:
            bare.append(line(str(app.__doc__), *(cells(found, what, "bare")[1] for what in (0, 1))))
            print(bare[-1], flush=True)
    if bare[2:]:
        lines += ["", *BARE.splitlines(), "", *bare]
    if not options.quick:
        RESULT.write_text(written("\n".join(lines), rounds))


if __name__ == "__main__":
    main()
