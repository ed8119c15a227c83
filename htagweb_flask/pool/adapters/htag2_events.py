"""What a page of htag 2 may say with an event.

htag 2 runs only handlers that are bound, but takes whatever a message holds: it writes value, checked and
name of any tag, sets each key of the data as an attribute of the event, and runs what is disabled.
"""

from __future__ import annotations

import re
from typing import Any

import htag.runner
from htag.core import GTag

from ...errors import BadMessage, Stale

__all__ = ["check_event"]

CONTROLS = re.compile(r"input|select|textarea|button|option|output|meter|progress|[\w.]+-[\w.-]*")
"""Elements that have a value: those of HTML, and custom ones, whose names have a hyphen."""

MAX_VALUE = 64 * 1024
"""Characters of a value that is taken over; of a text area, whatever a body may hold."""

_write = GTag._set_attr_direct
_Event: Any = htag.runner.Event


class _GuardedEvent(_Event):  # type: ignore[misc]  # htag has no types
    """An event whose target, id and name are what they are; data of these names is in ``event.value``."""

    def __init__(self, target: Any, message: dict[str, Any]) -> None:
        super().__init__(target, message)
        self.target, self.id, self.name = target, message["id"], message["event"]


def _take_over(tag: Any, name: str, value: Any) -> None:
    """``tag._set_attr_direct``, which only events call: what a field of the page is now."""
    single = value is None or isinstance(value, int | float)
    short = isinstance(value, str) and (len(value) <= MAX_VALUE or _name(tag) == "textarea")
    if _is_control(tag) and (single or short):
        _write(tag, name, value)


htag.runner.Event = _GuardedEvent
GTag._set_attr_direct = _take_over


def check_event(tag: Any, data: dict[str, Any]) -> None:
    """Raises BadMessage for data that no page of an app sends with an event of *tag* (None where there is
    none), and Stale when the server has disabled it."""
    for key in data:
        if key == "target" or key.startswith("__"):
            raise BadMessage(f"an event has no data of the name {key!r}")
    if tag is not None and _is_control(tag) and _is_disabled(tag):
        raise Stale(f"{tag.tag} {tag.id} is disabled")


def _is_control(tag: Any) -> bool:
    return CONTROLS.fullmatch(_name(tag)) is not None


def _is_disabled(tag: Any) -> bool:
    """As in a browser: by itself, or with all that is in a fieldset, but for its legend."""
    below = None
    while tag is not None:
        if below is None or (_name(tag) == "fieldset" and _name(below) != "legend"):
            value = tag._eval_child(tag._get_attrs().get("disabled"), stringify=False)
            if value is not None and value is not False:
                return True
        below, tag = tag, tag.parent
    return False


def _name(tag: Any) -> str:
    return str(tag.tag or "").replace("_", "-").lower()
