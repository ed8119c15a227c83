"""What a click of the measured apps looks like in each htag generation: the button in the page,
the message that its handler sends, and the payload that answers.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any, Protocol

# A few members of the browser's event: a message has some 200 bytes, as the POST of the Flask floor.
_EVENT = {"isTrusted": True, "type": "click", "clientX": 42, "clientY": 24, "button": 0, "ctrlKey": False}


class WrongReply(Exception):
    """A server did not answer what the n-th click has to say."""


class Button(Protocol):
    """The button of a loaded page."""

    def __init__(self, page: str) -> None: ...

    def message(self, number: int) -> str:
        """The message of the n-th click, as JSON."""

    def shows(self, payload: dict[str, Any], number: int) -> bool:
        """Does this payload show n?"""


class Htag1Button:
    """htag 1: ``onclick="try{interact( {...,"event": jevent(event)} );} ..."``."""

    def __init__(self, page: str) -> None:
        found = re.search(r"interact\( (\{.*?\}) \)", html.unescape(_handler(page)))
        if found is None:
            raise WrongReply("the page's button calls no interact()")
        self._message = found[1].replace("jevent(event)", json.dumps(_EVENT))

    def message(self, number: int) -> str:
        return self._message

    def shows(self, payload: dict[str, Any], number: int) -> bool:
        return _any_shows(payload.get("update"), number)


class Htag2Button:
    """htag 2: ``onclick="htag_event('button-1', 'click', event)"``."""

    def __init__(self, page: str) -> None:
        found = re.search(r"htag_event\('([^']+)', 'click'", html.unescape(_handler(page)))
        if found is None:
            raise WrongReply("the page's button calls no htag_event()")
        data = {"value": "", "pageX": 42, "pageY": 24, "button": 0, "which": 1, "callback_id": "#"}
        message = json.dumps({"id": found[1], "event": "click", "data": data})
        self._start, self._end = message.split("#")

    def message(self, number: int) -> str:
        return f"{self._start}{number}{self._end}"

    def shows(self, payload: dict[str, Any], number: int) -> bool:
        return _any_shows(payload.get("updates"), number)


def _handler(page: str) -> str:
    found = re.search(r'<button[^>]* onclick="([^"]*)"', page)
    if found is None:
        raise WrongReply(f"the page has no button: {page[-300:]!r}")
    return found[1]


def _any_shows(updates: dict[str, str] | None, number: int) -> bool:
    return any(f">{number}<" in content for content in (updates or {}).values())


BUTTONS: dict[int, type[Button]] = {1: Htag1Button, 2: Htag2Button}
