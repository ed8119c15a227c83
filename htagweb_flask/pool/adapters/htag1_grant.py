"""One call as htag 1 wrote it into a page: see ``htag1_grants``, which keeps those of an instance.

It is one object, and nothing in it is worked out before a message asks for it: most calls never come.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from htag import Tag

from .htag1_constants import Pattern, noted

__all__ = ["GRACE", "Call", "Drawing", "Grant", "Written", "call_of", "descent"]

GRACE = 30.0
"""Seconds that a page may use what was replaced, while it has not seen that."""

CALLBACKS = ("__on__", "__on_event__")
"""The methods behind ``bind(callback)``: their first argument is the key of the callback."""

_CHANGING: Any = object()
"""In the place of arguments that have to be read each time."""

Call = tuple[str, Pattern | None, str | None, Callable[[], Any], Callable[[], Any] | None]
"""What :func:`noted` says of a call; weak references to its target and to its callback."""


def call_of(caller: Any) -> Call:
    """The call that htag's *caller* writes now."""
    target, method, args = caller.instance, caller.mname, caller.args
    key, pattern, text = noted(id(target), method, args, caller.kargs)
    bound = None
    if method in CALLBACKS and (callback := target._callbacks_.get(args[0])) is not None:
        bound = weakref.ref(callback)  # next time it may be another one
    return key, pattern, text, weakref.ref(target), bound


class Drawing:
    """What is drawn between two emissions, and is in the second one."""

    __slots__ = ("born",)

    def __init__(self) -> None:
        self.born = 0  # until that emission is made, whose number it is


class Grant(weakref.ref[Any]):
    """A call as it was written into an attribute of a tag: a weak reference to that tag."""

    __slots__ = ("args", "bound", "drawing", "ended", "key", "method", "pattern", "target", "text")
    __eq__, __ne__, __hash__ = object.__eq__, object.__ne__, object.__hash__  # not those of what it is in
    key: str
    pattern: Pattern | None
    text: str | None  # what htag writes of it, once that is known
    target: Callable[[], Any]  # a weak reference, as the next one
    bound: Callable[[], Any] | None
    method: str
    args: Any  # those of the object that writes it, if it writes the same as long as they are the same
    drawing: Drawing
    ended: tuple[int, float] | None  # the emission that takes it away, and when that was

    def keep(self, caller: Any) -> None:
        """Lets *caller* know it for the next drawing, if what it writes can be told by its attributes."""
        args = caller.args
        if type(args) is tuple and not caller.kargs and type(self.pattern) is not str:
            self.args, self.method, caller._htagweb_grant = args, caller.mname, self
        else:
            self.args = _CHANGING

    def is_of(self, caller: Any, tag: Any) -> bool:
        """Whether *caller*, which knows it, writes the same now, into the attributes of *tag*."""
        target, bound = caller.instance, self.bound
        return (
            self.args is caller.args
            and self() is tag
            and self.target() is target
            and self.method is caller.mname
            and self.ended is None
            and not caller.kargs
            and (bound is None or bound() is target._callbacks_.get(self.args[0]))
        )

    def is_for(self, call: Call, tag: Any) -> bool:
        """Whether it is this call, in the attributes of *tag*."""
        key, pattern, _, target, bound = call
        return (
            self.key == key
            and self.target is target  # of an object there is one reference
            and self.bound is bound
            and (pattern is None or repr(self.pattern) == repr(pattern))  # 1 is not True
            and self() is tag
        )

    def reach(self, args: list[Any]) -> Any:
        """What it calls with these arguments, if it is still there, and its callback is the same; or None."""
        target, bound = self.target(), self.bound
        if target is not None and bound is not None and bound() is not target._callbacks_.get(args[0], self):
            return None
        return target

    def shown(self, root: Any, seen: int, clock: Callable[[], float]) -> bool:
        """Whether it is in a page of *root* that has seen the emissions up to *seen*."""
        if not 0 < self.drawing.born <= seen:
            return False
        if self.ended is not None:
            return seen < self.ended[0] and clock() - self.ended[1] <= GRACE
        return self._stands(root)

    def _stands(self, root: Any) -> bool:
        """Whether its tag is in the tree."""
        below = tag = self()
        while tag is not None and tag is not root:
            below, tag = tag, tag._parent
            if tag is None or id(below) not in map(id, tag._childs):  # it may still name a former parent
                return any(found is self() for found in descent([root]))
        return tag is not None


class Written(Grant):
    """A call as it was written into a text: a weak reference to its target."""

    __slots__ = ()

    def _stands(self, root: Any) -> bool:
        """Nobody knows what has become of the text."""
        return True


def descent(tags: list[Any]) -> Iterator[Any]:
    """*tags*, their children, and so on."""
    level = tags
    while level:
        yield from level
        children = [child for tag in level for child in tag._childs if type(child) is not str]
        level = [child for child in children if isinstance(child, Tag)]  # slow with texts
