"""The version of an app's code: it changes when a file is saved, and new pages get new processes then."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator

from .appref import AppRef

__all__ = ["saved_after", "version_of"]

MOST = 500
"""Modules of a project that are looked at: a look must not take longer than it is worth."""


def version_of(app: AppRef, wide: bool) -> str:
    """What tells the code of *app* as it is on disk from what it was before: a few letters.

    It is about the file of the app's module; with *wide*, also about the last of the project's modules that
    was saved. Their number does not count: a module that is imported late, or here and not in another
    process, is no new code.
    """
    file = _file_of(app)
    return hashlib.sha256(f"{file} {_saved(file)} {_newest(file, wide)}".encode()).hexdigest()[:6]


def saved_after(app: AppRef, wide: bool, moment: int) -> bool:
    """Whether a file of the code was saved after *moment* (nanoseconds, as ``time.time_ns()``)."""
    file = _file_of(app)
    return max(_saved(file), _newest(file, wide))[0] > moment


def _newest(file: str, wide: bool) -> tuple[int, int]:
    return max(map(_saved, _project(file)), default=(0, 0)) if wide and file else (0, 0)


def _saved(path: str) -> tuple[int, int]:
    """When it was written, and its size."""
    try:
        status = os.stat(path)
    except OSError:  # being replaced, or not a file at all
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _file_of(app: AppRef) -> str:
    if app.path:
        return app.path
    module = sys.modules.get(app.module)
    spec = module.__spec__ if module else importlib.util.find_spec(app.module)
    return (spec.origin if spec else "") or getattr(module, "__file__", "") or ""


def _project(file: str) -> set[str]:
    """The files below the folder that *file*, or the package of it, is in: of modules that are imported here,
    and of those that *file* would import. A module with a mistake in it is no module, but somebody is about
    to mend it."""
    folder = os.path.dirname(os.path.abspath(file))
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    found = set(_loaded(folder))
    todo = [os.path.abspath(file)]
    seen: set[str] = set()
    while todo and len(seen) < MOST:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imported(path, folder)
    return found | seen


def _loaded(folder: str) -> Iterator[str]:
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None) or ""
        if path.startswith(folder + os.sep) and "site-packages" not in path:
            yield path


def _imported(path: str, folder: str) -> Iterator[str]:
    """The files in *folder* of the modules that *path* imports, as far as its source tells."""
    beside = os.path.dirname(path)
    for level, name in _names(path, _saved(path)):
        starts = {folder, beside}
        if level:
            starts = {os.path.normpath(os.path.join(beside, *[os.pardir] * (level - 1)))}
        for start in starts:
            for part in name.split("."):
                if os.path.isfile(f"{start}{os.sep}{part}.py"):
                    yield f"{start}{os.sep}{part}.py"
                start = os.path.join(start, part)
                if not os.path.isdir(start):
                    break
                if os.path.isfile(os.path.join(start, "__init__.py")):
                    yield os.path.join(start, "__init__.py")


@functools.lru_cache(maxsize=MOST)
def _names(path: str, saved: tuple[int, int]) -> tuple[tuple[int, str], ...]:
    """What the source imports: (level, dotted name). *saved* is when it was written, for the cache."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found: dict[tuple[int, str], None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= dict.fromkeys((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = f"{node.module}." if node.module else ""
            found |= dict.fromkeys((node.level, f"{base}{alias.name}") for alias in node.names)
    return tuple(found)
