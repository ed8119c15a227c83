"""An app for pages that come and go: it says what a worker of the pool still holds, and pushes much.

With VISITS_PATIENCE, its server has little: this module is imported before the first page is made, in the web
processes as in the pool.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import push, run_script

if patience := float(os.environ.get("VISITS_PATIENCE", 0)):
    for module, name, value in (
        ("pool.worker", "SWEEP", 0.2),
        ("pool.instance", "CLIENT_GRACE", patience),
        ("web.transports", "BEAT", patience / 2),
        ("web.peer", "STUCK", patience),
    ):
        if f"htagweb_flask.{module}" in sys.modules:
            setattr(sys.modules[f"htagweb_flask.{module}"], name, value)


class Visit(Tag.App):
    def init(self) -> None:
        self.shown = Tag.p("", _class="shown")
        self.poured = Tag.p("", _class="poured")
        self += [self.shown, self.poured]
        for name in ("hit", "count", "pour"):
            self += Tag.button(name, _onclick=getattr(self, name))

    def hit(self, ev: Any) -> None:
        self.shown.clear(f"hit {ev.n}")

    def count(self, ev: Any) -> None:
        """What of instances and clients is in memory, this one's included, however it is held."""
        gc.unfreeze()  # what has been here for a while is hidden from the collector
        gc.collect()
        names = [type(one).__name__ for one in gc.get_objects() if type(one).__module__.startswith("htagweb")]
        self.shown.clear(f"{names.count('Instance')} instances, {names.count('Client')} clients")

    def pour(self, ev: Any) -> None:
        """Starts a task that pushes *n* times *size* bytes."""
        self.task = asyncio.ensure_future(self.pour_times(ev.n, ev.size))

    async def pour_times(self, times: int, size: int) -> None:
        for number in range(1, times + 1):
            self.poured.clear(f"poured {number}")
            run_script(self, f"poured({number}) // {'x' * size}")
            await push(self)
            await asyncio.sleep(0.005)


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Visit, scope="tab", workers=1))
