"""What hand-written JavaScript may call, where htag's own ``@expose`` cannot be written."""

from __future__ import annotations

import types
from typing import Any

from .errors import ConfigError

__all__ = ["htag_expose"]


def htag_expose(tag: Any, name: str) -> None:
    """Lets JavaScript of the page call the method *name* of this one *tag*, with any arguments, as htag 1's
    ``@expose`` does for all tags of a class: ``document.getElementById(id).name(1, "a")``.

    For tags whose class is not yours, or for one tag of many. To be called before the tag is drawn, in
    ``init`` for example. Whatever users can type into the console of their browser, they can hand over, so
    the method has to check its arguments.

    Raises ConfigError for a name that is no method of the tag, and for tags of htag 2, whose pages call
    events.
    """
    if not hasattr(tag, "_getAllJs"):
        raise ConfigError(
            f'htag 2 has no exposed methods: set tag["on{name}"] = handler, '
            f'and call htag_event(id, "{name}", data) in JavaScript'
        )
    method = getattr(tag, name, None)
    if not isinstance(method, types.MethodType) or not isinstance(method.__func__, types.FunctionType):
        raise ConfigError(f"{name!r} is no method of {tag!r}")
    function = method.__func__
    copy = types.FunctionType(
        function.__code__, function.__globals__, name, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__dict__.update(function.__dict__, _autoExposeClientSide_=True)
    # htag looks for the mark of @expose at what the tag has: of this tag alone, as it is its own attribute.
    setattr(tag, name, types.MethodType(copy, tag))
