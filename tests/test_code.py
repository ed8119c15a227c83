"""The version of an app's code changes when a file is saved, and at nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from htagweb_flask.appref import AppRef
from htagweb_flask.code import version_of

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
