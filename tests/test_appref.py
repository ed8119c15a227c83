"""Where an app is found: by class, module or name, and again in another process."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from htagweb_flask.appref import AppRef
from htagweb_flask.errors import ConfigError
from tests.support import ROOT


class Shop:
    """Stands for an app; htag is not needed here."""

    class Inner:
        """One inside another."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on sys.path, whose modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    for name in set(sys.modules) - before:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


@pytest.fixture(autouse=True)
def forget_modules() -> Any:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, name: str, code: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code, encoding="utf-8")


def test_a_class_is_found_by_its_module_and_name() -> None:
    ref = AppRef.of(Shop)
    assert ref == AppRef(__name__, "Shop")
    assert ref.load() is Shop


def test_a_class_inside_a_class_is_found_too() -> None:
    assert str(AppRef.of(Shop.Inner)) == f"{__name__}:Shop.Inner"
    assert AppRef.of(Shop.Inner).load() is Shop.Inner


@pytest.mark.parametrize("text", ["shop:App", "shop.App", "shop"])
def test_text_names_the_module_and_the_class_which_is_app_by_default(folder: Path, text: str) -> None:
    write(folder, "shop.py", "class App: pass")
    ref = AppRef.of(text)
    assert ref == AppRef("shop", "App")
    assert ref.load().__module__ == "shop"


@pytest.mark.parametrize("text", ["pack.sub:App", "pack.sub.App", "pack.sub"])
def test_text_may_name_a_module_of_a_package(folder: Path, text: str) -> None:
    write(folder, "pack/__init__.py", "")
    write(folder, "pack/sub.py", "class App: pass")
    assert AppRef.of(text) == AppRef("pack.sub", "App")


def test_a_package_may_hold_the_app_itself(folder: Path) -> None:
    write(folder, "pack/__init__.py", "class App: pass")
    assert AppRef.of("pack").load().__module__ == "pack"


@pytest.mark.parametrize(
    ("text", "package", "module"),
    [(".sub:App", "pack", "pack.sub"), ("..sub:App", "pack.deep", "pack.sub"), (".sub", "pack", "pack.sub")],
)
def test_text_may_be_relative_to_a_package(folder: Path, text: str, package: str, module: str) -> None:
    write(folder, "pack/__init__.py", "")
    write(folder, "pack/sub.py", "class App: pass")
    write(folder, "pack/deep/__init__.py", "")
    assert AppRef.of(text, package) == AppRef(module, "App")


def test_a_module_stands_for_its_app(folder: Path) -> None:
    write(folder, "shop.py", "class App: pass")
    import shop  # type: ignore[import-not-found]

    assert AppRef.of(shop) == AppRef("shop", "App")


def test_naming_an_app_does_not_import_it(folder: Path) -> None:
    write(folder, "loud.py", "raise RuntimeError('imported')")
    ref = AppRef.of("loud:App")
    with pytest.raises(RuntimeError, match="imported"):
        ref.load()


WRONG: dict[str, tuple[Any, str]] = {
    "an instance": (Shop(), "give a Tag class"),
    "nothing": (None, "give a Tag class"),
    "a function": (write, "give a Tag class"),
    "a module without App": (types.ModuleType("empty"), "has no class App"),
    "no text": ("", "does not name an app"),
    "a path": ("../shop.py", "no package to start from"),
    "a file": ("shop.py:App", "no module"),
    "an expression": ("shop:App()", "does not name an app"),
    "two colons": ("shop:App:x", "does not name an app"),
    "a space": ("shop: App", "does not name an app"),
    "an unknown module": ("there_is_no_such_module:App", "no module 'there_is_no_such_module'"),
    "an unknown package": ("there_is_no_such.module:App", "no module"),
    "a module of a module": ("json.decoder.nothing:App", "no module"),
    "relative to nothing": (".shop:App", "no package to start from"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_found_again_is_refused_with_the_reason(what: str) -> None:
    target, reason = WRONG[what]
    with pytest.raises(ConfigError, match=reason.replace("(", r"\(")):
        AppRef.of(target)


def test_a_class_inside_a_function_is_refused() -> None:
    class Local:
        pass

    with pytest.raises(ConfigError, match="defined inside a function"):
        AppRef.of(Local)


@pytest.mark.parametrize("name", ["Missing", "value", "App.missing", "function"])
def test_a_name_that_is_no_class_is_an_error_when_it_is_loaded(folder: Path, name: str) -> None:
    write(folder, "shop.py", "class App: pass\nvalue = 1\ndef function(): pass\n")
    with pytest.raises(ConfigError, match="there is no class"):
        AppRef("shop", name).load()


@pytest.mark.parametrize(
    "ref",
    [AppRef("a", "B"), AppRef("a.b", "C.D"), AppRef("script", "App", "/some where/at@home:8/script.py")],
    ids=str,
)
def test_its_text_says_all(ref: AppRef) -> None:
    assert AppRef.parse(str(ref)) == ref


SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from htagweb_flask.appref import AppRef

class App:
    pass

print("loaded as", __name__)
if __name__ == "__main__":
    ref = AppRef.of(App)
    print(ref)
    print(ref.load().__module__)
"""


def test_the_class_of_a_script_is_loaded_from_its_file_without_running_it_again(tmp_path: Path) -> None:
    write(tmp_path, "my_script.py", SCRIPT.format(root=str(ROOT)))
    command = [sys.executable, str(tmp_path / "my_script.py")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines() == [
        "loaded as __main__",
        f"my_script:App@{tmp_path / 'my_script.py'}",
        "loaded as my_script",
        "my_script",
    ]


def test_a_module_that_is_run_by_name_is_imported_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, "pack/__init__.py", "")
    write(tmp_path, "pack/tool.py", SCRIPT.format(root=str(ROOT)))
    command = [sys.executable, "-m", "pack.tool"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines() == [
        "loaded as __main__",
        "pack.tool:App",
        "loaded as pack.tool",
        "pack.tool",
    ]


def test_a_class_that_was_typed_at_a_prompt_is_refused() -> None:
    code = (
        "from htagweb_flask.appref import AppRef\n"
        "class App: pass\n"
        "try: AppRef.of(App)\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "typed at a prompt" in done.stdout


def test_a_script_that_fails_is_not_left_half_loaded(tmp_path: Path) -> None:
    write(tmp_path, "broken_script.py", "class App: pass\n1 / 0\n")
    ref = AppRef("broken_script", "App", str(tmp_path / "broken_script.py"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            ref.load()
    assert "broken_script" not in sys.modules
