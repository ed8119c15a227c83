"""What the tests here do with a site of tests.apps.state_notes, and what they look at."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from tests.http_client import Page, User
from tests.server.desk import SOON, Anywhere, meanwhile, message, press, together, word
from tests.servers import Server

__all__ = [
    "NOTES",
    "OTHER",
    "SITE",
    "SOON",
    "Anywhere",
    "gate_waits",
    "meanwhile",
    "message",
    "press",
    "said",
    "seen",
    "shown",
    "state",
    "together",
    "visit",
    "word",
]

SITE = "tests.apps.state_notes:app"

#: Where the states of the two apps are in the session.
NOTES, OTHER = "tests.apps.state_notes.Notes", "tests.apps.state_notes.Other"


def visit(user: User, path: str, **query: Any) -> str:
    """Has a plain view answer."""
    answer = user.get(f"{path}?{urlencode(query)}" if query else path)
    assert answer.status == 200, f"{path}: {answer.status}"
    return answer.text


def shown(user: User) -> dict[str, Any]:
    """The session as the next request of a plain view sees it."""
    found: dict[str, Any] = json.loads(visit(user, "/show"))
    return found


def state(user: User, app: str = NOTES) -> dict[str, Any]:
    """The stored state of an app."""
    found: dict[str, Any] = shown(user).get(app, {})
    return found


def seen(page: Page) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the app sees, asked by an interaction: its state, and the session."""
    press(page, "see")
    return said(page)


def said(page: Page) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the app has seen when it was asked last."""
    mine, session = json.loads(word(page, "seen"))
    return mine, session


def gate_waits(server: Server, gate: str) -> bool:
    """Whether the view that waits for the gate has begun."""
    return (server.data_dir / f"gate-{gate}-waits").exists()
