"""What the pages of an instance may call: the calls that htag 1 wrote into them, and no other.

htag 1 would call any method of any tag of the process: ``getattr(Tag.find_tag(id), name)(*arguments)``. Here
a *grant* is one call as it was written: its target, its method, its constants. It holds

- in an attribute of a tag, until that tag is drawn without it, or its parents without the tag. A page that
  has not seen that yet may use it for ``GRACE`` seconds more: a double click during an update works;
- in a text or a script, as long as its target lives, as nobody knows what has become of the text;
- for the next step of a generator, once, and for the page that has started it.

What a page has seen is told by emissions, see :class:`.base.Host`. A message from before the birth of a grant
is refused, as Python gives the address of a dead tag to another one, and htag calls tags by their addresses.

Most of these calls never come, so little is done when they are written. The calls of a tag are a *sheet*.
When the tag is drawn again, and its calls are the same, it is the same sheet; else a new one replaces it.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from htag import Tag

from .htag1_constants import Pattern, fits, keys, noted

__all__ = ["GRACE", "Call", "Grants", "call_of", "descent", "is_known"]

GRACE = 30.0
"""Seconds that a page may use what was replaced, while it has not seen that."""

REPLACED = 2_000
"""Of the grants that were replaced, an instance remembers the newest."""

WRITTEN = 10_000
"""Of the grants for one target in texts and scripts, an instance remembers those that were written last."""

CALLBACKS = ("__on__", "__on_event__")
"""The methods behind ``bind(callback)``: their first argument is the key of the callback."""

Call = tuple[bytes, Pattern | None, weakref.ref[Any], weakref.ref[Any] | None, str | None, Any]
"""A call as it was written: its key and its pattern (see :func:`noted`), its target, its callback; and, if it
is the same whenever htag writes it from the same objects, its method and its arguments."""


def is_known(caller: Any) -> bool:
    """Whether *caller* writes what it has written before, and no JavaScript around it."""
    return _kept(caller) is not None and not (caller._befores or caller._afters)


def _kept(caller: Any) -> Call | None:
    """The call that *caller* has kept, if it would write that one now."""
    call: Call | None = caller._htagweb_call
    same = (
        call is not None
        and call[5] is caller.args
        and call[4] is caller.mname
        and call[2]() is caller.instance
        and not caller.kargs
    )
    return call if same else None


def call_of(caller: Any) -> Call:
    """The call that htag's *caller* writes now, which keeps it for the next time."""
    call = _kept(caller)
    if call is not None:
        return call
    target, method, args, kargs = caller.instance, caller.mname, caller.args, caller.kargs
    key, pattern = noted(id(target), method, args, kargs)
    if method in CALLBACKS:  # the callback of a key may be another one next time
        callback = target._callbacks_.get(args[0])
        bound = None if callback is None else weakref.ref(callback)
        return key, pattern, weakref.ref(target), bound, None, None
    if kargs or type(args) is not tuple or type(pattern) is str:  # what is in them may be another thing
        return key, pattern, weakref.ref(target), None, None, None
    call = caller._htagweb_call = key, pattern, weakref.ref(target), None, method, args
    if caller._htagweb_text is not None:  # that of another call
        caller._htagweb_text = None
    return call


def _same(call: Call) -> Any:
    """What two calls share that are the same, to find one by the other: apps may compare their tags as they
    like, so their references are compared by address. They have to be alive."""
    return call[0], call[1], id(call[2]), id(call[3])


class _Sheet(weakref.ref[Any]):
    """The calls that were written together: into the attributes of a tag, or one into a text; a weak
    reference to that tag, or to the target of the call."""

    __slots__ = ("births", "born", "calls", "ended", "key", "loose")
    __eq__ = object.__eq__
    __hash__ = object.__hash__
    calls: list[Call]
    born: int  # the emission that brings it to pages
    births: dict[Any, int] | None  # of the calls that were in pages before
    key: int
    loose: bool  # whether it is in the page although its tag is not in the tree: in a text
    ended: tuple[int, float] | None  # the emission that takes it away, and when that was

    def birth(self, call: Call) -> int:
        """The emission that brings *call* to pages."""
        return self.births.get(_same(call), self.born) if self.births else self.born

    def shown(self, root: Any, seen: int, now: float) -> bool:
        """Whether it is in a page of *root* that has seen the emissions up to *seen*."""
        if self.ended:
            return seen < self.ended[0] and now - self.ended[1] <= GRACE
        if self.loose:
            return True
        below = tag = self()
        while tag is not None and tag is not root:
            below, tag = tag, tag._parent
            if tag is None or id(below) not in map(id, tag._childs):  # it may still name a former parent
                return any(found is self() for found in descent([root]))
        return tag is not None


class _Texts(weakref.ref[Any]):
    """The sheets of the texts that call one target: a weak reference to it."""

    __slots__ = ("key", "sheets")
    key: int
    sheets: dict[tuple[bytes, Pattern | None], _Sheet]  # that which was written last is the last one


