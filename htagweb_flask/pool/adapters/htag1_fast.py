"""What htag 1 computes again and again, computed once: pages and answers are the same, and cost less.

htag 1 asks each tag for each of its attributes, and writes texts for lines of its log that nobody reads; and
see ``htag1_classes``. All this depends on how htag is made inside, so it is for the versions whose pages
and answers were compared in both ways (``tests/adapters/test_htag1_fast.py``); ``HTAG_FAST = False`` does
without.
"""

from __future__ import annotations

import html
import inspect
import json
import logging
import weakref
from operator import is_not
from types import FunctionType, MethodType
from typing import Any

import htag.render
from htag.render import HTagException, Stater
from htag.tag import TAG_KEYWORDS, BaseCaller, Caller, Elements, Tag, TagCreator, TagState

from .htag1_classes import classes, share

__all__ = ["draw", "quicken"]

_logger = logging.getLogger("htag.tag")


# ---- what is exposed to JavaScript: Tag._getAllJs ------------------------------------------------------

_MARK = "_autoExposeClientSide_"
_UNMARKED = {str, int, float, bool, type(None), list, dict, tuple, set, bytes, Elements, TagState}

_Candidates = tuple[int, list[tuple[str, Any]], list[str]]
_EVERYTHING = "*"
_NOTHING: _Candidates = (0, [], [])
_candidates: weakref.WeakKeyDictionary[type, _Candidates] = weakref.WeakKeyDictionary()


def _candidates_of(cls: type) -> _Candidates:
    """What of *cls* may be exposed: functions, and the names of what has to be asked each time; before
    them the version of the classes for which that holds."""
    found = _candidates.get(cls)
    if found is not None and found[0] == classes.version:
        return found
    version = classes.version
    values: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        values.update(vars(base))
    names = values.keys() - TAG_KEYWORDS
    functions = [(name, values[name]) for name in names if type(values[name]) is FunctionType]
    others = [name for name in names if type(values[name]) not in {FunctionType, *_UNMARKED}]
    # Other classes may change unseen; and what these methods do, only they know.
    if any(type(base) is not TagCreator for base in cls.__mro__[:-1]) or any(
        values.get(name) is not vars(object).get(name)
        for name in ("__dir__", "__getattr__", "__getattribute__")
    ):
        functions, others = [], [_EVERYTHING]
    found = _candidates[cls] = version, functions, others
    return found


def _exposed(tag: Any) -> list[str]:
    """The names that *tag* exposes, in the order in which htag finds them."""
    own, cls = vars(tag), type(tag)
    _, functions, others = _NOTHING if cls in classes.plain else _candidates_of(cls)
    if _EVERYTHING in others:
        return [name for name in set(dir(tag)) - TAG_KEYWORDS if hasattr(getattr(tag, name), _MARK)]
    asked = [name for name, value in own.items() if type(value) not in _UNMARKED and name not in TAG_KEYWORDS]
    names = {name for name, function in functions if hasattr(function, _MARK) and name not in own}
    names.update(name for name in [*asked, *others] if hasattr(getattr(tag, name), _MARK))
    if len(names) < 2:
        return list(names)
    return [name for name in set(dir(tag)) - TAG_KEYWORDS if name in names]


def _get_all_js(tag: Any) -> list[str]:
    """``Tag._getAllJs``, which asks each tag for each of its attributes."""
    scripts: list[str] = []
    calls = [
        "self.%s = function(_) {%s}" % (name, BaseCaller(tag, name, [b"...arguments"], {}))  # noqa: UP031
        for name in _exposed(tag)
    ]
    if calls:
        scripts.append(tag._genIIFEScript(";".join(calls)))
    if tag.js:
        scripts.append(tag._genIIFEScript(tag.js))
    for child in tag._childs:
        if isinstance(child, Tag):
            scripts.extend(child._getAllJs())
    return scripts


# ---- the html of a tag: Tag.__str__ --------------------------------------------------------------------


