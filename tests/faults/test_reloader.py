"""Werkzeug's reloader: it starts the process that serves anew whenever a file is saved."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_client import User
from tests.server.desk import QUICK, done, number, press, word
from tests.servers import _with_environment
from tests.support import ROOT, wait_until

SITE = """
import os
from tests.apps.faulty import app

@app.get("/who")
def who():
    return f"{os.getpid()}"
"""


class Reloading:
    """flask run --debug, at a port that it finds itself."""

    def __init__(self, folder: Path, run_dir: Path, way: dict[str, str]) -> None:
        self.run_dir, self.log = run_dir, folder / "log"
        env = {
            **os.environ,
            **QUICK,
            **way,
            "HTAG_WORKERS": "1",
            "HTAG_RUN_DIR": str(run_dir),
            "HTAG_DATA_DIR": str(folder / "data"),
            "PYTHONPATH": f"{folder}:{ROOT}",
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, "-m", "flask", "--app", "saved_site", "run", "--debug", "--port", "0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)

    def url(self) -> str:
        found = wait_until(lambda: re.search(r"http://127\.0\.0\.1:\d+", self.log.read_text()), 30)
        return str(found[0])

    def left(self) -> list[int]:
        return _with_environment(f"HTAG_RUN_DIR={self.run_dir}".encode())


@pytest.fixture
def reloading(way: dict[str, str], tmp_path: Path) -> Iterator[Reloading]:
    (tmp_path / "saved_site.py").write_text(SITE)
    with tempfile.TemporaryDirectory(prefix="hr", dir="/tmp") as run_dir:
        running = Reloading(tmp_path, Path(run_dir), way)
        yield running
        running.process.kill()
        running.process.wait(10)
        for pid in running.left():
            os.kill(pid, signal.SIGKILL)


def test_pages_go_on_when_the_serving_process_is_started_anew(reloading: Reloading, tmp_path: Path) -> None:
    user = User(reloading.url(), keep_alive=False)
    page = user.open("/")
    press(page, "hit")
    first = user.get("/who").text
    with page.stream() as stream:
        (tmp_path / "saved_site.py").write_text(f"{SITE}\n# saved\n")
        wait_until(lambda: "Restarting" in reloading.log.read_text(), 30)
        wait_until(lambda: stream.connections > 1, 30, "the stream is there again")
        assert user.get("/who").text != first
        press(page, "hit")
        press(page, "tick", n=3)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3])
    assert word(page, "hits") == "hits 2"
    assert not page.gone
    again = user.open("/")
    assert word(again, "kept") == "kept 2"
    assert number(again, "pid") in reloading.left()
    reloading.process.terminate()
    wait_until(lambda: not reloading.left(), 20, "nothing is left of it")
    assert [path.name for path in reloading.run_dir.iterdir() if path.suffix != ".lock"] == []
