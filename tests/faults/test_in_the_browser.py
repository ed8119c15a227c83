"""The process of an app dies while a person looks at its page: it comes back, and says what is unknown.

In the table of docs/architecture.md: a worker of the pool.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.server.desk import SOON
from tests.servers import Server, serve
from tests.support import wait_until
from tests.web.pages import click, connected, part

if TYPE_CHECKING:
    from playwright.sync_api import Page

RELOADED = 20_000


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faulty") / "file"


@pytest.fixture(scope="module")
def server(trace: Path, way: dict[str, str]) -> Iterator[Server]:
    env = {**way, "HTAG_POOL_GRACE": "0.3", "HTAG_WORKERS": "1", "FAULTY_FILE": str(trace)}
    with serve("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=SOON) as running:
        yield running


@pytest.fixture(autouse=True)
def dead_instances_are_told(complaints: Complaints) -> None:
    complaints.allow("status of 410")


def die(server: Server, page: Page) -> None:
    """Kills the process that the page is of, and waits for the page of another one."""
    pid = part(page, "pid").inner_text()
    server.kill(int(pid.removeprefix("pid ")))
    expect(part(page, "pid")).not_to_have_text(pid, timeout=RELOADED)
    connected(page)


def test_a_page_comes_back_by_itself_with_its_state(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?way=")
    connected(page)
    for _ in range(2):
        click(page, "hit")
    expect(part(page, "hits")).to_have_text("hits 2")
    die(server, page)
    expect(part(page, "kept")).to_have_text("kept 2")
    expect(part(page, "hits")).to_have_text("hits 0")
    assert not page.get_by_text("may not have been carried out").is_visible()
    click(page, "hit")
    expect(part(page, "kept")).to_have_text("kept 3")


def test_a_click_whose_outcome_is_unknown_is_told_and_not_repeated(
    page: Page, server: Server, trace: Path
) -> None:
    page.goto(server.url)
    connected(page)
    trace.unlink(missing_ok=True)
    click(page, "hold")
    wait_until(trace.exists)
    click(page, "hit")  # it waits for the first, and was for the instance that ends
    die(server, page)
    expect(page.get_by_text("may not have been carried out")).to_be_visible()
    expect(part(page, "kept")).to_have_text("kept 0")
    click(page, "hit")
    expect(part(page, "kept")).to_have_text("kept 1")
    assert trace.read_text() == "held "
