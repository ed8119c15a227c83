"""The classes of htag 1's tags, made once.

htag 1 makes a class at each ``Tag.xxx``, and walks over all of them for each page: with a thousand live
instances that is a thousand times the work, and most of the memory. Here a class is used again as soon as
nobody can tell, and the walk leaves out those that have nothing to say. See ``htag1_fast``.
"""

from __future__ import annotations

import itertools
import sys
import weakref
from collections import deque
from typing import Any

from htag.tag import Tag, TagCreator

__all__ = ["classes", "share"]

NAMES = 300
"""So many names of tags are known at most: an app may make names of what its users write."""

DOORS, TRIES = 24, 4
"""So many classes of a name are kept to be given away again; so many are looked at for one that is free."""

_new_class = TagCreator.__getattr__


class _Door:
    """A class that ``Tag.xxx`` has given away, to be given away again when nobody has it any more.

    After ``Tag.div("hello")`` the new tag alone knows its class. It then moves to a class that such tags
    share, and the door is free. Whoever keeps a class (in a variable, by deriving from it, by setting an
    attribute of it) has it alone, as ever: references are counted.
    """

    __slots__ = ("cls", "kept", "made", "shared", "since")

    def __init__(self, cls: type, shared: type) -> None:
        self.cls = cls
        self.shared = shared
        self.made: weakref.ref[Any] | None = None  # the tag
        self.kept = False  # by somebody, so it is none of ours any more
        self.since = next(_clock)  # it was given away

    def free(self) -> bool:
        """Whether nobody has it. Its tag, if that is the only one, moves out."""
        tag = self.made() if self.made else None
        if self.kept or sys.getrefcount(self.cls) != _ALONE + (tag is not None):
            return False
        if tag is not None:
            if type(tag) is not self.cls:
                return False  # the reference is somebody else's
            tag.__class__ = self.shared
        self.made = None
        return True


class _Classes:
    """The doors, and the shared class, of each name."""

    def __init__(self) -> None:
        self.doors: dict[str, deque[_Door]] = {}
        self.shared: dict[str, type] = {}
        self.plain: set[type] = set()  # the shared ones
        self.by_class: dict[type, _Door] = {}
        self.version = 0
        """Another one when an attribute of a class was changed."""
        self.since: weakref.WeakKeyDictionary[type, int] = weakref.WeakKeyDictionary()

    def open(self, name: str) -> type:
        """What ``Tag.<name>`` is: a class that nobody else has."""
        doors = self.doors.get(name)
        if doors is None:
            if len(self.doors) >= NAMES:
                cls: type = _new_class(Tag, name)
                return cls
            self.plain.add(self.shared.setdefault(name, _new_class(Tag, name)))
            doors = self.doors.setdefault(name, deque())
        for _ in range(min(TRIES, len(doors))):
            try:
                door = doors.popleft()  # no other thread looks at it meanwhile
            except IndexError:
                break
            if door.free():
                cls = door.cls  # from now on it is taken, for whoever looks
                door.since = next(_clock)
                doors.append(door)
                return cls
            if not door.kept:
                doors.append(door)
        return self._add(name, doors)

    def _add(self, name: str, doors: deque[_Door]) -> type:
        cls: type = _new_class(Tag, name)
        door = self.by_class[cls] = _Door(cls, self.shared[name])
        doors.append(door)
        if len(doors) > DOORS:
            self.keep(doors.popleft().cls)
        return cls

    def keep(self, cls: type) -> None:
        """Leaves *cls* to whoever has it."""
        door = self.by_class.pop(cls, None)
        if door:
            door.kept = True
            self.since[cls] = door.since

    def age(self, cls: type) -> int:
        """What puts classes in the order in which they would have been made."""
        door = self.by_class.get(cls)
        return door.since if door else self.since.get(cls, 0)

    def called(self, cls: type, tag: Any) -> None:
        """*tag* was made of *cls*. A class that is called twice is kept by somebody."""
        door = self.by_class.get(cls)
        if door is None:
            return
        if door.made is None:
            door.made = weakref.ref(tag)
        else:
            self.keep(cls)

    def changed(self, cls: type) -> None:
        """An attribute of *cls* is about to be set or deleted."""
        if cls in self.plain:
            raise AttributeError(
                f"plain tags share {cls.__name__}: set attributes of a tag, or of a class of your own "
                "(or HTAG_FAST = False, then each tag has a class)"
            )
        self.keep(cls)
        if cls is Tag:  # what is made from now on has another content
            self.doors, self.shared = {}, {}
        self.version += 1


_clock = itertools.count(1)
classes = _Classes()


def _alone() -> int:
    """The references to the class of a door that nobody has, where ``free`` counts them."""
    door = _Door(_new_class(Tag, "alone"), Tag)
    by_class = {door.cls: door}
    return sys.getrefcount(door.cls) * len(by_class)


_ALONE = _alone()


def _open(_: type, name: str) -> type:
    return classes.open(name)


def _call(cls: type, *args: Any, **kwargs: Any) -> Any:
    tag = type.__call__(cls, *args, **kwargs)
    classes.called(cls, tag)
    return tag


def _made(cls: type, name: str, bases: tuple[type, ...], space: dict[str, Any], **options: Any) -> None:
    type.__init__(cls, name, bases, space, **options)
    if Tag in bases:
        classes.since[cls] = next(_clock)


def _set(cls: type, name: str, value: Any) -> None:
    classes.changed(cls)
    type.__setattr__(cls, name, value)


def _delete(cls: type, name: str) -> None:
    classes.changed(cls)
    type.__delattr__(cls, name)


def _subclasses(cls: Any) -> list[type]:
    """``cls.__subclasses__()``; for the walk that collects statics, without the classes that have only what
    all have from ``Tag``, and in the order in which htag would have made them."""
    found: list[type] = type.__subclasses__(cls)
    if cls is not Tag or sys._getframe(1).f_code.co_name != "rec2":
        return found
    by_class, plain, common = classes.by_class, classes.plain, cls.statics
    wanted = [
        one
        for one in found
        if (one not in by_class and one not in plain)
        or vars(one)["statics"] is not common
        or type.__subclasses__(one)
    ]
    return sorted(wanted or found, key=classes.age)


def share() -> None:
    """Classes are made in this way from now on, in the whole process."""
    TagCreator.__getattr__ = _open
    TagCreator.__init__ = _made
    TagCreator.__call__ = _call
    TagCreator.__setattr__ = _set
    TagCreator.__delattr__ = _delete
    TagCreator.__subclasses__ = _subclasses
