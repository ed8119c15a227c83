"""Two apps whose instances and processes tests list and end: a click can hold one up.

MANAGED_SWEEP   seconds between two looks of a worker whether it is needed
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint

FOREVER = 1000

if "MANAGED_SWEEP" in os.environ and "htagweb_flask.pool.worker" in sys.modules:
    sys.modules["htagweb_flask.pool.worker"].SWEEP = float(os.environ["MANAGED_SWEEP"])  # type: ignore[attr-defined]


class First(Tag.App):
    def init(self) -> None:
        self.clicks = 0
        self.word = Tag.p("")
        self += self.word
        for name in ("hit", "spin", "sleep"):
            self += Tag.button(name, _onclick=getattr(self, name))
        self.show()

    def show(self) -> None:
        self.word.clear(f"hit {self.clicks}, kept {self.state.get('kept', 0)}, pid {os.getpid()}")

    def hit(self, ev: Any) -> None:
        self.clicks += 1
        self.state["kept"] = self.state.get("kept", 0) + 1
        self.show()

    def spin(self, ev: Any) -> None:
        """Can be interrupted."""
        while True:
            pass

    def sleep(self, ev: Any) -> None:
        """Cannot: it is in C."""
        time.sleep(FOREVER)


class Second(First):
    pass


class Own(First):
    pass


app = Flask(__name__)
app.register_blueprint(htag_blueprint(First, workers=1))
app.register_blueprint(htag_blueprint(First, workers=1, transport="longpoll"), url_prefix="/poll")
app.register_blueprint(htag_blueprint(Second, workers=2), url_prefix="/second")
app.register_blueprint(htag_blueprint(Own, isolation="session"), url_prefix="/own")
