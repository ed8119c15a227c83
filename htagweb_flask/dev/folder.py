"""A folder of Python files, and the htag apps in them as far as the sources tell: nothing is imported."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import keyword
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ..appref import AppRef
from ..errors import ConfigError

__all__ = ["FOLDER", "Entry", "Folder", "apps_in", "ref_of"]

FOLDER = "HTAG_DEV_FOLDER"
"""The environment variable that names the folder to the app which lists it: it is the same for everybody."""

SIZE = 1_000_000
"""Bytes of a source that is looked at."""


@dataclass(frozen=True)
class Entry:
    """What a folder holds: a folder ("folder"), a file with apps ("app"), one that Python cannot read
    ("broken"), or another one ("other")."""

    kind: str
    name: str
    apps: tuple[str, ...] = ()
    note: str = ""


class Folder:
    """The folder from which apps are served, and nothing from outside of it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises OSError when there is no such folder."""
        self.root = Path(path).resolve(strict=True)

    def find(self, name: str, kind: str = "file") -> Path:
        """The Python file (or the "folder") that is called *name*, with "/" between folders, without any
        symbolic link. Raises ConfigError when there is none inside of this folder, whatever else there is."""
        parts = name.split("/") if name else []
        if not all(map(_is_plain, parts)) or (kind == "file" and not name.endswith(".py")):
            raise ConfigError(f"{name!r} is not the name of a Python file")
        try:
            path = self.root.joinpath(*parts).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):  # RuntimeError: links in a circle, before Python 3.13
            raise ConfigError(f"there is no {name}") from None
        if not path.is_relative_to(self.root) or not (path.is_file() if kind == "file" else path.is_dir()):
            raise ConfigError(f"there is no {name}")
        return path

    def app(self, name: str) -> AppRef:
        """The app of "file.py", or of "file.py:Class". Raises ConfigError."""
        file, _, wanted = name.partition(":")
        return ref_of(self.find(file), self.root, wanted)

    def entries(self, name: str = "") -> list[Entry]:
        """What is in the folder *name*: folders first. Raises ConfigError."""
        found = []
        for path in sorted(self.find(name, "folder").iterdir(), key=lambda path: path.name.lower()):
            below = f"{name}/{path.name}" if name else path.name
            try:
                if path.is_dir() and self.find(below, "folder"):
                    found.append(Entry("folder", path.name))
                elif path.suffix == ".py":
                    found.append(_entry(self.find(below), path.name))
            except (ConfigError, OSError):
                continue  # it leads out of here, or has a name that no address can have
        return sorted(found, key=lambda entry: entry.kind != "folder")


def _is_plain(part: str) -> bool:
    """Whether a name stands for something in its folder that is not hidden, on any system."""
    odd = set('\\:*?"<>|') & set(part)
    return bool(part) and not part.startswith((".", "__pycache__")) and part.isprintable() and not odd


def _entry(path: Path, name: str) -> Entry:
    try:
        apps, about = apps_in(path)
    except (SyntaxError, ValueError) as error:
        return Entry("broken", name, ("App",), _first_line(str(error)))
    return Entry("app" if apps else "other", name, apps, _first_line(about))


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:120]


def apps_in(path: Path) -> tuple[tuple[str, ...], str]:
    """The names of the apps in a source, ``App`` first, and what the source says of itself.

    Raises SyntaxError, ValueError and OSError."""
    with path.open("rb") as file:
        tree = ast.parse(file.read(SIZE), str(path.name))
    found: dict[str, None] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            if node.name == "App" or any(_is_tag(base, found) for base in node.bases):
                found[node.name] = None
        elif "App" in _assigned(node):
            found["App"] = None
    names = sorted(found, key=lambda name: name != "App")
    return tuple(names), ast.get_docstring(tree) or ""


def _is_tag(base: ast.expr, known: dict[str, None]) -> bool:
    """Whether a class with that base is a Tag class: Tag, Tag.div, htag.Tag.div, or one that was before."""
    if isinstance(base, ast.Name):
        return base.id == "Tag" or base.id in known
    return isinstance(base, ast.Attribute) and (base.attr == "Tag" or _is_tag(base.value, {}))


def _assigned(node: ast.stmt) -> set[str]:
    """The names that a statement gives to something else than a class."""
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    return set()


def ref_of(path: Path, root: Path, name: str = "") -> AppRef:
    """The app of the file *path* below *root*: the class *name*, else ``App``, else the first one. Raises
    ConfigError when there is none."""
    if not name:
        try:
            apps, _ = apps_in(path)
        except (SyntaxError, ValueError, OSError):
            apps = ("App",)  # whoever imports it will see, and tell
        if not apps:
            raise ConfigError(f"there is no htag app in {path.name}: an app is a class App(Tag.App)")
        name = apps[0]
    if not name.isidentifier():
        raise ConfigError(f"{name!r} is not the name of a class")
    return AppRef(_module_name(path.relative_to(root)), name, str(path))


def _module_name(path: Path) -> str:
    """The name under which a file is imported: as its tag.state is kept under that, each has another. A name
    that belongs to a module of somebody else, or is none, is replaced."""
    parts = path.with_suffix("").parts
    plain = all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
    if plain and not _is_taken(parts[0]):
        return ".".join(parts)
    digest = hashlib.sha256(path.as_posix().encode()).hexdigest()[:6]
    return f"_{re.sub(r'[^0-9a-zA-Z]', '_', parts[-1])}_{digest}"


def _is_taken(name: str) -> bool:
    if name in sys.stdlib_module_names or name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
