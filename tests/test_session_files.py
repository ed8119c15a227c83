"""Session files: a version is there as a whole or not at all, whoever is killed, or runs out of room."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import threading
import time
from pathlib import Path

import pytest

from htagweb_flask.errors import StoreError
from htagweb_flask.session_files import DRAFT, SessionFiles, _slot, _Version, digest
from tests.support import wait_until


def slot_of(data: bytes) -> bytes:
    """A file that holds *data* as if it had been stored: what is wrong with it is what it says."""
    return _slot(_Version(1, time.time() + 60, data)).ljust(4096, b"\0") + bytes(4096)


@pytest.fixture
def files(tmp_path: Path) -> SessionFiles:
    return SessionFiles(str(tmp_path))


def only(files: SessionFiles) -> Path:
    (path,) = Path(files.folder).iterdir()
    return path


def test_what_was_stored_last_is_there(files: SessionFiles) -> None:
    for number in range(10):
        files.set("ann", {"number": number}, 60)
        assert files.get("ann") == {"number": number}
    assert only(files).name == digest("ann")
    assert only(files).stat().st_size == 2 * 4096


def test_a_session_that_grows_and_shrinks(files: SessionFiles) -> None:
    for size in (10, 4000, 5000, 100_000, 3, 1_000_000, 7):
        files.set("ann", {"text": "x" * size}, 60)
        assert files.get("ann") == {"text": "x" * size}
    assert len(list(Path(files.folder).iterdir())) == 1


def test_a_version_that_was_written_in_part_does_not_count(files: SessionFiles) -> None:
    files.set("ann", {"number": 1}, 60)
    files.set("ann", {"number": 2}, 60)
    whole = only(files).read_bytes()
    second = whole[4096:]
    for length in range(0, 100):
        only(files).write_bytes(whole[:4096] + second[:length].ljust(4096, b"\xff"))
        assert files.get("ann") == {"number": 1 if length < len(second.rstrip(b"\0")) else 2}
    files.set("ann", {"number": 3}, 60)
    assert files.get("ann") == {"number": 3}


def test_who_reads_meanwhile_sees_a_version_that_was_stored(files: SessionFiles) -> None:
    stop = threading.Event()
    numbers = itertools.count(1)
    files.set("ann", {"number": 0, "text": ""}, 60)

    def write() -> None:
        while not stop.is_set():
            number = next(numbers)
            files.set("ann", {"number": number, "text": f"{number}" * (number % 4000)}, 60)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        last = 0
        for _ in range(1000):
            found = files.get("ann")
            assert found is not None
            assert found["number"] >= last
            last = found["number"]
            assert found["text"] == f"{last}" * (last % 4000)
    finally:
        stop.set()
        writer.join()


def test_who_is_killed_while_writing_leaves_the_version_before_or_the_next(files: SessionFiles) -> None:
    files.set("ann", {"number": 0}, 60)
    for _ in range(10):
        before = files.get("ann")
        assert before is not None
        child = os.fork()
        if not child:
            for number in itertools.count(before["number"] + 1):
                files.set("ann", {"number": number, "text": f"{number % 10}" * 3000}, 60)
        try:
            wait_until(lambda before=before: (files.get("ann") or {})["number"] > before["number"] + 20)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        found = files.get("ann")
        assert found is not None
        assert found["text"] == f"{found['number'] % 10}" * 3000


def test_a_full_disk_leaves_what_was_there(files: SessionFiles) -> None:
    files.set("ann", {"number": 1}, 60)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            files.set("ann", {"text": "x" * 50_000}, 60)
        assert files.get("ann") == {"number": 1}
        files.set("ann", {"number": 2}, 60)  # it needs no more room
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files.get("ann") == {"number": 2}
    assert len(list(Path(files.folder).iterdir())) == 1


def test_what_has_expired_is_not_there_and_is_removed(files: SessionFiles) -> None:
    files.set("ann", {"number": 1}, -1)
    files.set("bob", {"number": 2}, 60)
    assert files.get("ann") is None
    assert list(files.expired()) == [digest("ann")]
    files.set("ann", {"number": 3}, 60)  # somebody is back, just before
    files.remove(digest("ann"))
    assert files.get("ann") == {"number": 3}
    files.set("ann", {}, -1)
    files.remove(digest("ann"))
    assert list(Path(files.folder).iterdir()) == [Path(files.folder, digest("bob"))]


def test_what_was_left_of_a_file_is_removed_when_it_is_old(files: SessionFiles) -> None:
    old, new = Path(files.folder, "draft-old"), Path(files.folder, "draft-new")
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * DRAFT,) * 2)
    assert list(files.expired()) == []
    assert (old.exists(), new.exists()) == (False, True)
