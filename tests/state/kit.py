"""What the tests here do with a site of tests.apps.state_notes, and what they look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.http_client import Page, User
from tests.server.desk import SOON, Anywhere, meanwhile, message, press, together, word
from tests.servers import Server

__all__ = [
    "NOTES",
    "OTHER",
    "SITE",
    "SOON",
    "Anywhere",
    "environment",
    "gate_waits",
    "made",
    "meanwhile",
    "message",
    "pid",
    "press",
    "said",
    "seen",
    "shown",
    "sid",
    "state",
    "stored",
    "together",
    "told",
    "visit",
    "word",
]

SITE = "tests.apps.state_notes:app"

#: Where the states of the two apps are in the session.
NOTES, OTHER = "tests.apps.state_notes.Notes", "tests.apps.state_notes.Other"


def environment(kind: str, request: pytest.FixtureRequest, **more: str) -> dict[str, str]:
    """The environment of a site that keeps its sessions in this way."""
    env = {"STATE_KIND": kind, "HTAG_POOL_GRACE": "0.5", **more}
    if kind == "redis" and "STATE_REDIS" not in more:
        env["STATE_REDIS"] = request.getfixturevalue("redis_url")
    return env


def visit(user: User, path: str, /, **query: Any) -> str:
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


def pid(page: Page) -> int:
    """The process that its instance lives in."""
    return int(word(page, "pid").split()[1])


def sid(user: User) -> str:
    """The id of the session, as the cookie has it; empty when there is none."""
    return next((cookie.value or "" for cookie in user.cookies if cookie.name == "session"), "")


def made(page: Page) -> str:
    """Tells one instance from another."""
    return word(page, "made")


def told(user: User, app: str = "Notes") -> list[Any]:
    found: list[Any] = shown(user)[f"told by {app}"]
    return found


def stored(user: User, key: str, app: str = NOTES) -> Callable[[], bool]:
    """Whether a view finds the key in the state of the app."""
    return lambda: key in state(user, app)


def gate_waits(server: Server, gate: str) -> bool:
    """Whether the view that waits for the gate has begun."""
    return (server.data_dir / f"gate-{gate}-waits").exists()
