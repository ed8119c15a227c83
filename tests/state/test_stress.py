"""Eight who write to one session at the same time, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.http_client import Page
from tests.servers import Server
from tests.state.kit import NOTES, OTHER, Anywhere, gate_waits, meanwhile, press, shown, together, visit
from tests.support import wait_until

CHANGES = 200


def writers(user: Anywhere) -> list[Callable[[], Any]]:
    """Two tabs of an app, one with an instance of its own, another app, a background task, three views."""
    first, second, own, other = (user.open(path) for path in ("/", "/", "/tab/", "/other/"))

    def fill(page: Page, button: str, name: str) -> None:
        for number in range(CHANGES):
            press(page, button, key=f"{name}-{number}", value=number)

    def views(name: str) -> None:
        for number in range(CHANGES):
            visit(user, "/put", key=f"{name}-{number}", value=str(number))

    return [
        lambda: fill(first, "put", "first"),
        lambda: fill(second, "put", "second"),
        lambda: fill(own, "share", "own"),
        lambda: fill(other, "put", "other"),
        lambda: press(user.open("/none/"), "work", label="task", n=CHANGES, pause=0.01),
        *[lambda name=name: views(name) for name in ("view a", "view b", "view c")],  # type: ignore[misc]
    ]


def lost(user: Anywhere) -> list[str]:
    """The changes that a view does not find."""
    session = shown(user)
    found = {**session, **session[NOTES], **session[OTHER]}
    names = ("first", "second", "task", "other", "own", "view a", "view b", "view c")
    wanted = {f"{name}-{number}": str(number) for name in names for number in range(CHANGES)}
    assert len(wanted) == 8 * CHANGES
    return [key for key, value in wanted.items() if str(found.get(key)) != value]


@pytest.mark.slow
@pytest.mark.parametrize("long_request", [False, True], ids=["alone", "beside a long request"])
def test_eight_writers_with_two_hundred_changes_each_lose_none_of_1600(
    server: Server, user: Anywhere, long_request: bool
) -> None:
    works = writers(user)
    gate = f"stress-{id(user)}"
    if long_request:
        slow = Anywhere(server.url)
        slow.cookies = user.cookies
        with meanwhile(lambda: visit(slow, "/hold", gate=gate, key="late", seconds=5)):
            wait_until(lambda: gate_waits(server, gate))
            together(works)
        assert shown(user)["late"] == "late"
    else:
        together(works)
    wait_until(lambda: f"task-{CHANGES - 1}" in shown(user)[NOTES], 20)
    assert lost(user) == []
    assert len(user.workers) >= 4
    assert "nobody has stored" not in server.log_text(), "each change was confirmed in time"
