"""What can be wrong with the folder of the sockets: full, taken away, of somebody else, of a dead pool."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.desk import DESK, QUICK, SOON, Anywhere, number, press, word
from tests.servers import Server, alive
from tests.support import wait_until

Live = Callable[..., Server]

NO_PAGE = "there is no page yet, sealed or not"


def one(live: Live, **env: str) -> Server:
    return live("gunicorn-gevent", DESK, workers=2, env={**QUICK, "HTAG_WORKERS": "1", **env}, options=SOON)


def refused(server: Server) -> str:
    answer = Anywhere(server.url).get("/")
    assert answer.status == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Traceback" not in answer.text
    return answer.text


@contextlib.contextmanager
def full(folder: Path, nodes: int) -> Iterator[Callable[[], None]]:
    """Makes of *folder* a disk on which there is room for *nodes* files; the result makes some."""
    options = f"size=64k,nr_inodes={nodes + 1},mode=0700"  # one is the folder itself
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
    try:
        yield (
            lambda: (
                subprocess.run(["mount", "-o", "remount,nr_inodes=100", "none", folder], check=True) and None
            )
        )
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.clear(NO_PAGE)
@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="makes a small disk")
@pytest.mark.parametrize("nodes", range(5))
def test_a_full_disk_is_told_and_used_when_there_is_room(live: Live, short_folder: Path, nodes: int) -> None:
    """Whichever file it is that finds no room: the lock, the secret, a socket, the number of the process."""
    with full(short_folder, nodes) as make_room:
        server = one(live, HTAG_RUN_DIR=str(short_folder))
        shown = refused(server)
        assert "No space left on device" in shown
        assert "HTAG_RUN_DIR" in shown
        make_room()
        page = Anywhere(server.url).open("/")
        press(page, "hit", n=1)
        assert word(page, "numbers") == "1"
        server.stop()
        wait_until(lambda: left(short_folder) == [])


def left(folder: Path) -> list[str]:
    """What a pool that has ended has not taken with it: a lock is a file that many may wait for."""
    return [path.name for path in folder.iterdir() if path.suffix != ".lock"]


@pytest.mark.clear(NO_PAGE)
def test_a_folder_of_somebody_else_is_refused(live: Live, short_folder: Path) -> None:
    """Although its mode is right."""
    folder = short_folder / "theirs"
    folder.mkdir(mode=0o700)
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
    else:
        folder = Path("/usr")  # of root
    shown = refused(one(live, HTAG_RUN_DIR=str(folder)))
    assert f"{folder} is open to other users" in shown
    assert "HTAG_RUN_DIR" in shown
    assert list(short_folder.glob("theirs/*")) == []


@pytest.mark.clear(NO_PAGE)
def test_what_a_dead_pool_has_left_is_no_hindrance(live: Live, short_folder: Path) -> None:
    """Sockets on which nobody listens, a lock that nobody holds, a number that is another process' now."""
    (short_folder / "start.lock").touch()
    (short_folder / "secret").write_text("of the dead")
    (short_folder / "desk-0123456789-abcdef-0.sock").touch()
    with subprocess.Popen(["sleep", "100"]) as innocent:
        (short_folder / "pool.pid").write_text(str(innocent.pid))
        with dead_socket(short_folder / "pool.sock"):
            server = one(live, HTAG_RUN_DIR=str(short_folder))
            page = Anywhere(server.url).open("/")
            press(page, "hit", n=1)
            server.stop()
        wait_until(lambda: left(short_folder) == [])
        assert innocent.poll() is None
        innocent.kill()


@contextlib.contextmanager
def dead_socket(path: Path) -> Iterator[None]:
    code = f"import socket; socket.socket(socket.AF_UNIX).bind({str(path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert path.is_socket()
    yield


@pytest.mark.parametrize("name", ["*-0.sock", "pool.sock", "*"])
def test_files_that_are_taken_away(live: Live, either: dict[str, str], name: str) -> None:
    """By who tidies up the folder of temporary files. Open pages go on or are told; no two pools live on."""
    server = one(live, **either)
    page = Anywhere(server.url).open("/")
    press(page, "keep")
    old, pool = number(page, "pid"), server.pool_pids()
    for path in server.run_dir.glob(name):
        path.unlink()
    wait_until(lambda: not alive(old), 15, "nobody can reach it, so it leaves")
    if name != "*-0.sock":
        wait_until(lambda: not any(map(alive, pool)))
    again = page.user.open("/")
    assert word(again, "kept") == "kept 1"
    assert len(server.pool_processes()) == 2
