"""What the pages of an instance may call: the calls that htag 1 wrote into them, and no other.

htag 1 would call any method of any tag of the process: ``getattr(Tag.find_tag(id), name)(*arguments)``. Here
a *grant* is one call as it was written: its target, its method, its constants. It holds

- in an attribute of a tag, until that tag is drawn without it, or its parents without the tag. A page that
  has not seen that yet may use it for ``GRACE`` seconds more: a double click during an update works;
- in a text or a script, as long as its target lives, as nobody knows what has become of the text;
- for the next step of a generator, once, and for the page that has started it.

What a page has seen is told by emissions, see :class:`.base.Host`. A message from before the birth of a grant
is refused, as Python gives the address of a dead tag to another one, and htag calls tags by their addresses.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from htag import Tag

from .htag1_constants import Template, text_of, written

__all__ = ["GRACE", "Grants", "descent"]

GRACE = 30.0
"""Seconds that a page may use what was replaced, while it has not seen that."""

REPLACED = 2_000
"""Of the grants that were replaced, an instance remembers the newest."""

WRITTEN = 10_000
"""Of the grants for one target in texts and scripts, an instance remembers those that were written last."""

CALLBACKS = ("__on__", "__on_event__")
"""The methods behind ``bind(callback)``: their first argument is the key of the callback."""

_Call = tuple[int, str, bytes]


class _Grant(msgspec.Struct, eq=False):
    """One call as it stands in a page. (A Struct is made in a fifth of the time.)"""

    holder: _Holder
    target: weakref.ref[Any]
    call: _Call
    template: Template | None
    callback: weakref.ref[Any] | None
    born: int  # the emission that brings it to pages
    turn: int = -1  # of its holder, in which it was written last
    ended: tuple[int, float] | None = None  # the emission that takes it away, and when that was

    def holds(self, target: Any, callback: Any) -> bool:
        """Whether it is still a call of *target* and *callback*, not of others at their addresses."""
        return self.target() is target and (self.callback is None or self.callback() is callback)

    def shown(self, seen: int, now: float) -> bool:
        """Whether it is in a page that has seen the emissions up to *seen*."""
        ended = self.ended
        return self.born <= seen and (ended is None or (seen < ended[0] and now - ended[1] <= GRACE))


class _Holder(weakref.ref[Any]):
    """The grants in one tag's attributes, or those in texts that have one target: a weak reference to that
    tag."""

    __slots__ = ("calls", "key", "loose", "turn", "written")
    calls: dict[_Call, _Grant]
    key: int
    loose: bool  # whether it is in the page although it is not in the tree: in a text
    turn: int  # how often its tag was drawn
    written: int  # how many of its grants were written in this turn

    def shown(self, root: Any) -> bool:
        """Whether it is in the tree of *root*, or need not."""
        if self.loose:
            return True
        below = tag = self()
        while tag is not None and tag is not root:
            below, tag = tag, tag._parent
            if tag is None or id(below) not in map(id, tag._childs):  # it may still name a former parent
                return any(found is self() for found in descent([root]))
        return tag is not None


class Grants:
    """The grants of one instance, all of whose drawing is done by one thread. *emission* tells the number of
    the emission that comes next."""

    def __init__(self, emission: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._emission = emission
        self._clock = clock
        self._index: dict[Any, list[_Grant]] = {}  # by call; by target and method where something is free
        self._held: dict[int, _Holder] = {}  # by the tag that is drawn
        self._texts: dict[int, _Holder] = {}  # by the target
        self._replaced: deque[_Grant] = deque()
        self._dead: deque[_Holder] = deque()  # by any thread, whenever the garbage collector runs
        self._drawing: list[Any] = []  # what is being drawn, the innermost last; None: a text
        self.open = self._drawing.append
        """open(tag): *tag* is being drawn until :meth:`close`; or, with None, code of the app runs that makes
        texts."""
        self.removed = False
        """Whether a tag was taken out of another since the last :meth:`sweep`."""
        self._steps: dict[int, str | None] = {}

    # ---- while htag draws --------------------------------------------------------------------------------

    def close(self, done: bool) -> None:
        """The end of what was opened last. Unless it failed, what it did not write any more is replaced."""
        tag = self._drawing.pop()
        holder = self._held.get(id(tag))
        if holder is None or holder() is not tag:
            return
        if done and holder.written < len(holder.calls):
            for grant in [grant for grant in holder.calls.values() if grant.turn != holder.turn]:
                del holder.calls[grant.call]
                self._end(grant)
            if not holder.calls:
                del self._held[holder.key]
        holder.turn += 1
        holder.written = 0

    def write(self, target: Any, method: str, args: Any, kargs: Any, text: bool = False) -> None:
        """A call is being written: into what is being drawn, or into a *text*."""
        if self._dead:
            self._bury()
        tag = self._drawing[-1] if self._drawing and not text else None
        if tag is None:
            holder = self._holder(self._texts, target)
        else:
            holder = self._holder(self._held, tag)
            holder.loose = _root(tag)._hr is None  # not in the tree yet
        same, template = written(args, kargs)
        call = (id(target), method, same)
        callback = target._callbacks_.get(args[0]) if method in CALLBACKS else None
        grant = holder.calls.pop(call, None)
        if grant and not grant.holds(target, callback):
            self._end(grant)
            grant = None
        if grant is None:
            kept = None if callback is None else weakref.ref(callback)
            grant = _Grant(holder, weakref.ref(target), call, template, kept, self._emission())
            self._index.setdefault(call if template is None else call[:2], []).append(grant)
        if grant.turn != holder.turn:
            grant.turn = holder.turn
            holder.written += 1
        holder.calls[call] = grant  # the last one now
        if tag is None and len(holder.calls) > WRITTEN:
            self._forget(holder.calls.pop(next(iter(holder.calls))))

    def sweep(self, root: Any) -> None:
        """What was drawn is emitted next: replaces the grants of tags that were taken out of the tree."""
        self._bury()
        if self.removed:
            self.removed = False
            there = set(map(id, descent([root])))
            for key, holder in list(self._held.items()):
                if not holder.loose and key not in there:
                    self._gone(holder)

    # ---- what a page asks for ----------------------------------------------------------------------------

    def target(
        self, root: Any, key: int, method: str, args: list[Any], kargs: dict[str, Any], seen: int
    ) -> Any:
        """The tag at *key*, if a page of *root* that has seen the emissions up to *seen* may call *method* of
        it with these arguments; else None."""
        self._bury()
        now = self._clock()
        exact = self._index.get((key, method, text_of([args, kargs])), ())
        for grant in (*exact, *self._index.get((key, method), ())):
            tag = grant.target()
            if tag is None or (grant.template and not grant.template.fits(args, kargs)):
                continue
            callback = tag._callbacks_.get(args[0]) if method in CALLBACKS else None
            if (
                grant.holds(tag, callback)
                and grant.shown(seen, now)
                and (grant.ended or grant.holder.shown(root))
            ):
                return tag
        return None

    def expect(self, generator: int, client: str | None) -> None:
        """The page *client* may ask for the next step of *generator*."""
        self._steps[generator] = client

    def step(self, generator: int, client: str) -> bool:
        """Whether *client* may do so now; it may not a second time."""
        if self._steps.get(generator) != client:
            return False
        del self._steps[generator]
        return True

    # ---- the end of grants -------------------------------------------------------------------------------

    def _holder(self, holders: dict[int, _Holder], tag: Any) -> _Holder:
        holder = holders.get(id(tag))
        if holder is None or holder() is not tag:
            holder = holders[id(tag)] = _Holder(tag, self._dead.append)
            holder.key, holder.calls = id(tag), {}
            holder.loose, holder.turn, holder.written = True, 0, 0
        return holder

    def _bury(self) -> None:
        while self._dead:
            holder = self._dead.popleft()
            if self._texts.get(holder.key) is holder:
                del self._texts[holder.key]
                for grant in holder.calls.values():
                    self._forget(grant)
            elif self._held.get(holder.key) is holder:
                self._gone(holder)

    def _gone(self, holder: _Holder) -> None:
        del self._held[holder.key]
        for grant in holder.calls.values():
            self._end(grant)

    def _end(self, grant: _Grant) -> None:
        now = self._clock()
        grant.ended = self._emission(), now
        replaced = self._replaced
        replaced.append(grant)
        while len(replaced) > REPLACED or replaced[0].ended[1] < now - GRACE:  # type: ignore[index]
            self._forget(replaced.popleft())

    def _forget(self, grant: _Grant) -> None:
        key = _key(grant)
        grants = self._index[key]
        grants.remove(grant)
        if not grants:
            del self._index[key]


def descent(tags: list[Any]) -> Iterator[Any]:
    """*tags*, their children, and so on."""
    level = tags
    while level:
        yield from level
        level = [child for tag in level for child in tag._childs if isinstance(child, Tag)]


def _root(tag: Any) -> Any:
    """htag's ``tag.root``, in a third of its time."""
    while (parent := tag._parent) is not None:
        tag = parent
    return tag


def _key(grant: _Grant) -> Any:
    return grant.call if grant.template is None else grant.call[:2]
