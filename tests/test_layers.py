"""The house keeps its floors: imports only go down, and each floor knows only what it may know.

    extension -> web -> brokers -> pure files -> config, errors
    open -> web: the command that serves the page of another server's app
    dev -> extension; dev.index, an app like that of anybody, and dev.folder, what both know of the folder
    pool.__main__ -> supervisor -> slots, processes -> parts -> pure files
    pool.__main__ -> template -> process -> worker -> instance -> parts -> pure files

Read from the source, so that an import inside a function counts like any other.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = "htagweb_flask"

#: The floor of each module; a package stands for all that is in it.
FLOORS = {
    "": "front",
    "dev": "dev",
    "dev.folder": "pure",
    "dev.index": "app",
    "__main__": "front",
    "open": "open",
    "extension": "extension",
    "web": "web",
    "brokers": "brokers",
    "store": "store",
    "session_files": "files",
    "session_redis": "files",
    "protocol": "pure",
    "placement": "pure",
    "session": "pure",
    "values": "pure",
    "keyfile": "pure",
    "noise": "pure",
    "seal": "pure",
    "appref": "pure",
    "code": "pure",
    "locks": "base",
    "private": "base",
    "config": "base",
    "policy": "base",
    "expose": "base",
    "errors": "base",
    "log": "base",
    "pool": "pool",
    "pool.__main__": "pool main",
    "pool.supervisor": "supervisor",
    "pool.listing": "listing",
    "pool.inline": "inline",
    "pool.slots": "slots",
    "pool.processes": "slots",
    "pool.template": "template",
    "pool.process": "process",
    "pool.worker": "worker",
    "pool.warden": "warden",
    "pool.instance": "instance",
    "pool.residents": "warden",
    "pool.interactions": "parts",
    "pool.delivery": "parts",
    "pool.sessions": "parts",
    "pool.caps": "parts",
    "pool.channels": "parts",
    "pool.config": "parts",
    "pool.exchange": "parts",
    "pool.freshness": "parts",
    "pool.live_session": "parts",
    "pool.watchdog": "parts",
    "pool.intake": "parts",
    "pool.line": "parts",
    "pool.wear": "parts",
    "pool.breaker": "parts",
    "pool.outbox": "parts",
    "pool.repeats": "parts",
    "pool.resources": "parts",
    "pool.client": "parts",
    "pool.apps": "parts",
    "pool.child": "parts",
    "pool.loops": "parts",
    "pool.green": "parts",
    "pool.adapters": "parts",
    "pool.listeners": "parts",
}

#: What a floor may import, beside its own where it is in SHARED. The store is for web alone: it brings
#: Flask-Session, and with it Flask.
BELOW = {
    "front": {"dev", "extension", "web", "base"},
    "dev": {"extension", "web", "pure", "base"},
    "open": {"web", "pure", "base"},
    "app": {"pure", "base"},
    "extension": {"web", "brokers", "store", "pure", "base"},
    "web": {"brokers", "store", "pure", "base"},
    "brokers": {"pure", "base"},
    "store": {"files", "pure", "base"},
    "files": {"pure", "base"},
    "pure": {"base"},
    "base": set(),
    "pool main": {"supervisor", "template", "process", "parts", "pure", "base"},
    "supervisor": {"listing", "slots", "parts", "pure", "base"},
    "listing": {"slots", "parts", "pure", "base"},
    "slots": {"parts", "pure", "base"},
    "inline": {"worker", "parts", "pure", "base"},
    "template": {"process", "parts", "pure", "base"},
    "process": {"worker", "parts", "pure", "base"},
    "worker": {"warden", "instance", "parts", "pure", "base"},
    "warden": {"instance", "parts", "pure", "base"},
    "instance": {"parts", "pure", "base"},
    "parts": {"pure", "base"},
    "pool": set(),
}
#: What a single module may import beside that: the pool on threads of the web process is reached by one file.
ALONE = {"brokers.inline": {"pool.inline", "pool.config"}}

SHARED = {"dev", "open", "slots", "web", "brokers", "pure", "base", "parts"}

WEB = {"front", "dev", "open", "extension", "web", "brokers", "store", "files"}
POOL = {"app", "pool", "pool main", "supervisor", "listing", "slots", "inline", "template", "process"}
POOL |= {"worker", "warden"}
POOL |= {"instance", "parts"}
NEVER = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle"}
TIME_OF_DAY = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.datetime.now"}
CALLS = {"eval", "exec", "__import__"}


def forbidden(floor: str, module: str) -> set[str]:
    """The libraries that a module of that floor may not import."""
    names = set(NEVER)
    if floor != "app" and module != "pool.adapters" and not module.startswith("pool.adapters."):
        names.add("htag")
    if floor in WEB:
        names.add("asyncio")
    if floor in POOL:
        names |= {"flask", "werkzeug", "flask_session", "gunicorn"}
        names |= {"gevent"} - ({"gevent"} if module == "pool.green" else set())
    if floor in {"pure", "base"}:
        names |= {
            "socket",
            "threading",
            "time",
            "asyncio",
            "subprocess",
            "selectors",
            "flask",
            "werkzeug",
            "redis",
        }
    if floor == "store":
        names |= {"socket", "threading", "subprocess"}
    return names


@dataclass(frozen=True)
class Import:
    """One import: of a module of the package (inside) or of a library."""

    line: int
    name: str
    inside: bool


class House:
    """The modules of a package, by their name below it ("" is the package itself)."""

    def __init__(self, sources: Mapping[str, str], packages: set[str]) -> None:
        self.trees = {name: ast.parse(source) for name, source in sources.items()}
        self.packages = packages

    @classmethod
    def read(cls, folder: Path) -> House:
        sources, packages = {}, set()
        for file in sorted(folder.rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
                packages.add(".".join(parts))
            sources[".".join(parts)] = file.read_text(encoding="utf-8")
        return cls(sources, packages)

    def violations(self) -> list[str]:
        found = [text for name in self.trees for text in self._of(name)]
        return found + [f"{' -> '.join(cycle)}: a circle" for cycle in self._circles()]

    def _of(self, module: str) -> Iterator[str]:
        where = f"{PACKAGE}.{module}".rstrip(".")
        floor = self.floor(module)
        if floor is None:
            yield f"{where}: has no floor, give it one in {Path(__file__).name}"
            return
        for one in self.imports(module):
            if one.inside:
                other = self.floor(one.name)
                allowed = other in BELOW[floor] | ({floor} & SHARED) or one.name in ALONE.get(module, ())
                if not allowed:
                    yield f"{where}:{one.line}: {floor} imports {one.name} of {other}"
            elif one.name in forbidden(floor, module):
                yield f"{where}:{one.line}: {floor} imports {one.name}"
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.Call) and _called(node) in CALLS:
                yield f"{where}:{node.lineno}: calls {_called(node)}"

    @staticmethod
    def floor(module: str) -> str | None:
        """That of the longest name in the table; in the pool, only what is named or in a named package."""
        while module not in FLOORS:
            module = module.rpartition(".")[0]
            if module in ("", "pool"):
                return None
        return FLOORS[module]

    def imports(self, module: str) -> Iterator[Import]:
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield self._import(node.lineno, alias.name)
            elif isinstance(node, ast.ImportFrom):
                yield from self._from(module, node)
            elif isinstance(node, ast.Call) and _called(node) == "import_module" and _constant(node):
                yield self._import(node.lineno, _constant(node))

    def _from(self, module: str, node: ast.ImportFrom) -> Iterator[Import]:
        base = node.module or ""
        if node.level:
            parents = module.split(".") if module else []
            parents = parents[: len(parents) - node.level + (module in self.packages)]
            base = ".".join([PACKAGE, *parents, *filter(None, [base])])
        inside = base == PACKAGE or base.startswith(f"{PACKAGE}.")
        for alias in node.names:
            if inside and f"{base}.{alias.name}"[len(PACKAGE) + 1 :] in self.trees:
                yield self._import(node.lineno, f"{base}.{alias.name}")
            elif not (base == PACKAGE and alias.name == "__version__"):
                yield self._import(node.lineno, base)

    @staticmethod
    def _import(line: int, name: str) -> Import:
        top, _, rest = name.partition(".")
        return Import(line, rest, True) if top == PACKAGE else Import(line, top, False)

    def _circles(self) -> list[list[str]]:
        """A way round through the modules, for each that is on one."""
        below = {name: {one.name for one in self.imports(name) if one.inside} for name in self.trees}
        for name, others in below.items():
            others.discard(name)
        done: set[str] = set()
        found = []

        def visit(name: str, way: list[str]) -> None:
            if name in way:
                found.append([*way[way.index(name) :], name])
            elif name not in done:
                for other in sorted(below.get(name, ())):
                    visit(other, [*way, name])
                done.add(name)

        for name in sorted(below):
            visit(name, [])
        return found


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        owner = function.value.id if isinstance(function.value, ast.Name) else ""
        return function.attr if owner in ("importlib", "builtins") else ""
    return function.id if isinstance(function, ast.Name) else ""


def _constant(node: ast.Call) -> str:
    """The name that import_module() is called with, if it is written there and absolute."""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
        return first.value
    return ""


def test_imports_only_go_down() -> None:
    house = House.read(ROOT / PACKAGE)
    assert "protocol" in house.trees
    assert house.violations() == []


def test_the_time_of_day_is_for_what_is_stored() -> None:
    """Whatever waits counts seconds, which no one can set: a clock that is set must end nothing."""
    house = House.read(ROOT / PACKAGE)
    readers = {
        module
        for module, tree in house.trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in TIME_OF_DAY
    }
    # Beside sessions: when the import of an app began, to be compared with the times of its files.
    assert readers == {"session_files", "pool.process", "pool.inline"}


@pytest.mark.parametrize("module", ["supervisor", "worker", "instance", "client", "__main__"])
def test_the_pool_runs_without_flask(module: str) -> None:
    """Also not by way of another module: what is loaded counts."""
    code = (
        f"import sys, {PACKAGE}.pool.{module}\n"
        "print(*({'flask', 'werkzeug', 'flask_session', 'gevent'} & set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_a_web_process_has_nothing_of_the_pool_unless_it_is_asked_for() -> None:
    code = (
        f"import sys, {PACKAGE}, {PACKAGE}.brokers.socket\n"
        f"print(*(name for name in sys.modules if name.startswith('{PACKAGE}.pool') or name == 'htag'))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def judged(**sources: str) -> list[str]:
    """The violations in a package of these modules; "__" stands for the dot, "front" for the package."""
    modules = {"" if name == "front" else name.replace("__", "."): source for name, source in sources.items()}
    packages = {""} | {name.rpartition(".")[0] for name in modules if "." in name}
    return House({name: "" for name in packages} | modules, packages).violations()


def test_the_checker_lets_pass_what_goes_down() -> None:
    good = judged(
        front="from .errors import HtagError\ndef f():\n    from . import extension",
        extension="from .web import views\nfrom . import config, __version__\nimport flask",
        web__views="from ..brokers.base import Broker\nfrom .guard import check\nfrom ..store import Store",
        web__guard="import itsdangerous, time, threading",
        web__site="def f():\n    from ..brokers.inline import InlineBroker",
        brokers__inline="from ..pool.inline import InlinePool",
        pool__inline="from .worker import Worker",
        pool__green="import gevent",
        brokers__base="import socket\nfrom ..protocol import Message",
        store="import fcntl, os, time\nfrom .session import pack",
        protocol="import struct\nfrom .errors import TooLarge",
        session="from .protocol import Delta",
        errors="",
        config="from .errors import ConfigError",
        pool__worker="import asyncio\nfrom .instance import Instance\nfrom ..appref import AppRef",
        pool__instance="import threading\nfrom .adapters import Adapter",
        pool__adapters="import importlib\nimportlib.import_module('.htag1', __name__)",
        appref="",
    )
    assert good == []


@pytest.mark.parametrize(
    ("module", "source", "told"),
    [
        ("protocol", "import socket", "htagweb_flask.protocol:1: pure imports socket"),
        ("session", "def f():\n    import time", "htagweb_flask.session:2: pure imports time"),
        ("placement", "from asyncio.events import x", "htagweb_flask.placement:1: pure imports asyncio"),
        ("errors", "from . import session", "htagweb_flask.errors:1: base imports session of pure"),
        ("store", "import threading", "htagweb_flask.store:1: store imports threading"),
        ("store", "import pickle", "htagweb_flask.store:1: store imports pickle"),
        ("web__views", "import asyncio", "htagweb_flask.web.views:1: web imports asyncio"),
        ("web__views", "from htag import Tag", "htagweb_flask.web.views:1: web imports htag"),
        ("extension", "import htag.tag as t", "htagweb_flask.extension:1: extension imports htag"),
        (
            "web__views",
            "from ..pool import worker",
            "htagweb_flask.web.views:1: web imports pool.worker of worker",
        ),
        (
            "web__views",
            "from .. import extension",
            "htagweb_flask.web.views:1: web imports extension of extension",
        ),
        ("web__views", "from htagweb_flask import Htag", "htagweb_flask.web.views:1: web imports  of front"),
        (
            "brokers__base",
            "from ..web import views",
            "htagweb_flask.brokers.base:1: brokers imports web.views of web",
        ),
        (
            "brokers__base",
            "from ..pool import inline",
            "htagweb_flask.brokers.base:1: brokers imports pool.inline of inline",
        ),
        (
            "brokers__inline",
            "from ..pool import worker",
            "htagweb_flask.brokers.inline:1: brokers imports pool.worker of worker",
        ),
        ("pool__worker", "import gevent", "htagweb_flask.pool.worker:1: worker imports gevent"),
        ("pool__worker", "from werkzeug import x", "htagweb_flask.pool.worker:1: worker imports werkzeug"),
        (
            "pool__worker",
            "from ..store import x",
            "htagweb_flask.pool.worker:1: worker imports store of store",
        ),
        ("pool__worker", "import htag", "htagweb_flask.pool.worker:1: worker imports htag"),
        (
            "pool__outbox",
            "from .worker import W",
            "htagweb_flask.pool.outbox:1: parts imports pool.worker of worker",
        ),
        (
            "pool__instance",
            "from . import worker",
            "htagweb_flask.pool.instance:1: instance imports pool.worker of worker",
        ),
        (
            "pool__adapters__v1",
            "from flask import g",
            "htagweb_flask.pool.adapters.v1:1: parts imports flask",
        ),
        ("pool__extra", "", "htagweb_flask.pool.extra: has no floor, give it one in test_layers.py"),
        ("helpers", "", "htagweb_flask.helpers: has no floor, give it one in test_layers.py"),
        ("config", "eval('1')", "htagweb_flask.config:1: calls eval"),
        ("pool__worker", "import builtins\nbuiltins.exec('')", "htagweb_flask.pool.worker:2: calls exec"),
        (
            "appref",
            "import importlib\nimportlib.import_module('htag')",
            "htagweb_flask.appref:2: pure imports htag",
        ),
    ],
)
def test_the_checker_finds(module: str, source: str, told: str) -> None:
    others = {"extension": "", "web__views": "", "pool__worker": "", "store": "", "session": ""}
    others["pool__inline"] = ""
    assert told in judged(**{**others, module: source})


def test_the_checker_finds_circles() -> None:
    assert judged(session="from .protocol import x", protocol="from . import session") == [
        "protocol -> session -> protocol: a circle"
    ]
