"""What htag writes into event handlers, read as far as a click needs: which messages the page would send."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["js_calls", "js_events"]

_EVENT = re.compile(r"htag_event\(\s*'([^']*)'\s*,\s*'([^']*)'")
_INTERACT = re.compile(r"interact\(\s*")


def js_events(code: str) -> list[tuple[str, str]]:
    """The (id, event) of each htag_event() in JavaScript that htag 2 wrote."""
    return _EVENT.findall(code)


def js_calls(code: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects given to interact() in JavaScript that htag 1 wrote.

    It is JSON, but for expressions such as this.value, which are looked up in *values* or read as JSON.
    """
    return [_value(code, match.end(), values)[0] for match in _INTERACT.finditer(code)]


def _value(code: str, at: int, values: Mapping[str, Any]) -> tuple[Any, int]:
    """The value that starts at *at*, and where it ends."""
    while code[at].isspace():
        at += 1
    if code[at] == "{":
        return _object(code, at + 1, values)
    if code[at] == "[":
        return _array(code, at + 1, values)
    with contextlib.suppress(ValueError):
        return json.JSONDecoder().raw_decode(code, at)
    end = _end(code, at)
    expression = code[at:end].strip()
    if expression not in values:
        raise AssertionError(f"cannot evaluate {expression!r}: give the message to call() yourself")
    return values[expression], end


def _object(code: str, at: int, values: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    result: dict[str, Any] = {}
    while code[at] != "}":
        name, at = _value(code, at, values)
        value, at = _value(code, code.index(":", at) + 1, values)
        result[name] = value
        at = _skip(code, at)
    return result, at + 1


def _array(code: str, at: int, values: Mapping[str, Any]) -> tuple[list[Any], int]:
    result = []
    while code[at] != "]":
        value, at = _value(code, at, values)
        result.append(value)
        at = _skip(code, at)
    return result, at + 1


def _skip(code: str, at: int) -> int:
    while code[at].isspace() or code[at] == ",":
        at += 1
    return at


def _end(code: str, at: int) -> int:
    """Where an expression ends: at a comma or closing bracket outside of brackets and strings."""
    depth, quote = 0, ""
    while True:
        char = code[at]
        if quote:
            at += char == "\\"
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ",)]}" and not depth:
            return at
        elif char in ")]}":
            depth -= 1
        at += 1
