"""What is built holds what it must, and works where the repository is not."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.http_client import User
from tests.servers import serve
from tests.support import ROOT, unavailable

PACKAGE = "htagweb_flask"

HELLO = """
from flask import Flask
from htag import Tag
from htagweb_flask import htag_blueprint


class App(Tag.App):
    def init(self):
        self.out = Tag.p("hello world")
        self += self.out
        self += Tag.button("press", _onclick=self.press)

    def press(self, ev):
        self.out.clear()
        self.out += "pressed"


app = Flask(__name__)
app.register_blueprint(htag_blueprint(App))
"""


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without the network: by the build tool of this environment."""
    if importlib.util.find_spec("hatchling") is None:
        unavailable("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as it is installed, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel)
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / PACKAGE
    wanted = {
        file.relative_to(ROOT).as_posix()
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {f"{PACKAGE}/py.typed", f"{PACKAGE}/static/htagweb.js"} <= wanted
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert any(name.endswith("/LICENSE") for name in names)


def test_the_wheel_says_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    version = re.search(r'^__version__ = "(.+)"$', (ROOT / PACKAGE / "__init__.py").read_text(), re.M)
    assert version
    assert f"\nName: htagweb-flask\nVersion: {version[1]}\n" in metadata
    assert "\nRequires-Python: >=3.10\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata
    needs = {
        re.split(r"[<>=]", line)[0] for line in re.findall(r"^Requires-Dist: ([^;\n]+)$", metadata, re.M)
    }
    assert needs == {"htag", "flask", "flask-session", "cachelib", "msgspec", "itsdangerous"}
    assert set(re.findall(r"^Provides-Extra: (.+)$", metadata, re.M)) == {"gevent", "redis", "parano", "dev"}


def test_the_wheel_brings_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        told = archive.read(name).decode()
    assert told.split("\n")[:2] == ["[flask.commands]", f"htag = {PACKAGE}.dev.command:htag_cli"]


def test_the_source_archive_holds_tests_and_examples(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", tmp_path)
    (archive,) = tmp_path.glob("htagweb_flask-*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"README.md", "LICENSE", "Makefile", "pyproject.toml", "tests/conftest.py"} <= names
    assert f"{PACKAGE}/static/htagweb.js" in names
    assert any(name.startswith("examples/") and name.endswith(".py") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.startswith(".venv")]


def test_it_is_imported_outside_of_the_repository(installed: Path, tmp_path: Path) -> None:
    code = f"import {PACKAGE} as it; print(it.__file__); print([getattr(it, name) for name in it.__all__])"
    out = run(sys.executable, "-c", code, cwd=tmp_path, env={"PYTHONPATH": str(installed)})
    assert Path(out.splitlines()[0]) == installed / PACKAGE / "__init__.py"
    assert "None" not in out


def test_a_hello_app_runs_outside_of_the_repository(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(HELLO)
    environment = {"PYTHONPATH": str(installed)}
    with serve("gunicorn-gthread", "hello:app", cwd=tmp_path, workers=2, env=environment) as server:
        page = User(server.url, keep_alive=False).open("/")
        assert "hello world" in page.text
        script = page.find(tag="script", src="/_htag/htagweb-").attributes["src"]
        assert page.user.get(script).status == 200
        page.click("press")
        page.wait_text("pressed")
