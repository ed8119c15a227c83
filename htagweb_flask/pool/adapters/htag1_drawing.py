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
from .htag1_grant import Grant
from .htag1_grants import Drawn, Grants
from .strict import Strict

__all__ = ["Asking", "Pen", "asking", "here", "quicken"]


class Asking:
    """The interaction in whose context code runs, for as long as it is open: tasks started by it inherit
    the context, and outlive it."""

    def __init__(self, client: str) -> None:
        self.client: str | None = client


class Pen:
    """What the instance of a thread draws with."""

    __slots__ = ("drawn", "grants", "strict", "tag")

    def __init__(self, grants: Grants, strict: Strict | None) -> None:
        self.grants = grants
        self.strict = strict
        self.tag: Any = None
        """That whose attributes are written; None while code of the app runs that makes texts."""
        self.drawn: Drawn | None = None
        """What was written into them."""


class _Thread(threading.local):
    """The instance of this thread; nothing in a thread that the app has started."""

    pen: Pen | None = None
    session: dict[str, Any] | None = None


here = _Thread()

asking: contextvars.ContextVar[Asking | None] = contextvars.ContextVar("asking", default=None)


def _write_caller(caller: Any) -> str:
    pen = here.pen
    if pen is None or pen.tag is None or caller.mname is None:
        return _write_aside(caller, pen)
    grant: Grant | None = caller._htagweb_grant
    if grant is None or not grant.is_of(caller, pen.tag):
        grant = pen.grants.offer(caller, pen.tag)
    drawn = pen.drawn
    if drawn is None:
        pen.drawn = grant
    elif isinstance(drawn, list):
        drawn.append(grant)
    else:
        pen.drawn = [drawn, grant]
    if grant.args is not caller.args or caller._befores or caller._afters:
        return str(_original_write(caller))
    if grant.text is None or not _is_quick:
        grant.text = str(_original_write(caller))
    return grant.text


def _write_aside(caller: Any, pen: Pen | None) -> str:
    """*caller* is written into a text, or is the next step of a generator."""
    text = str(_original_write(caller))
    if caller.mname is not None:
        renderer = caller.instance.root._hr if pen is None else pen
        if renderer is not None:
            renderer.grants.write(caller)
    elif pen is not None:
        interaction = asking.get()
        pen.grants.expect(id(caller.instance), interaction.client if interaction else None)
    return text


def _draw(tag: Any) -> str:
    pen = here.pen
    if pen is None:
        renderer = tag.root._hr
        return _written(tag, str(_original_draw(tag)), renderer and renderer.strict)
    outer, pen.tag = pen.tag, tag
    former, pen.drawn = pen.drawn, None
    try:
        text: str = _original_draw(tag)
        drawn = pen.drawn
    finally:
        pen.tag, pen.drawn = outer, former
    if drawn is not None or id(tag) in pen.grants.held:
        pen.grants.drawn(tag, drawn)
    return text if pen.strict is None else _written(tag, text, pen.strict)


def _written(tag: Any, text: str, strict: Strict | None) -> str:
    return text if strict is None or tag.tag is None else strict.tag(tag.tag, text)


def _find_render(tag: Any) -> Any:
    render = _original_find_render(tag)
    pen = here.pen if render else None
    if pen is None:
        return render

    def aside() -> None:  # what it writes is not in the attributes of the tag
        outer, pen.tag = pen.tag, None
        try:
            render()
        finally:
            pen.tag = outer

    return aside


def _clear(tag: Any, content: Any = None) -> None:
    for child in tag._childs:
        if type(child) is not str and isinstance(child, Tag):
            _take_out(tag)
            break
    _original_clear(tag, content)


def _remove(tag: Any, content: Any = None) -> Any:
    if (pen := here.pen) is not None:
        pen.grants.removed = True  # as _take_out does: one call less for each tag that goes
    else:
        _take_out(tag)
    return _original_remove(tag, content)


def _take_out(tag: Any) -> None:
    if (pen := here.pen) is not None:
        pen.grants.removed = True
    elif tag.root._hr is not None:
        tag.root._hr.grants.strays = True


_original_write, _original_draw = BaseCaller.__str__, Tag.__str__
_original_clear, _original_remove = Tag.clear, Tag.remove
_original_find_render = Tag._hasARenderMethod
BaseCaller.__str__ = _write_caller
BaseCaller._htagweb_grant = None  # that of what it has written last
Tag.__str__ = _draw
Tag._hasARenderMethod = _find_render
Tag.clear, Tag.remove = _clear, _remove
htag.tag.stringify = stringify


_is_quick = False


def quicken(draw: Callable[[Any], str]) -> None:
    """Has tags drawn by *draw*, in place of htag's own function, and calls written as they were noted."""
    global _original_draw, _is_quick
    _original_draw, _is_quick = draw, True
