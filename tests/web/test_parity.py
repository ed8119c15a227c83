"""Whatever a page offers is done, whoever has written it: nothing is refused, under a strict policy, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps.unaware import EXAMPLES, WIDGETS
from tests.browser import Complaints
from tests.servers import PARANO, Server
from tests.support import wait_until
from tests.web.pages import connected, gunicorn

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Request, Response

    NewUser = Callable[..., BrowserContext]

#: The ids of all that can be used now, in the order of the page.
OFFERED = """() => [...document.body.querySelectorAll('*')]
    .filter((element) => element.matches('button, a, input, select, textarea, label, [data-htag-on]') ||
      element.getAttributeNames().some((name) => name.startsWith('on')))
    .filter((element) => element.checkVisibility() && element.id && element.type !== 'file')
    .filter((element) => !element.closest('a[href]:not([href^="#"])'))  // it leads to another page
    .map((element) => element.id)"""

#: Uses one of them as a user would: types into it, chooses, or clicks. Tells how often it called the server.
USE = """(id) => {
  const element = document.getElementById(id);
  if (!element?.checkVisibility()) return 0;
  const way = window.interact ? 'interact' : 'htag_transport';
  const send = window[way];
  let calls = 0;
  window[way] = (message) => { calls += 1; return send(message); };
  const tell = (name) => element.dispatchEvent(new Event(name, { bubbles: true, cancelable: true }));
  const isText = element.matches('textarea, input:not([type=checkbox], [type=radio], [type=submit])');
  if (element.matches('select')) element.selectedIndex = element.options.length - 1;
  if (isText) element.value = element.type === 'range' ? 7 : 'typed';
  element.focus();
  if (isText || element.matches('select'))
    ['keydown', 'input', 'keyup', 'change', 'blur'].forEach(tell);
  else element.click();
  window[way] = send;
  return calls;
}"""

CSPS = ("default",) if PARANO else ("default", "strict")
"""The page before a sealed one is the same for everybody, and has no nonce."""

MOST = 12
"""Uses of what comes later: menus open menus."""


class Visit:
    """One page, and what it has asked the server."""

    def __init__(self, new_user: NewUser, url: str) -> None:
        self.context = new_user()
        self.page = self.context.new_page()
        self.asked = self.finished = 0
        self.refused: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        self.page.on("requestfinished", self._finished)
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

    def _finished(self, request: Request) -> None:
        self.finished += request.url.endswith("/_htag/call")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and "/_htag/" in response.url:
            self.refused.append(f"{response.status} {response.url}")

    def quiet(self) -> bool:
        """Whether all is answered, and drawn."""
        idle = self.asked == self.finished
        self.page.evaluate("new Promise((resolve) => setTimeout(resolve, 25))")
        return idle and self.asked == self.finished

    def use(self, which: str) -> int:
        """Uses the element of that id. Returns how often it has called the server for it."""
        calls: int = self.page.evaluate(USE, which)
        wait_until(self.quiet, 20, "answers")
        return calls

    def use_all(self) -> list[int]:
        """Uses all that is there at first, and tells what called the server; then what has come with it."""
        first = self.page.evaluate(OFFERED)
        called = [self.use(each) for each in first]
        used = set(first)
        for _ in range(MOST):
            new = [each for each in self.page.evaluate(OFFERED) if each not in used]
            if not new:
                break
            used.add(new[0])
            self.use(new[0])
        return called


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_parity:app") as server:
        yield server


@pytest.mark.parametrize("target", [*EXAMPLES, *WIDGETS])
def test_nothing_is_refused(new_user: NewUser, site: Server, complaints: Complaints, target: str) -> None:
    called: dict[str, list[int]] = {}
    for csp in CSPS:
        if csp == "strict" and target in WIDGETS:  # a user has written into that page
            complaints.allow("Content Security Policy.* inline", "x .*404|404.*/x")
        visit = Visit(new_user, f"{site.url}/{csp}/{target}/")
        called[csp] = visit.use_all()
        assert visit.refused == []
        assert visit.page.evaluate("window.hit") is None
        visit.context.close()
    assert any(called["default"])
    assert called["default"] == called[CSPS[-1]] or target == "showcase:App"  # its job changes it meanwhile
