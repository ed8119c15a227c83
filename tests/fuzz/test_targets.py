"""Many inputs for each target, and what was found before."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.support import ROOT, unavailable

CORPUS = Path(__file__).parent / "corpus"
NAMES = [name for name in TARGETS if name != "planted"]

MANY = 1_000_000
"""Inputs for each target: within a minute, where nothing else runs."""

RUNS = {"records": 100_000}
"""Fewer of these: what takes the time is AES, and few inputs come to an end of it that is not known yet."""


def fuzz(name: str, runs: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """A process of its own: libFuzzer ends the one that it runs in."""
    if importlib.util.find_spec("atheris") is None:
        unavailable("atheris")
    command = [sys.executable, "-m", "tests.fuzz.run", name, str(runs), str(folder), "-seed=1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("name", NAMES)
def test_many_inputs_find_nothing(name: str, tmp_path: Path) -> None:
    runs = RUNS.get(name, MANY)
    done = fuzz(name, runs, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"#{runs}\tDONE" in done.stderr
    assert not list(tmp_path.glob("crash-*"))


def test_a_planted_mistake_is_found(tmp_path: Path) -> None:
    done = fuzz("planted", MANY, tmp_path)
    assert done.returncode != 0
    assert "a planted mistake" in done.stdout + done.stderr
    assert list(tmp_path.glob("crash-*"))


@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_before_is_still_right(name: str) -> None:
    inputs = list((CORPUS / name).iterdir())
    assert inputs
    for file in inputs:
        TARGETS[name](file.read_bytes())
