"""Files that their owner alone can read: whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from htagweb_flask.private import make_private, write_private


@pytest.mark.parametrize("lasting", [False, True])
def test_a_file_is_written_in_the_place_of_another(tmp_path: Path, lasting: bool) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    path.chmod(0o644)
    write_private(str(path), "after", lasting)
    assert path.read_text() == "after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert make_private(str(path), "first")
    assert not make_private(str(path), "second")
    assert path.read_text() == "first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_of_those_that_race_for_it_one_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    made: list[str] = []
    start = threading.Barrier(8)

    def make(text: str) -> None:
        start.wait()
        if make_private(str(path), text):
            made.append(text)

    threads = [threading.Thread(target=make, args=[str(number)]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_text()] == made
    assert os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_private(str(tmp_path / "folder"), "text")
    with pytest.raises(UnicodeEncodeError):
        make_private(str(tmp_path / "file"), "half: \ud83d")
    assert os.listdir(tmp_path) == ["folder"]
