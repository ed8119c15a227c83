"""A ledger: what is written is in the state of the session, on the page of each tab, and in the file
LEDGER_FILE, where it stays whatever becomes of the process: so it can be seen how often it was written.

LEDGER_MISTAKE plants one of the mistakes below into the process, to see that the tests find it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from htagweb_flask.pool.client import Client
from htagweb_flask.pool.live_session import LiveSession
from htagweb_flask.pool.outbox import Outbox
from tests.apps.web_kit import button, named

__all__ = ["MISTAKES", "app"]

#: A page that has missed more payloads needs a full render. Small, so that it happens.
KEPT = 3
Outbox.__init__.__defaults__ = (KEPT, 2**20)


class Ledger(Tag.App):
    def init(self) -> None:
        self.shown = named("log", self.text(), _class="log")
        self += [self.shown, named("pid", f"pid {os.getpid()}", _class="pid"), button("write", self.write)]

    def text(self) -> str:
        return " ".join(map(str, self.state.get("kept", [])))

    def write(self, ev: Any) -> None:
        with open(os.environ["LEDGER_FILE"], "a") as file:
            file.write(f"{ev.n}\n")
        self.state["kept"] = [*self.state.get("kept", []), ev.n]
        self.shown.clear(self.text())


# ---- mistakes


def runs_repeats() -> None:
    """What has been answered runs once more when it comes again."""
    accept = Client.accept

    def mistaken(client: Client, waiter: Any) -> bool | None:
        found = accept(client, waiter)
        if found is False:
            client.running[waiter.seq] = [waiter]
        return None if found is None else True

    Client.accept = mistaken  # type: ignore[method-assign]


def accepts_gaps() -> None:
    """What comes too early is not put off."""
    accept = Client.accept

    def mistaken(client: Client, waiter: Any) -> bool | None:
        client.accepted = max(client.accepted, waiter.seq - 1)
        return accept(client, waiter)

    Client.accept = mistaken  # type: ignore[method-assign]


def commits_late() -> None:
    """Answers first, and stores some time later."""
    background, answered = LiveSession.background, {}

    def settle(live: LiveSession, send: Callable[..., None]) -> None:
        answered[live] = time.monotonic()
        send(None)

    def later(live: LiveSession) -> Any:
        return background(live) if time.monotonic() - answered.get(live, 0) > 1 else None

    LiveSession.settle, LiveSession.background = settle, later  # type: ignore[method-assign]


def never_resyncs() -> None:
    """Who has missed too much gets what is left."""
    Outbox.missed = lambda outbox, cursor: False  # type: ignore[method-assign]


def forgets() -> None:
    """What was sent once is not kept until it has arrived."""
    after = Outbox.after

    def mistaken(outbox: Outbox, cursor: int) -> Any:
        found = after(outbox, cursor)
        outbox.acknowledge(outbox.last)
        return found

    Outbox.after = mistaken  # type: ignore[method-assign]


MISTAKES = {
    plant.__name__: plant for plant in (runs_repeats, accepts_gaps, commits_late, never_resyncs, forgets)
}

if "LEDGER_MISTAKE" in os.environ:
    MISTAKES[os.environ["LEDGER_MISTAKE"]]()

app = Flask(__name__)
app.register_blueprint(htag_blueprint(Ledger))
