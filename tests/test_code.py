"""The version of an app's code changes when a file is saved, and at nothing else."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from htagweb_flask.appref import AppRef
from htagweb_flask.code import saved_after, version_of

APP = AppRef("code_under_test", "App")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two modules, of which the one with the app is imported."""
    (tmp_path / "code_late.py").write_text("")
    (tmp_path / "code_under_test.py").write_text("class App: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("code_under_test")
    yield tmp_path
    for name in ("code_under_test", "code_late"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("wide", [False, True])
def test_a_file_that_is_saved_is_new_code(project: Path, wide: bool) -> None:
    before = version_of(APP, wide)
    assert version_of(APP, wide) == before
    (project / "code_under_test.py").write_text("class App: name = 'new'\n")
    assert version_of(APP, wide) != before


def test_a_module_that_is_imported_late_is_no_new_code_until_it_is_saved(project: Path) -> None:
    before, narrow = version_of(APP, wide=True), version_of(APP, wide=False)
    importlib.import_module("code_late")
    assert version_of(APP, wide=True) == before
    (project / "code_late.py").write_text("saved = True\n")
    assert version_of(APP, wide=True) != before
    assert version_of(APP, wide=False) == narrow


def test_a_file_that_is_away_for_a_moment_is_no_error(project: Path) -> None:
    (project / "code_under_test.py").unlink()
    assert version_of(APP, wide=True)


def test_what_the_sources_import_counts_where_nothing_is_imported(tmp_path: Path) -> None:
    """As in a web process that imports no app, or after an import that has failed."""
    files = {
        "start.py": "import deep.er.est, json, missing\nfrom sub import part\nclass App: pass\n",
        "deep/er/est.py": "import start\n",
        "sub/__init__.py": "",
        "sub/part.py": "from . import near\nfrom ..sub.far import x\n",
        "sub/near.py": "class (:\n",
        "sub/far.py": "",
        "other.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    app = AppRef("start", "App", str(tmp_path / "start.py"))
    for saved in files:
        for name in files:
            os.utime(tmp_path / name, ns=(10**18, 10**18))
        before, narrow = version_of(app, wide=True), version_of(app, wide=False)
        os.utime(tmp_path / saved, ns=(2 * 10**18, 2 * 10**18))
        assert (version_of(app, wide=True) != before) == (saved != "other.py"), saved
        assert (version_of(app, wide=False) != narrow) == (saved == "start.py"), saved
    os.utime(tmp_path / "other.py", ns=(10**18, 10**18))
    before = version_of(app, wide=True)
    (tmp_path / "missing.py").write_text("")  # what an import has failed for
    assert version_of(app, wide=True) != before


def test_what_is_saved_while_it_is_imported_is_newer(project: Path) -> None:
    moment = time.time_ns()
    os.utime(project / "code_under_test.py", ns=(moment - 10**9, moment - 10**9))
    os.utime(project / "code_late.py", ns=(moment - 10**9, moment - 10**9))
    assert not saved_after(APP, True, moment)
    (project / "code_under_test.py").write_text("import code_late\nclass App: pass\n")
    assert saved_after(APP, False, moment)
    os.utime(project / "code_under_test.py", ns=(moment - 10**9, moment - 10**9))
    os.utime(project / "code_late.py", ns=(moment + 10**9, moment + 10**9))
    assert saved_after(APP, True, moment)
    assert not saved_after(APP, False, moment)
