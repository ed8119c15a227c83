"""uWSGI with the configuration of docs/deploy.md."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proxies import blocks
from tests.server.desk import Anywhere, done, press, word
from tests.support import ROOT, unavailable, wait_until

UWSGI = Path(sys.executable).with_name("uwsgi")


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Its path leaves room for that of a socket."""
    folder = Path(tempfile.mkdtemp(prefix="hu", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def url(short_folder: Path) -> Iterator[str]:
    if not UWSGI.exists():
        unavailable("uWSGI")
    (text,) = (block for block in blocks("ini") if "[uwsgi]" in block)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("wsgi:app", "tests.apps.desk:app")
    (short_folder / "uwsgi.ini").write_text(f"{text}pythonpath = {ROOT}\n")
    env = {
        **os.environ,
        "HTAG_RUN_DIR": str(short_folder / "r"),
        "HTAG_DATA_DIR": str(short_folder / "d"),
        "HTAG_PYTHON": sys.executable,
        "HTAG_POOL_GRACE": "0.5",
    }
    with (short_folder / "log").open("wb") as log:
        command = [UWSGI, "--ini", str(short_folder / "uwsgi.ini")]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)

    def connects() -> bool:
        assert process.poll() is None, (short_folder / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(connects, 20)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
        wait_until(lambda: not (short_folder / "r" / "pool.pid").exists(), 15, "the pool has left")


def test_all_processes_share_one_pool(url: str) -> None:
    user = Anywhere(url)
    page = user.open("/")
    with page.stream():
        for number in range(20):
            press(page, "hit", n=number)
        press(page, "tick", n=3)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3])
    assert word(page, "numbers") == " ".join(map(str, range(20)))
    assert len(user.workers) > 1
    page.assert_nothing_lost()
