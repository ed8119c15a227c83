"""Whatever a page offers is done, whoever has written it: nothing is refused, under a strict policy, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps.web_parity import EXAMPLES, WIDGETS
from tests.browser import Complaints
from tests.servers import Server
from tests.support import ROOT, wait_until
from tests.web.pages import connected, gunicorn

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Request, Response

    NewUser = Callable[..., BrowserContext]

#: The ids of all that can be used now, in the order of the page.
OFFERED = """() => [...document.body.querySelectorAll(
  'button, a, input, select, textarea, li, td, label, [onclick], [data-htag-on]')]
    .filter((element) => element.checkVisibility() && element.id && element.type !== 'file')
    .map((element) => element.id)"""

#: Uses one of them as a user would: types into it, chooses, or clicks.
USE = """(id) => {
  const element = document.getElementById(id);
  if (!element?.checkVisibility()) return false;
  const tell = (name) => element.dispatchEvent(new Event(name, { bubbles: true, cancelable: true }));
  const isText = element.matches('textarea, input:not([type=checkbox], [type=radio], [type=submit])');
  if (element.matches('select')) element.selectedIndex = element.options.length - 1;
  if (isText) element.value = element.type === 'range' ? 7 : 'typed';
  element.focus();
  if (isText || element.matches('select'))
    ['keydown', 'input', 'keyup', 'change', 'blur'].forEach(tell);
  else element.click();
  return true;
}"""

MOST = 60
"""Uses of a page: menus open menus."""


class Visit:
    """One page, and what it has asked the server."""

    def __init__(self, new_user: NewUser, url: str) -> None:
        self.context = new_user()
        self.page = self.context.new_page()
        self.asked = self.answered = 0
        self.refused: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        self.page.route("**/*", lambda route: self._kept_in(route, url))
        self.page.goto(url)
        connected(self.page)

    def _kept_in(self, route: Any, url: str) -> None:
        if route.request.url.startswith(url.rpartition("/")[0].rpartition("/")[0]):
            route.fallback()
        else:  # nothing leaves this machine
            self.elsewhere.append(route.request.url)
            route.fulfill(status=200, body="")

    def _asked(self, request: Request) -> None:
        self.asked += request.url.endswith("/_htag/call")

    def _answered(self, response: Response) -> None:
        self.answered += response.url.endswith("/_htag/call")
        if response.status >= 400 and "/_htag/" in response.url:
            self.refused.append(f"{response.status} {response.url}")

    def quiet(self) -> bool:
        self.page.evaluate("new Promise((resolve) => setTimeout(resolve, 15))")
        return self.asked == self.answered

    def use_all(self) -> int:
        """Uses whatever is there, and what comes with it. Returns how often."""
        used: set[str] = set()
        while len(used) < MOST:
            offered = [each for each in self.page.evaluate(OFFERED) if each not in used]
            if not offered:
                break
            used.add(offered[0])
            self.page.evaluate(USE, offered[0])
            wait_until(self.quiet, 20, "answers")
        return len(used)


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    path = f"{ROOT}/examples:{ROOT}/examples/demo:{ROOT}"
    with gunicorn("tests.apps.web_parity:app", PYTHONPATH=path) as server:
        yield server


@pytest.mark.parametrize("target", [*EXAMPLES, *WIDGETS])
def test_nothing_is_refused(new_user: NewUser, site: Server, complaints: Complaints, target: str) -> None:
    done: dict[str, tuple[int, int]] = {}
    for csp in ("default", "strict"):
        if csp == "strict" and target in WIDGETS:  # a user has written into that page
            complaints.allow("Content Security Policy.* inline", "x .*404|404.*/x")
        visit = Visit(new_user, f"{site.url}/{csp}/{target}/")
        done[csp] = visit.use_all(), visit.asked
        assert visit.refused == []
        assert visit.page.evaluate("window.hit") is None
        visit.context.close()
    print(target, done)
    assert done["default"][0] > 0
    assert done["default"] == done["strict"]
