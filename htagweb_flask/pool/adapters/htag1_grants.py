"""What the pages of an instance may call: the calls that htag 1 wrote into them, and no other.

htag 1 would call any method of any tag of the process: ``getattr(Tag.find_tag(id), name)(*arguments)``. Here
a *grant* is one call as it was written: its target, its method, its constants. It holds

- in an attribute of a tag, until that tag is drawn without it, or its parents without the tag. A page that
  has not seen that yet may use it for ``GRACE`` seconds more: a double click during an update works;
- in a text or a script, as long as its target lives, as nobody knows what has become of the text;
- for the next step of a generator, once, and for the page that has started it.

What a page has seen is told by emissions, see :class:`.base.Host`. A message from before the birth of a grant
is refused, as Python gives the address of a dead tag to another one, and htag calls tags by their addresses.

Most of these calls never come, so little is done when they are written.
"""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from .htag1_constants import fits, keys
from .htag1_grant import GRACE, Call, Drawing, Grant, Written, call_of

__all__ = ["Drawn", "Grants"]

REPLACED = 2_000
"""Of the grants that were replaced, an instance remembers the newest."""

WRITTEN = 10_000
"""Of the grants for one target in texts and scripts, an instance remembers those that were written last."""

FEW = 500
"""If more tags hold grants, it is looked from time to time whether all of them are still there."""

Drawn = Grant | list[Grant]
"""What is in the attributes of a tag. Most have one handler: a list for each would be one thing more for the
collector of garbage to look at."""


def _all(*drawn: Drawn | None) -> list[Grant]:
    grants: list[Grant] = []
    for each in drawn:
        if isinstance(each, list):
            grants += each
        elif each is not None:
            grants.append(each)
    return grants


def _addresses(root: Any) -> set[int]:
    """Where the tags of the tree are: those of descent(), in two thirds of its time."""
    found: set[int] = set()
    level = [root]
    while level:
        found.update(map(id, level))
        level = [child for tag in level for child in getattr(tag, "_childs", ()) if type(child) is not str]
    return found


class _Index:
    """Finds grants by their keys, as long as what is *held* stays the same."""

    def __init__(self, held: Iterable[Drawn]) -> None:
        self._grants = _all(*held)
        self._places = {grant.key: grant for grant in self._grants}

    def find(self, key: str) -> Sequence[Grant]:
        """Those with that key."""
        if key not in self._places:
            return ()
        if len(self._places) == len(self._grants):
            return (self._places[key],)
        return [grant for grant in self._grants if grant.key == key]  # several tags may write the same call


class _Texts(weakref.ref[Any]):
    """The grants of the texts that call one target: a weak reference to it."""

    __slots__ = ("at", "grants")
    at: int
    grants: dict[tuple[str, str], Grant]  # that which was written last is the last one


