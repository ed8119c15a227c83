"""AppRef: where an app's class is found, in a form that another process can import.

The class itself never travels: the pool imports it again, from its module or from its file when the module
is ``__main__`` (a script that is run directly).
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .errors import ConfigError

__all__ = ["AppRef"]


@dataclass(frozen=True)
class AppRef:
    """A class by module and name; *path* is the file to load when the module cannot be imported by name."""

    module: str
    name: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.module}:{self.name}" + (f"@{self.path}" if self.path else "")

    @classmethod
    def parse(cls, text: str) -> AppRef:
        """The reference that ``str()`` wrote."""
        spot, _, path = text.partition("@")
        module, _, name = spot.partition(":")
        return cls(module, name, path)

    @classmethod
    def of(cls, target: Any, package: str = "") -> AppRef:
        """The reference of a class, of a module that holds ``App``, or of "module:Class" / "module.Class".

        *package* is where a relative name (".pages:App") starts. Raises ConfigError when the pool could not
        find it again, and says what to do.
        """
        if isinstance(target, AppRef):
            return target
        if isinstance(target, ModuleType):
            if not isinstance(vars(target).get("App"), type):
                where = target.__name__
                raise ConfigError(f'module {where!r} has no class App: name the class, as in "{where}:MyApp"')
            return cls._located(target.__name__, "App", getattr(target, "__file__", None))
        if isinstance(target, str):
            return cls._of_text(target, package)
        if not isinstance(target, type):
            raise ConfigError(
                f"{target!r} is not an htag app: give a Tag class (not an instance), a module that holds "
                'App, or a string "module:Class"'
            )
        if "<locals>" in target.__qualname__:
            raise ConfigError(
                f"{target.__qualname__} is defined inside a function, where the pool's processes cannot find "
                "it: move the class to the top level of its module"
            )
        module = sys.modules.get(target.__module__)
        return cls._located(target.__module__, target.__qualname__, getattr(module, "__file__", None))

    @classmethod
    def _located(cls, module: str, name: str, file: str | None) -> AppRef:
        if module != "__main__":
            return cls(module, name)
        spec = sys.modules["__main__"].__spec__
        if spec is not None:  # python -m package
            return cls(spec.name, name)
        if not file:
            raise ConfigError(f"class {name} was typed at a prompt: the pool needs it in a file")
        path = os.path.abspath(file)
        return cls(os.path.splitext(os.path.basename(path))[0], name, path)

    @classmethod
    def _of_text(cls, text: str, package: str) -> AppRef:
        module, colon, name = text.partition(":")
        if not colon:
            module, dot, name = text.rpartition(".")
            if not dot or not name[:1].isupper():
                module, name = text, "App"
        if module.startswith("."):
            if not package:
                raise ConfigError(
                    f"{text!r} is relative, but there is no package to start from: write it in full"
                )
            module = importlib.util.resolve_name(module, package)
        parts = [*module.split("."), *name.split(".")]
        if not all(part.isidentifier() for part in parts):
            raise ConfigError(f'{text!r} does not name an app: write "package.module:Class"')
        try:
            found = module in sys.modules or importlib.util.find_spec(module) is not None
        except (ImportError, ValueError):
            found = False
        if not found:
            raise ConfigError(f"{text!r}: there is no module {module!r} on sys.path")
        return cls(module, name)

    def load(self) -> type:
        """Imports the class. Raises whatever its module raises, and ConfigError when it is not there."""
        module = self._load_file() if self.path else importlib.import_module(self.module)
        found: Any = module
        for part in self.name.split("."):
            found = inspect.getattr_static(found, part, None)
        if not isinstance(found, type):
            raise ConfigError(f"{self}: there is no class {self.name!r} in {module.__name__!r}")
        return found

    def _folders(self) -> list[str]:
        """Where a script finds what it imports: in the folder that its dotted name starts from, and first
        beside it. A file of a package has relative imports for that."""
        folder = beside = os.path.dirname(self.path)
        for _ in range(self.module.count(".")):
            folder = os.path.dirname(folder)
        inside = os.path.exists(os.path.join(beside, "__init__.py"))
        return [folder] if inside or folder == beside else [folder, beside]

    def _load_file(self) -> ModuleType:
        # As multiprocessing does: the script is loaded under its own name, so that what stands under
        # `if __name__ == "__main__"` does not run again.
        for folder in self._folders():
            if folder not in sys.path:
                sys.path.insert(0, folder)
        spec = importlib.util.spec_from_file_location(self.module, self.path)
        if spec is None or spec.loader is None:
            raise ConfigError(f"{self.path} cannot be loaded as a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[self.module] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(self.module, None)
            raise
        return module
