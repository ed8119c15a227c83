"""Which files of a folder can be run, and that nothing outside of it ever is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from htagweb_flask.dev.folder import Entry, Folder
from htagweb_flask.errors import ConfigError

APP = "from htag import Tag\nclass App(Tag.App): pass\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    root = tmp_path / "root"
    (root / "sub" / "pack").mkdir(parents=True)
    for name in ("hello.py", "sub/hello.py", "sub/pack/page.py", "sub/pack/__init__.py", ".hidden.py"):
        (root / name).write_text(APP)
    (tmp_path / "secret.py").write_text(APP)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "secret.py").write_text(APP)
    (root / "leads_out.py").symlink_to(tmp_path / "secret.py")
    (root / "way_out").symlink_to(tmp_path / "beside")
    (root / "inside.py").symlink_to(root / "sub" / "hello.py")
    (root / "circle.py").symlink_to(root / "circle.py")
    (root / "folder.py").mkdir()
    (root / "text.txt").write_text(APP)
    return Folder(root)


REFUSED = [
    "",
    "..",
    "../secret.py",
    "sub/../../secret.py",
    "sub/../hello.py",
    "./hello.py",
    "sub//hello.py",
    "/etc/passwd",
    "/hello.py",
    "sub\\hello.py",
    "..\\secret.py",
    "C:/hello.py",
    "hello.py/",
    "hello.py\0",
    "hello.py\n",
    ".hidden.py",
    "hello",
    "hello.pyc",
    "text.txt",
    "folder.py",
    "circle.py",
    "missing.py",
    "leads_out.py",
    "way_out/secret.py",
    "hello.py:os.system",
    "hello.py:__import__('os')",
    "hello.py:App:App",
    "x" * 5000 + ".py",
    "\udc80.py",
]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_file_of_the_folder_is_refused(folder: Folder, name: str) -> None:
    with pytest.raises(ConfigError):
        folder.app(name)


def test_absolute_names_of_files_inside_are_refused_too(folder: Folder) -> None:
    with pytest.raises(ConfigError):
        folder.app(str(folder.root / "hello.py"))


def test_a_link_inside_of_the_folder_stands_for_its_file(folder: Folder) -> None:
    assert folder.app("inside.py") == folder.app("sub/hello.py")


def test_each_file_is_another_module(folder: Folder) -> None:
    names = {folder.app(name).module for name in ("hello.py", "sub/hello.py", "sub/pack/page.py")}
    assert names == {"hello", "sub.hello", "sub.pack.page"}


@pytest.mark.parametrize("name", ["json.py", "htag.py", "class.py", "my-app.py", "2048.py", "è.py"])
def test_a_file_takes_no_name_from_a_library(folder: Folder, name: str) -> None:
    (folder.root / name).write_text(APP)
    app = folder.app(name)
    assert app.module.isidentifier()
    assert app.module not in sys.modules
    assert app.path == str(folder.root / name)
    assert app.module.startswith("_") != (name == "è.py")


def test_what_a_folder_holds_is_told_without_importing_it(folder: Folder) -> None:
    (folder.root / "hello.py").write_text('"""Says hello.\n\nAnd more."""\n' + APP + "raise SystemExit\n")
    (folder.root / "many.py").write_text(
        "from htag import Tag\nclass Base(Tag.div): pass\nclass App(Base): pass\nclass Other: pass\n"
    )
    (folder.root / "made.py").write_text("from elsewhere import App\n")
    (folder.root / "broken.py").write_text("class App(:\n")
    (folder.root / "plain.py").write_text("x = 1\n")
    entries = folder.entries()
    assert [entry.name for entry in entries if entry.kind == "folder"] == ["folder.py", "sub"]
    found = {entry.name: entry for entry in entries if entry.kind != "folder"}
    assert found["hello.py"] == Entry("app", "hello.py", ("App",), "Says hello.")
    assert found["many.py"].apps == ("App", "Base")
    assert found["made.py"].apps == ("App",)
    assert found["plain.py"].kind == "other"
    assert found["broken.py"].kind == "broken"
    assert "invalid syntax" in found["broken.py"].note
    assert set(found) == {"hello.py", "many.py", "made.py", "broken.py", "plain.py", "inside.py"}


@pytest.mark.parametrize("name", ["..", "way_out", "missing", "/", "sub/..", "hello.py"])
def test_another_folder_cannot_be_listed(folder: Folder, name: str) -> None:
    with pytest.raises(ConfigError):
        folder.entries(name)


def test_names_that_no_address_can_have_are_left_out(folder: Folder) -> None:
    with open(os.path.join(os.fsencode(folder.root), b"\xff.py"), "w") as file:
        file.write(APP)
    assert all(entry.name.isprintable() for entry in folder.entries())


def test_a_file_finds_what_is_beside_it_and_at_the_root(folder: Folder) -> None:
    (folder.root / "at_root.py").write_text("WORD = 'root'\n")
    (folder.root / "sub" / "beside.py").write_text("WORD = 'beside'\n")
    (folder.root / "sub" / "both.py").write_text(
        "import at_root, beside\nclass App: words = at_root.WORD, beside.WORD\n"
    )
    (folder.root / "sub" / "pack" / "near.py").write_text("WORD = 'near'\n")
    (folder.root / "sub" / "pack" / "page.py").write_text(
        "from . import near\nfrom .near import WORD\nclass App: words = WORD\n"
    )
    for name, words in (("sub/both.py", "('root', 'beside')"), ("sub/pack/page.py", "near")):
        code = (
            "import sys; from htagweb_flask.appref import AppRef; "
            f"print(AppRef.parse({str(folder.app(name))!r}).load().words)"
        )
        assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == words
