"""What the package never does, read from its source: each is a way in that others were taken by.

Beside what the floors forbid (``test_layers.py``: pickle, marshal, eval, exec ...).
"""

from __future__ import annotations

import ast

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "htagweb_flask"

#: Modules that run what they read, or hand out what others may open.
MODULES = {
    "multiprocessing",
    "shelve",
    "dill",
    "cloudpickle",
    "jsonpickle",
    "pickle",
    "marshal",
    "yaml",
    "code",
    "pty",
}

HEADER = "a header that anybody can send"

#: Functions by their last names, whatever they belong to.
CALLS = {
    "system",
    "popen",
    "mktemp",
    "load_module",
    "run_module",
    "run_path",
    "literal_eval",
    "make_response_from_file",
}


def violations(source: str) -> list[str]:
    """What of this is banned, with the line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [(node.module or "").partition(".")[0]]
        found += [f"{node.lineno}: imports {each}" for each in names if each in MODULES]  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            found += [f"{node.lineno}: {what}" for what in _called(node)]
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith("X-Forwarded-")
        ):
            found.append(f"{node.lineno}: {HEADER}")
    return found


def _called(node: ast.Call) -> list[str]:
    function = node.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    found = [f"calls {called}"] if called in CALLS else []
    if any(word.arg == "shell" and getattr(word.value, "value", True) is not False for word in node.keywords):
        found.append("runs a shell")
    owner = getattr(function.value, "id", "") if isinstance(function, ast.Attribute) else ""
    own_group = called == "killpg" and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
    if owner == "os" and called in {"kill", "killpg"} and not own_group:
        found.append("signals a number: a child is signalled by its object")
    if owner == "importlib" and called == "reload":
        found.append("loads code again")
    return found


def test_the_package_does_nothing_that_is_banned() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        told = violations(path.read_text())
        if name.startswith("web/doctor/") or name == "web/checks.py":  # these look whether a proxy sends it
            told = [each for each in told if not each.endswith(HEADER)]
        found += [f"{name}:{each}" for each in told]
    assert found == []


@pytest.mark.parametrize("name", ["noise.py", "seal.py"])
def test_what_holds_keys_writes_nothing(name: str) -> None:
    tree = ast.parse((PACKAGE / name).read_text())
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not {each.partition(".")[0] for each in imported} & {"logging", "log", "sys", "warnings", "io"}
    called = {getattr(node.func, "id", "") for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"print", "open", "repr"}
    assert not any(isinstance(node, ast.FormattedValue) for node in ast.walk(tree) if not _pattern(node))


def _pattern(node: ast.AST) -> bool:
    """The one text that is put together there: the name of a handshake."""
    return isinstance(node, ast.FormattedValue) and getattr(node.value, "id", "") == "pattern"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import pickle", "1: imports pickle"),
        ("def f():\n    from multiprocessing.connection import Client", "2: imports multiprocessing"),
        ("import yaml.loader", "1: imports yaml"),
        ("os.system('x')", "1: calls system"),
        ("subprocess.run('x', shell=True)", "1: runs a shell"),
        ("subprocess.run('x', shell=flag)", "1: runs a shell"),
        ("os.kill(int(open('pid').read()), 9)", "1: signals a number: a child is signalled by its object"),
        ("os.killpg(pid, 9)", "1: signals a number: a child is signalled by its object"),
        ("tempfile.mktemp()", "1: calls mktemp"),
        ("importlib.reload(module)", "1: loads code again"),
        ("request.headers.get('X-Forwarded-Proto')", f"1: {HEADER}"),
    ],
)
def test_the_reader_finds_what_is_banned(source: str, told: str) -> None:
    assert violations(source) == [told]


@pytest.mark.parametrize(
    "source", ["subprocess.run(['x'], shell=False)", "from .code import x", "signal.alarm(1)"]
)
def test_the_reader_lets_the_rest_pass(source: str) -> None:
    assert violations(source) == []
