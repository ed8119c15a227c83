"""The Chromium fixtures are proved before anything is proved with them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import Complaints, offline
from tests.proxy import Proxy
from tests.servers import Server, serve
from tests.support import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    with serve("gunicorn-gthread", workers=1) as server:
        yield server


def test_a_page_is_shown(page: Page, plain: Server) -> None:
    page.goto(plain.url)
    assert page.title() == "plain"
    assert page.locator("#hello").inner_text() == "hello"


def test_what_a_page_complains_of_is_collected(page: Page, plain: Server, complaints: Complaints) -> None:
    page.goto(f"{plain.url}/broken")
    page.evaluate("fetch('/absent')")
    complaints.allow("told")
    thrown, absent = sorted(complaints.unexpected(), reverse=True)
    assert "thrown is not defined" in thrown
    assert "404" in absent
    assert "/absent" in absent
    complaints.allow("thrown is not defined", "/absent")
    assert complaints.unexpected() == []


def test_every_user_has_cookies_of_their_own(new_user: Callable[..., BrowserContext], plain: Server) -> None:
    one, other = new_user(), new_user()
    tab = one.new_page()
    tab.goto(f"{plain.url}/cookie")
    again = one.new_page()
    again.goto(f"{plain.url}/cookie")
    assert "value" in again.inner_text("body")
    stranger = other.new_page()
    stranger.goto(f"{plain.url}/cookie")
    assert "value" not in stranger.inner_text("body")


def test_a_server_that_ends_orderly_is_left_first(page: Page) -> None:
    with serve("werkzeug") as server:
        page.goto(server.url)
        page.evaluate("setInterval(() => fetch('/who').then(a => a.text()), 10); 0")
    assert page.url == "about:blank"


def test_the_network_can_be_taken_away(
    context: BrowserContext, plain: Server, complaints: Complaints
) -> None:
    complaints.allow("net::ERR_")
    with Proxy(plain.port) as proxy:
        page = context.new_page()
        page.goto(proxy.url)
        ask = "fetch('/who').then(() => 'there', () => 'away')"
        assert page.evaluate(ask) == "there"
        with offline(context):
            assert page.evaluate(ask) == "away"
        proxy.cut()
        assert page.evaluate(ask) == "away"
        proxy.restore()
        assert page.evaluate(ask) == "there"


FAILING = """
from tests.browser import browser, complaints, context, new_user, page

def test_quiet(page):
    page.goto("about:blank")

def test_loud(page, complaints):
    page.evaluate("console.error('Ouch')")
"""


def test_a_complaint_that_is_not_allowed_fails_the_test(tmp_path: Path) -> None:
    """In a run of its own, as one Chromium and its loop are there already."""
    (tmp_path / "test_inner.py").write_text(FAILING)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    inner = subprocess.run(
        [*command, str(tmp_path)], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert "2 passed, 1 error" in inner.stdout
    assert "The pages complained:\n  console: Ouch" in inner.stdout
