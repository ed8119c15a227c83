"""How an attack is made, and what must come of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.dom import Element
from tests.http_client import Page, User
from tests.http_session import Answer

__all__ = ["attack", "click", "log", "offered", "quick", "refused", "undone", "victim"]

TRACES = (b"Traceback", b'File "', b"Error:", b"htagweb_flask/", b"the combination is 1234", b"site-packages")


@contextmanager
def quick(seconds: float = 5) -> Iterator[None]:
    """What is refused is refused at once, also on a machine that has much to do."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def victim(url: str, path: str = "/") -> Page:
    """A page of a user of its own."""
    return User(url).open(path)


def attack(page: Page, message: Any, **headers: str | None) -> Answer:
    """Posts *message* as the next interaction of the page."""
    page.seq += 1
    with quick():
        return page.post("call", {"seq": page.seq, "cursor": page.cursor, "message": message}, headers)


def refused(answer: Answer, status: int, code: str) -> None:
    """It says no, and nothing else."""
    assert (answer.status, answer.body) == (status, b'{"error":"%s"}' % code.encode())
    assert answer.headers["Cache-Control"] == "no-store"
    assert not any(trace in answer.body for trace in TRACES)


def click(page: Page, name: str, **data: Any) -> dict[str, Any]:
    """The message of the button *name*."""
    (message,) = offered(page, page.find(f"^{name}$", tag="button"), **data)
    return message


def offered(page: Page, button: Element, **data: Any) -> list[dict[str, Any]]:
    """The messages of a *button*."""
    return page.messages(button.attributes["onclick"], data)


def log(page: Page) -> str:
    """What was done to the vault, read after a look at it."""
    page.call(click(page, "look"))
    page.poll()
    text: str = page.find(tag="p", class_="log").text
    return text


def undone(page: Page, before: str = "") -> None:
    """Nothing has happened to the vault but looks, and it still works."""
    assert log(page).replace("look", "").split() == before.split()