def draw(tag: Any) -> str:
    """``Tag.__str__``, which describes each tag for a line of a log that nobody reads."""
    render = tag._hasARenderMethod() if getattr(tag, "render", None) is not None else None
    if render:
        before = _children(tag) if tag.root.STRICT_MODE else None
        render()
        if before is not None and before != _children(tag):
            raise HTagException(f"[STRICT_MODE] In {tag!r}, the render() method has changed its children!")
    if tag.tag is None:
        return "".join([str(child) for child in tag._childs if child is not None])
    name, attributes = tag.tag.replace("_", "-"), dict(tag._attrs)
    if tag.root._hr is not None:
        if attributes.get("id"):
            text = "!!! **WARNING** Tag %r had an @id=%s, it was replaced for HRenderer needs !!!"
            _logger.warning(text, tag, attributes["id"])
        attributes["id"] = id(tag)
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if isinstance(value, bool):
            parts += [f" {key}"] if value else []
        elif value is not None and value != "":
            parts.append(f' {key}="{html.escape(str(value))}"')
    parts.append(">")
    parts += [str(child) for child in tag._childs if child is not None]
    parts.append(f"</{name}>")
    return "".join(parts)


def _children(tag: Any) -> list[int]:
    return [id(child) for child in tag._childs if isinstance(child, Tag)]


# ---- what calls a callback: Caller.__str__ -------------------------------------------------------------


def _takes_event(callback: Any) -> bool:
    """Whether *ev* is one of its first two arguments, self among them; ``inspect`` takes 10 µs to say so."""
    function = callback.__func__ if type(callback) is MethodType else callback
    if type(function) is not FunctionType or "__signature__" in vars(function):
        return "ev" in inspect.getfullargspec(callback).args[:2]
    code = function.__code__
    return "ev" in code.co_varnames[: min(2, code.co_argcount)]


def _call_back(caller: Any) -> str:
    """``Caller.__str__``, which inspects the callback each time, and makes another call of it."""
    if not caller._assigned:
        raise HTagException("Caller can't be serizalized, it's not _assign'ed to an event !")
    made = caller.instance, caller.callback, caller._assigned, caller.args
    former, call = caller._htagweb_made
    if call is None or any(map(is_not, made, former)):
        method = "__on_event__" if _takes_event(caller.callback) else "__on__"
        call = BaseCaller(caller.instance, method, (caller._assigned, *caller.args), None)
        caller._htagweb_made = made, call
    call.kargs, call._befores, call._afters = caller.kargs, caller._befores, caller._afters
    return str(call)


# ---- what has changed in an interaction: Stater --------------------------------------------------------


class _Stater(Stater):  # type: ignore[misc]  # htag has no types
    """Which tags an interaction has changed: those whose images before and after it differ."""

    def __init__(self, tag: Any) -> None:
        self.tag = tag
        self._states: dict[int, str] = {}
        self._look([_tree(tag)])

    def _look(self, trees: list[Any]) -> None:
        states = self._states
        for tag, below in trees:
            states[id(tag)] = tag._getStateImage()
            if below:
                self._look(below)

    def guess(self) -> list[Any]:
        """See htag."""
        found: list[Any] = []
        self._compare([_tree(self.tag)], found)
        return found

    def _compare(self, trees: list[Any], found: list[Any]) -> None:
        states = self._states
        for tag, below in trees:
            if tag._getStateImage() == states.get(id(tag)):
                if below:
                    self._compare(below, found)
                continue
            while tag is not None and tag.tag is None:  # a placeholder is not in the page
                tag = tag.parent
            if tag is None:
                raise HTagException("no real parent ?!?")
            found.append(tag)


def _tree(tag: Any) -> tuple[Any, list[Any]]:
    return tag, [_tree(child) for child in tag._childs if type(child) is not str and isinstance(child, Tag)]


def _image(tag: Any) -> str:
    """``Tag._getStateImage``: the same text."""
    render = getattr(tag, "render", None)
    if render is not None and callable(render):
        render()
    children = [
        child if type(child) is str else f"[{id(child)}]" if isinstance(child, Tag) else str(child)
        for child in tag._childs
    ]
    return f"{tag.tag}{tag._attrs}:{children}"


class _Json:
    """``json`` for htag.render, which writes each answer out for a line of its log that nobody reads."""

    class _Later:
        def __init__(self, value: Any) -> None:
            self._value = value

        def __str__(self) -> str:
            return json.dumps(self._value, indent=4)

    @classmethod
    def dumps(cls, value: Any, indent: int | None = None) -> Any:
        """See json. What is indented is for the log."""
        return cls._Later(value) if indent else json.dumps(value)


def quicken() -> None:
    """Lets htag work in this way from now on, in the whole process. To be called before any tag is made."""
    if htag.render.Stater is _Stater:
        return
    htag.render.Stater = _Stater
    htag.render.json = _Json
    Tag._getStateImage = _image
    Tag._getAllJs = _get_all_js
    Caller.__str__, Caller._htagweb_made = _call_back, ((), None)
    share()
