"""What htag 1 does when it draws, with a note of every call that it writes: see ``htag1_grants``.

It is put into htag's own classes when this is imported, for the whole process; whose drawing it is tells the
thread, as each instance has its own.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import htag.tag
from htag import Tag
from htag.tag import BaseCaller

from .htag1_constants import stringify
from .htag1_grants import Call, Grants, call_of, is_known
from .strict import Strict

__all__ = ["Asking", "Pen", "asking", "draw_by", "here"]


class Asking:
    """The interaction in whose context code runs, for as long as it is open: tasks started by it inherit
    the context, and outlive it."""

    def __init__(self, client: str) -> None:
        self.client: str | None = client


class Pen:
    """What the instance of a thread draws with."""

    __slots__ = ("calls", "grants", "strict")

    def __init__(self, grants: Grants, strict: Strict | None) -> None:
        self.grants = grants
        self.strict = strict
        self.calls: list[Call] | None = None
        """Those of the tag that is being drawn; None while code of the app runs that makes texts."""


class _Thread(threading.local):
    """The instance of this thread; nothing in a thread that the app has started."""

    pen: Pen | None = None
    session: dict[str, Any] | None = None


here = _Thread()

asking: contextvars.ContextVar[Asking | None] = contextvars.ContextVar("asking", default=None)


def _write_caller(caller: Any) -> str:
    pen = here.pen
    calls = None if pen is None else pen.calls
    if calls is not None and caller._htagweb_call is not None and is_known(caller):
        return _write_again(caller, calls)
    text = str(_original_write(caller))
    if caller.mname is None:  # the next step of a generator
        if pen is not None:
            interaction = asking.get()
            pen.grants.expect(id(caller.instance), interaction.client if interaction else None)
    elif pen is None:
        renderer = caller.instance.root._hr
        if renderer is not None:
            renderer.grants.write(caller)
    elif calls is None:
        pen.grants.write(caller)
    else:
        calls.append(call_of(caller))
    return text


def _write_again(caller: Any, calls: list[Call]) -> str:
    """What is written a second time will be written a third: its text is kept."""
    text: str | None = caller._htagweb_text
    if text is None:
        text = caller._htagweb_text = str(_original_write(caller))
    calls.append(caller._htagweb_call)
    return text


def _draw(tag: Any) -> str:
    pen = here.pen
    if pen is None:
        renderer = tag.root._hr
        return _written(tag, str(_original_draw(tag)), renderer and renderer.strict)
    calls: list[Call] = []
    outer, pen.calls = pen.calls, calls
    try:
        text: str = _original_draw(tag)
    finally:
        pen.calls = outer
    if calls or id(tag) in pen.grants.held:
        pen.grants.drawn(tag, calls)
    return text if pen.strict is None else _written(tag, text, pen.strict)


def _written(tag: Any, text: str, strict: Strict | None) -> str:
    return text if strict is None or tag.tag is None else strict.tag(tag.tag, text)


def _find_render(tag: Any) -> Any:
    render = _original_find_render(tag)
    pen = here.pen if render else None
    if pen is None:
        return render

    def aside() -> None:  # what it writes is not in the attributes of the tag
        outer, pen.calls = pen.calls, None
        try:
            render()
        finally:
            pen.calls = outer

    return aside


def _clear(tag: Any, content: Any = None) -> None:
    if tag._childs and any(isinstance(child, Tag) for child in tag._childs):
        _take_out(tag)
    _original_clear(tag, content)


def _remove(tag: Any, content: Any = None) -> Any:
    _take_out(tag)
    return _original_remove(tag, content)


def _take_out(tag: Any) -> None:
    pen = here.pen
    if pen is not None:
        pen.grants.removed = True
    elif tag.root._hr is not None:
        tag.root._hr.grants.strays = True


_original_write, _original_draw = BaseCaller.__str__, Tag.__str__
_original_clear, _original_remove = Tag.clear, Tag.remove
_original_find_render = Tag._hasARenderMethod
BaseCaller.__str__ = _write_caller
BaseCaller._htagweb_call = BaseCaller._htagweb_text = None  # what is known of it, and what was written then
Tag.__str__ = _draw
Tag._hasARenderMethod = _find_render
Tag.clear, Tag.remove = _clear, _remove
htag.tag.stringify = stringify


def draw_by(draw: Callable[[Any], str]) -> None:
    """Has tags drawn by *draw*, in place of htag's own function."""
    global _original_draw
    _original_draw = draw
