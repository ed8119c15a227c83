"""What the tests here do with a page of tests.apps.desk, and with the servers that serve it."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.http_client import Page, User
from tests.http_session import TRY_AGAIN, Answer, Headers, Refused
from tests.support import wait_until

__all__ = [
    "DESK",
    "QUICK",
    "SOON",
    "Anywhere",
    "done",
    "meanwhile",
    "message",
    "number",
    "opened",
    "press",
    "together",
    "typed",
    "word",
]

DESK = "tests.apps.desk:app"

#: For servers whose pool has not to outlive anything.
QUICK = {"HTAG_POOL_GRACE": "0.5"}
#: gunicorn waits for open streams when it stops, and a test closes its streams without leaving their pages.
SOON = ("--graceful-timeout", "1")


class Anywhere(User):
    """A browser with a new connection for each request, so that any worker answers; it notes which."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(url, keep_alive=False, headers=headers)
        self.workers: Counter[str] = Counter()

    def request(self, method: str, path: str, body: Any = None, headers: Headers | None = None) -> Answer:
        answer = super().request(method, path, body, headers)
        self.workers[answer.headers.get("X-Worker", "")] += 1
        return answer


def opened(user: User, patience: float) -> Page:
    """A page, which comes by itself, as soon as it is there: its process is started, or a session that has
    begun many sealed pages may begin another one."""

    def asked() -> Page | None:
        try:
            return user.open("/")
        except Refused as refused:
            if refused.status not in TRY_AGAIN:
                raise
            return None

    return wait_until(asked, patience, "a page", every=0.2)


def message(page: Page, name: str, **data: Any) -> dict[str, Any]:
    """The message that a click on the button *name* would send; *data* is what its event holds."""
    button = page.find(f"^{name}$", tag="button")
    (found,) = page.messages(button.attributes["onclick"], data)
    return found


def press(page: Page, name: str, **data: Any) -> dict[str, Any]:
    """Clicks the button *name*."""
    return page.call(message(page, name, **data))


def typed(page: Page, text: str, wait: float = 0) -> dict[str, Any]:
    """Types into the field; its handler takes *wait* seconds."""
    (found,) = page.fire(page.find(tag="input", class_="field"), "input", text=text, wait=wait)
    return found


def word(page: Page, class_: str = "word") -> str:
    """The text of one of the paragraphs."""
    text: str = page.find(tag="p", class_=f"^{class_}$").text
    return text


def number(page: Page, class_: str) -> int:
    """The number at the end of one of the paragraphs."""
    return int(word(page, class_).rpartition(" ")[2])


def done(page: Page, verb: str) -> list[int]:
    """The numbers in the calls of the function *verb* that the page was sent, in order."""
    return [int(found) for found in re.findall(rf"{verb}\((\d+)\)", "\n".join(page.scripts))]


@contextlib.contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator[list[Any]]:
    """Runs *work* in a thread; at the end of the block it must have come to its end, with its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    yield results
    thread.join(20)
    assert results, "the work in the background has failed, or goes on"


def together(works: Iterable[Callable[[], Any]]) -> list[Any]:
    """Runs all at the same time; their results. Raises the first error."""
    works = list(works)
    start = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)
    errors: list[BaseException] = []

    def run(index: int, work: Callable[[], Any]) -> None:
        start.wait()
        try:
            results[index] = work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
