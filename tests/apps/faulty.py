"""An app with whose process something happens.

FAULTY_FILE    where it writes what it has begun
FAULTY_SWEEP   seconds between two looks of a worker at itself
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import Pushing, button, named

HELD: list[bytes] = []

LONG = 60

if "FAULTY_SWEEP" in os.environ and "htagweb_flask.pool.worker" in sys.modules:
    sys.modules["htagweb_flask.pool.worker"].SWEEP = float(os.environ["FAULTY_SWEEP"])  # type: ignore[attr-defined]


class Faulty(Pushing, Tag.App):
    def init(self, way: str = "") -> None:
        if way == "die":
            self.die(None)
        self.hits = 0
        self.shown = named("hits", "hits 0", _class="hits")
        self.kept = named("kept", f"kept {self.state.get('kept', 0)}", _class="kept")
        self.pushed = named("pushed", "push 0", _class="pushed")
        self += [self.shown, self.kept, self.pushed, named("pid", f"pid {os.getpid()}", _class="pid")]
        self.time = named("now", "now 0", _class="now")
        self += self.time
        for name in ("hit", "tick", "hold", "die", "leak", "now", "fail", "recurse", "hoard"):
            self += button(name, getattr(self, name))

    def hit(self, ev: Any) -> None:
        self.hits += 1
        self.state["kept"] = self.state.get("kept", 0) + 1
        self.shown.clear(f"hits {self.hits}")
        self.kept.clear(f"kept {self.state['kept']}")

    def hold(self, ev: Any) -> None:
        """Is in the middle of something for as long as any test takes."""
        with open(os.environ["FAULTY_FILE"], "a") as file:
            file.write("held ")
        time.sleep(LONG)

    def die(self, ev: Any) -> None:
        """As a fault in a library does it."""
        os._exit(9)

    def fail(self, ev: Any) -> None:
        raise LookupError("the drawer is empty")

    def recurse(self, ev: Any) -> None:
        self.recurse(ev)

    def hoard(self, ev: Any) -> None:
        """There is no machine that has as much memory."""
        HELD.append(bytes(2**62))

    def now(self, ev: Any) -> None:
        """Tells the time of day."""
        self.time.clear(f"now {time.time():.0f}")

    def leak(self, ev: Any) -> None:
        """Keeps *n* megabytes, which are really used."""
        HELD.append(os.urandom(1) * (ev.n * 1024 * 1024))
        self.hit(ev)


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Faulty))
app.register_blueprint(htag_blueprint(Faulty, name="second"), url_prefix="/second")
app.register_blueprint(htag_blueprint(Faulty, name="own", isolation="session"), url_prefix="/own")