class Grants:
    """The grants of one instance, all of whose drawing is done by one thread. *emission* tells the number of
    the emission that comes next."""

    def __init__(self, emission: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._emission = emission
        self._clock = clock
        self._drawing: Drawing | None = None
        self._texts: dict[int, _Texts] = {}  # by the target
        self._dead: deque[_Texts] = deque()  # by any thread: whenever garbage is collected
        self._replaced: deque[Grant] = deque()
        self._index: _Index | None = None  # of what is held, until that changes
        self._most = FEW
        self._steps: dict[int, str | None] = {}
        self.held: dict[int, Drawn] = {}
        """By the tag that is drawn. Who draws a tag calls :meth:`drawn` if there are some, or were."""
        self.removed = False
        """Whether a tag was taken out of another since the last :meth:`sweep`."""
        self.strays = False
        """Whether a thread of the app has ever taken one out."""

    # ---- while htag draws --------------------------------------------------------------------------------

    def offer(self, caller: Any, tag: Any) -> Grant:
        """The grant of what htag's *caller* writes into the attributes of *tag*: a new one, unless the last
        drawing has written the same."""
        call, former, grant = call_of(caller), self.held.get(id(tag)), None
        if former is not None:
            grant = next((each for each in _all(former) if each.is_for(call, tag)), None)
        if grant is None:
            grant = self._made(Grant, tag, call)
        grant.keep(caller)
        return grant

    def _made(self, kind: type[Grant], tag: Any, call: Call) -> Grant:
        drawing = self._drawing = self._drawing or Drawing()
        grant = kind(tag)
        grant.key, grant.pattern, grant.text, grant.target, grant.bound = call
        grant.drawing, grant.ended = drawing, None
        return grant

    def drawn(self, tag: Any, drawn: Drawn | None) -> None:
        """*tag* was drawn, with these. What it was drawn with before, and is not now, is replaced."""
        key = id(tag)
        former = self.held.get(key)
        if former == drawn and not (self.removed or self.strays):  # it is still in the tree
            return
        root = tag
        while (parent := root._parent) is not None:
            root = parent
        if root._hr is None:  # it is in a text
            for grant in _all(drawn):
                self._write((grant.key, grant.pattern, grant.text, grant.target, grant.bound))
        elif former != drawn:
            self._index = None
            if former is not None:
                stays = _all(drawn)
                self._end([grant for grant in _all(former) if grant not in stays])
            if drawn is not None:
                self.held[key] = drawn
            else:
                del self.held[key]

    def write(self, caller: Any) -> None:
        """A call was written into a text."""
        self._write(call_of(caller))

    def _write(self, call: Call) -> None:
        self._bury()
        key, pattern, _, reference, bound = call
        target, place = reference(), (key, repr(pattern))
        texts = self._texts.get(id(target))
        if texts is None:
            texts = self._texts[id(target)] = _Texts(target, self._dead.append)
            texts.at, texts.grants = id(target), {}
        grant = texts.grants.pop(place, None)
        if grant is None or grant.bound is not bound:
            if grant is not None:  # another callback
                self._end([grant])
            grant = self._made(Written, target, call)
        texts.grants[place] = grant  # the last one now
        if len(texts.grants) > WRITTEN:
            del texts.grants[next(iter(texts.grants))]

    # ---- when it is emitted ------------------------------------------------------------------------------

    def settle(self) -> None:
        """What was drawn is emitted next."""
        if self._drawing is not None:
            self._drawing.born, self._drawing = self._emission(), None

    def sweep(self, root: Any) -> None:
        """What was drawn is emitted next: replaces the grants of tags that were taken out of the tree."""
        if self.removed or len(self.held) > self._most:
            held, self._index, self.removed = self.held, None, False
            self._end(_all(*map(held.pop, held.keys() - _addresses(root))))
            self._most = max(FEW, 2 * len(held))
        self._bury()
        self.settle()

    def _bury(self) -> None:
        """Forgets the texts whose targets are dead."""
        while self._dead:
            dead = self._dead.popleft()
            if self._texts.get(dead.at) is dead:
                del self._texts[dead.at]

    def _end(self, grants: list[Grant]) -> None:
        """They are replaced by what is emitted next."""
        now, replaced = self._clock(), self._replaced
        ended = self._emission(), now
        for grant in grants:
            grant.ended = ended
        replaced += grants
        while len(replaced) > REPLACED:
            replaced.popleft()
        while replaced and replaced[0].ended[1] < now - GRACE:  # type: ignore[index]
            replaced.popleft()

    # ---- what a page asks for ----------------------------------------------------------------------------

    def target(
        self, root: Any, key: int, method: str, args: list[Any], kargs: dict[str, Any], seen: int
    ) -> Any:
        """The tag at *key*, if a page of *root* that has seen the emissions up to *seen* may call *method* of
        it with these arguments; else None."""
        index = self._index
        if index is None:
            index = self._index = _Index(self.held.values())
        for place in keys(key, method, args, kargs):
            for grant in chain(index.find(place), self._others(key, place)):
                if grant.pattern is None or fits(grant.pattern, args, kargs):
                    target = grant.reach(args)
                    if target is not None and grant.shown(root, seen, self._clock):
                        return target
        return None

    def _others(self, key: int, place: str) -> Iterator[Grant]:
        """Those with the key *place*, for the tag at *key*, that no tag holds."""
        texts = self._texts.get(key)  # a thread of the app may write
        for grant in (*(list(texts.grants.values()) if texts else ()), *self._replaced.copy()):
            if grant.key == place:
                yield grant

    def expect(self, generator: int, client: str | None) -> None:
        """The page *client* may ask for the next step of *generator*."""
        self._steps[generator] = client

    def step(self, generator: int, client: str) -> bool:
        """Whether *client* may do so now; it may not a second time."""
        if self._steps.get(generator) != client:
            return False
        del self._steps[generator]
        return True
