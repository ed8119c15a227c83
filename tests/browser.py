"""Chromium for the tests, through Playwright's synchronous API.

A test that asks for `page` (or for `new_user`, to have several) fails at its end when a page logged an error
or threw one, unless it said that it expects that: complaints.allow("Failed to fetch").
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import servers
from tests.support import FAILED, ROOT, unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebError

__all__ = [
    "BROWSER_FIXTURES",
    "Complaints",
    "browser",
    "complaints",
    "context",
    "new_user",
    "offline",
    "page",
]

BROWSER_FIXTURES = frozenset({"browser", "complaints", "context", "new_user", "page"})

#: What Chromium needs as root and in a container, and what keeps it from talking to the world.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

RESULTS = ROOT / "test-results"
TIMEOUT_MS = 10_000


class Complaints:
    """What the pages of a test complained of: errors on the console, and exceptions nobody caught."""

    def __init__(self) -> None:
        self.all: list[str] = []
        # Chromium asks for this by itself; no page of ours names it.
        self._allowed = [re.compile(r"/favicon\.ico\b")]
        if servers.PARANO:  # a proxy or the browser itself has sent something twice
            self.allow("status of 425")

    def allow(self, *patterns: str) -> None:
        """Complaints in which one of these regular expressions is found are expected."""
        self._allowed += map(re.compile, patterns)

    def unexpected(self) -> list[str]:
        return [text for text in self.all if not any(pattern.search(text) for pattern in self._allowed)]

    def watch(self, context: BrowserContext) -> None:
        """Collects from every page of *context*, pop-ups too."""
        context.on("console", self._console)
        context.on("weberror", self._thrown)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.all.append(f"console: {message.text} ({message.location['url']})")

    def _thrown(self, error: WebError) -> None:
        self.all.append(f"thrown: {error.error}")


def _chromium() -> str:
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, filter(None, names))), None) or unavailable("Chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    from playwright.sync_api import sync_playwright

    program = _chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def complaints(request: pytest.FixtureRequest) -> Iterator[Complaints]:
    """What pages complain of; the test fails at its end for what it did not allow."""
    collected = Complaints()
    yield collected
    # A test that failed has its reason already; its complaints are shown beside it, not on top.
    unexpected = collected.unexpected()
    if unexpected and request.node.stash.get(FAILED, False):
        print("The pages complained:", *unexpected, sep="\n  ")
    elif unexpected:
        pytest.fail("The pages complained:\n  " + "\n  ".join(unexpected), pytrace=False)


@pytest.fixture
def new_user(
    browser: Browser, complaints: Complaints, request: pytest.FixtureRequest
) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts: each is a user with cookies of their own; its pages are that user's tabs."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**options)
        context.set_default_timeout(TIMEOUT_MS)
        if servers.PARANO:
            context.add_init_script(one_identity())
        complaints.watch(context)
        contexts.append(context)
        return context

    def leave(url: str) -> None:
        for context in contexts:
            for page in context.pages:
                if page.url.startswith(url):
                    page.goto("about:blank")

    servers.LEAVING.append(leave)
    try:
        yield make
    finally:
        servers.LEAVING.remove(leave)
        if request.node.stash.get(FAILED, False):
            _keep(contexts, request.node.nodeid)
        for context in contexts:
            context.close()


@pytest.fixture
def context(new_user: Callable[..., BrowserContext]) -> BrowserContext:
    """One user."""
    return new_user()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """One tab of one user."""
    return context.new_page()


def one_identity() -> str:
    """A script that gives all ports of a host the same key of the browser: they have the same cookies."""
    from htagweb_flask.noise import new_key, public_key

    secret = new_key()
    return f"""try {{
      const opening = indexedDB.open("htag", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("parano");
      opening.onsuccess = () => {{
        const store = opening.result.transaction("parano", "readwrite").objectStore("parano");
        const [key, secret] = [{list(public_key(secret))}, {list(secret)}];
        const identity = {{ key: Uint8Array.from(key), secret: Uint8Array.from(secret) }};
        store.put(identity, "identity").onsuccess = () => opening.result.close();
      }};
    }} catch {{ /* about:blank has no database */ }}"""


@contextlib.contextmanager
def offline(context: BrowserContext) -> Iterator[None]:
    """No network for the pages of a user. New requests fail; to cut what is open, use tests/proxy.py."""
    context.set_offline(True)
    try:
        yield
    finally:
        context.set_offline(False)


def _keep(contexts: list[BrowserContext], nodeid: str) -> None:
    """Keeps screenshot and html of a failed test's pages; a page that hangs must not hang the run."""
    folder = RESULTS / re.sub(r"[^\w.-]+", "_", nodeid)
    for number, page in enumerate(page for context in contexts for page in context.pages):
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(Exception):
            page.screenshot(path=Path(folder, f"{number}.png"), timeout=3000)
            Path(folder, f"{number}.html").write_text(f"<!-- {page.url} -->\n{page.content()}")
