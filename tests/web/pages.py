"""What the tests here do with pages of htag apps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import Server, serve
from tests.support import ROOT, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page, Route

__all__ = [
    "NO_NONCE",
    "click",
    "connected",
    "early",
    "gunicorn",
    "held",
    "loaded",
    "log",
    "logged",
    "paints",
    "part",
    "requests",
    "texts",
]

#: For what is about csp="strict".
NO_NONCE = pytest.mark.clear("the page before a sealed one is the same for everybody, and has no nonce")


@contextmanager
def gunicorn(target: str, *options: str, cwd: Path = ROOT, **env: str) -> Iterator[Server]:
    """gunicorn with four gevent workers, which end soon after their pages, and the pool soon after them."""
    quick = ("--graceful-timeout", "1", *options)
    env = {"HTAG_POOL_GRACE": "0.3", "HTAG_WORKERS": "1", **env}
    with serve("gunicorn-gevent", target, cwd=cwd, env=env, options=quick) as server:
        yield server


def part(page: Page, name: str) -> Locator:
    """The elements that an app has named by data-test."""
    return page.locator(f'[data-test="{name}"]')


def click(page: Page, name: str) -> None:
    """Clicks what is named so, in the tab that is in front, as a user does: in another it takes 2 s."""
    page.bring_to_front()
    part(page, name).click()


def loaded(page: Page) -> Page:
    """Waits until the page of the app is there, which comes after that of the shell where it is sealed."""
    return _become(page, "document.readyState === 'complete' && !document.getElementById('htag-shell')")


def connected(page: Page) -> Page:
    """Waits until pushes can reach the page."""
    return _become(page, "window.htagweb?.status() === 'open'")


def _become(page: Page, state: str) -> Page:
    from playwright.sync_api import Error

    def is_so() -> bool:
        # Not wait_for_function(), which is eval in the page: a policy may forbid it.
        try:
            return bool(page.evaluate(state))
        except Error as error:
            if "context was destroyed" not in str(error):
                raise
            return False  # another page comes just now

    wait_until(is_so, 20, state)
    return page


EARLY = """(() => {
  const run = () => { %s };
  const { open } = Document.prototype;
  Document.prototype.open = function (...its) {
    const opened = open.apply(this, its);
    run();
    return opened;
  };
  run();
})()"""


def early(pages: Page | BrowserContext, script: str) -> None:
    """Runs a script before those of each page to come. A page that was sealed is written into the document of
    its shell, which loses its listeners by that: the script runs there once more."""
    pages.add_init_script(EARLY % script)


def log(page: Page) -> list[Any]:
    """What the app's scripts have written down in this page, by the function ran() of tests.apps.web_kit."""
    found: list[Any] = page.evaluate("window.log")
    return found


def logged(page: Page, *wanted: Any) -> None:
    """Waits until these have been written down, and nothing else."""
    wait_until(lambda: len(log(page)) >= len(wanted), 20, f"{len(wanted)} entries")
    assert log(page) == list(wanted)


RECORD = """([name, byFrame]) => {
  const found = [];
  (window.recorded ??= {})[name] = found;
  const look = () => {
    const text = document.querySelector(`[data-test="${name}"]`)?.textContent;
    if (text !== found.at(-1)) found.push(text);
  };
  const each = () => { look(); requestAnimationFrame(each); };
  look();
  if (byFrame) each();
  else new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
}"""


def texts(page: Page, name: str) -> Callable[[], list[str]]:
    """Records each text that an element has from now on; the result tells those after the first."""
    page.evaluate(RECORD, [name, False])
    return lambda: page.evaluate("(name) => recorded[name].slice(1)", name)


def paints(page: Page, name: str) -> Callable[[], list[str]]:
    """As texts(), but only what was there when the browser painted a frame."""
    page.evaluate(RECORD, [name, True])
    return lambda: page.evaluate("(name) => recorded[name].slice(1)", name)


def requests(page: Page, verb: str) -> list[str]:
    """Collects the bodies of the page's posts of that kind, from now on."""
    bodies: list[str] = []

    def note(request: Any) -> None:
        if request.method == "POST" and request.url.endswith(f"/_htag/{verb}"):
            bodies.append((request.post_data_buffer or b"").decode(errors="replace"))

    page.on("request", note)
    return bodies


@contextmanager
def held(page: Page, verb: str) -> Iterator[Callable[[], object]]:
    """Posts of that kind wait inside the block, and go on after it; calling the result waits for one."""
    waiting: list[Route] = []
    pattern = f"**/_htag/{verb}"

    def wait(route: Route) -> None:
        waiting.append(route)

    def one() -> bool:
        page.evaluate("0")  # lets Playwright tell what has happened
        return bool(waiting)

    page.route(pattern, wait)
    yield lambda: wait_until(one, 20, f"a post to {verb}")
    for route in waiting:
        route.continue_()
    page.unroute(pattern, wait)