class Grants:
    """The grants of one instance, all of whose drawing is done by one thread. *emission* tells the number of
    the emission that comes next."""

    def __init__(self, emission: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._emission = emission
        self._clock = clock
        self._index: dict[bytes, list[_Sheet]] = {}  # by the keys of calls
        self._texts: dict[int, _Texts] = {}  # by the target
        self._replaced: deque[_Sheet] = deque()
        self._old = 0  # calls of those
        self._dead: deque[_Sheet | _Texts] = deque()  # by any thread: whenever garbage is collected
        self._died = self._dead.append
        self._steps: dict[int, str | None] = {}
        self.held: dict[int, _Sheet] = {}
        """By the tag that is drawn. Who draws a tag calls :meth:`drawn` if there is one, or else a call."""
        self.removed = False
        """Whether a tag was taken out of another since the last :meth:`sweep`."""
        self.strays = False
        """Whether a thread of the app has ever taken one out."""

    # ---- while htag draws --------------------------------------------------------------------------------

    def drawn(self, tag: Any, calls: list[Call]) -> None:
        """*tag* was drawn, with these calls. What it was drawn with before, and is not now, is replaced."""
        key = id(tag)
        former = self.held.get(key)
        if former is not None and former.calls == calls and former() is tag:
            if former.loose or self.removed or self.strays:  # else it is still in the tree
                former.loose = _root(tag)._hr is None
            return
        if self._dead:
            self._bury()
            former = self.held.get(key)
        if former is not None:
            self._gone(former, self._now())
        if calls:
            sheet = self.held[key] = _Sheet(tag, self._died)
            self._add(sheet, key, calls)
            sheet.loose = _root(tag)._hr is None  # not in the tree yet
            if former is not None:
                stays = set(map(_same, calls))
                sheet.births = {
                    same: former.birth(call) for call in former.calls if (same := _same(call)) in stays
                }

    def write(self, caller: Any) -> None:
        """A call is being written into a text."""
        self._bury()
        call, target = call_of(caller), caller.instance
        texts = self._texts.get(id(target))
        if texts is None:
            texts = self._texts[id(target)] = _Texts(target, self._died)
            texts.key, texts.sheets = id(target), {}
        sheet = texts.sheets.pop(call[:2], None)
        if sheet is not None and sheet.calls != [call]:  # another callback
            self._end(sheet, self._now())
            sheet = None
        if sheet is None:
            sheet = _Sheet(target)
            self._add(sheet, id(target), [call])
        texts.sheets[call[:2]] = sheet  # the last one now
        if len(texts.sheets) > WRITTEN:
            self._forget(texts.sheets.pop(next(iter(texts.sheets))))

    def sweep(self, root: Any) -> None:
        """What was drawn is emitted next: replaces the grants of tags that were taken out of the tree."""
        self._bury()
        if self.removed:
            self.removed = False
            there, now = set(map(id, descent([root]))), self._now()
            for key, sheet in list(self.held.items()):
                if not sheet.loose and key not in there:
                    self._gone(sheet, now)

    # ---- what a page asks for ----------------------------------------------------------------------------

    def target(
        self, root: Any, key: int, method: str, args: list[Any], kargs: dict[str, Any], seen: int
    ) -> Any:
        """The tag at *key*, if a page of *root* that has seen the emissions up to *seen* may call *method* of
        it with these arguments; else None."""
        self._bury()
        now = self._clock()
        for place in keys(key, method, args, kargs):
            for sheet in self._index.get(place, ()):
                for call in sheet.calls:
                    if call[0] != place or not (call[1] is None or fits(call[1], args, kargs)):
                        continue
                    tag, bound = call[2](), call[3]
                    if tag is None or not (bound is None or bound() is tag._callbacks_.get(args[0])):
                        continue
                    if sheet.birth(call) <= seen and sheet.shown(root, seen, now):
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

    def _add(self, sheet: _Sheet, key: int, calls: list[Call]) -> None:
        sheet.key, sheet.calls, sheet.born = key, calls, self._emission()
        sheet.births, sheet.loose, sheet.ended = None, True, None
        index = self._index
        for call in calls:
            sheets = index.get(call[0])
            if sheets is None:
                index[call[0]] = [sheet]
            else:
                sheets.append(sheet)

    def _bury(self) -> None:
        while self._dead:
            dead = self._dead.popleft()
            if isinstance(dead, _Sheet):
                if self.held.get(dead.key) is dead:
                    self._gone(dead, self._now())
            elif self._texts.get(dead.key) is dead:
                del self._texts[dead.key]
                for sheet in dead.sheets.values():
                    self._forget(sheet)

    def _now(self) -> tuple[int, float]:
        return self._emission(), self._clock()

    def _gone(self, sheet: _Sheet, now: tuple[int, float]) -> None:
        del self.held[sheet.key]
        self._end(sheet, now)

    def _end(self, sheet: _Sheet, now: tuple[int, float]) -> None:
        sheet.ended = now
        replaced = self._replaced
        replaced.append(sheet)
        self._old += len(sheet.calls)
        while replaced and (self._old > REPLACED or replaced[0].ended[1] < now[1] - GRACE):  # type: ignore[index]
            former = replaced.popleft()
            self._old -= len(former.calls)
            self._forget(former)

    def _forget(self, sheet: _Sheet) -> None:
        for call in sheet.calls:
            sheets = self._index[call[0]]
            sheets.remove(sheet)
            if not sheets:
                del self._index[call[0]]


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
