"""The version of an app's code: it changes when a file is saved, and new pages get new processes then."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator

from .appref import AppRef

__all__ = ["version_of"]


def version_of(app: AppRef, wide: bool) -> str:
    """What tells the code of *app* as it is on disk from what it was before: a few letters.

    It is about the file of the app's module; with *wide*, also about the last of the project's modules that
    was saved. Their number does not count: a module that is imported late, or here and not in another
    process, is no new code.
    """
    file = _file_of(app)
    newest = max(map(_saved, _project(file)), default=(0, 0)) if wide and file else (0, 0)
    return hashlib.sha256(f"{file} {_saved(file)} {newest}".encode()).hexdigest()[:6]


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


def _project(file: str) -> Iterator[str]:
    """The files of imported modules below the folder that *file*, or the package of it, is in."""
    folder = os.path.dirname(os.path.abspath(file))
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None) or ""
        if path.startswith(folder + os.sep) and "site-packages" not in path:
            yield path
