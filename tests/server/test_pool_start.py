"""The pool starts with the first page that needs it, once; and when it cannot start, the page says why."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.server.desk import DESK, QUICK, SOON, Anywhere, meanwhile, press, together, word
from tests.servers import Server
from tests.support import wait_until


def interpreter(folder: Path, before: str) -> str:
    """A Python for HTAG_PYTHON that runs the shell commands *before* at each start of a pool."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\n{before}\nexec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return str(path)


def one(live: Callable[..., Server], **env: str) -> Server:
    """A server that is soon there and soon gone, with these settings."""
    return live("waitress", DESK, env={**QUICK, **env})


@pytest.mark.parametrize("kind", ["gunicorn-gevent", "gunicorn-gthread"])
def test_racing_first_requests_start_one_pool(
    live: Callable[..., Server], short_folder: Path, kind: str
) -> None:
    started = short_folder / "started"
    python = interpreter(short_folder, f"echo $$ >> {started}")
    server = live(kind, DESK, workers=4, env={**QUICK, "HTAG_PYTHON": python}, options=SOON)
    assert server.pool_processes() == {}
    assert list(server.run_dir.iterdir()) == []
    users = [Anywhere(server.url) for _ in range(20)]
    pages = together(partial(user.open, "/") for user in users)
    for number, page in enumerate(pages):
        press(page, "hit", n=number)
        assert word(page, "numbers") == str(number)
    assert started.read_text().split() == [str(pid) for pid in server.pool_pids()]
    supervisors = [line for line in server.pool_processes().values() if not line.endswith(" worker")]
    assert len(supervisors) == 1
    assert len({worker for user in users for worker in user.workers}) > 1


def test_nothing_is_started_by_what_needs_no_instance(live: Callable[..., Server]) -> None:
    server = one(live)
    user = Anywhere(server.url)
    for path in ("/", "/none/", "/debug/"):
        assert user.request("HEAD", path).status == 200
    assert user.get("/nowhere").status == 404
    page_script = "/_htag/htagweb-000000000000.js"
    assert user.get(page_script).status == 404
    assert user.post("/_htag/call", {}).status == 403
    assert server.pool_processes() == {}
    assert list(server.run_dir.iterdir()) == []
    user.open("/")
    assert len(server.pool_pids()) == 1


def cannot_start(server: Server) -> str:
    start = time.monotonic()
    answer = Anywhere(server.url).get("/")
    assert time.monotonic() - start < 10
    assert answer.status == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Traceback" not in answer.text
    return answer.text


def test_a_python_that_is_none(live: Callable[..., Server]) -> None:
    server = one(live, HTAG_PYTHON="/bin/false")
    assert "/bin/false" in cannot_start(server)
    assert "HTAG_PYTHON" in cannot_start(server)
    assert '<meta http-equiv="refresh" content="10">' in cannot_start(server)


def test_a_python_that_is_not_there(live: Callable[..., Server]) -> None:
    server = one(live, HTAG_PYTHON="/nowhere/python")
    assert "/nowhere/python" in cannot_start(server)
    assert "HTAG_PYTHON" in cannot_start(server)


def test_a_python_without_this_package(live: Callable[..., Server], short_folder: Path) -> None:
    python = short_folder / "python"
    python.write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec "{sys.executable}" -I -S "$@"\n')
    python.chmod(0o755)
    server = one(live, HTAG_PYTHON=str(python))
    assert "log of the server" in cannot_start(server)
    assert "No module named" in server.log_text()


def test_a_run_dir_that_others_can_open(live: Callable[..., Server], short_folder: Path) -> None:
    short_folder.chmod(0o755)
    server = one(live, HTAG_RUN_DIR=str(short_folder))
    shown = cannot_start(server)
    assert f"{short_folder} is open to other users" in shown
    assert "HTAG_RUN_DIR" in shown
    short_folder.chmod(0o700)  # mended: no restart is needed
    assert Anywhere(server.url).open("/").title == "Desk"
    wait_until(lambda: (short_folder / "pool.pid").exists())


@pytest.mark.parametrize("kind", ["file", "below", "link"])
def test_a_run_dir_that_cannot_be(live: Callable[..., Server], short_folder: Path, kind: str) -> None:
    file, other = short_folder / "file", short_folder / "other"
    file.write_text("")
    other.mkdir(mode=0o700)
    run_dir = {"file": file, "below": file / "run", "link": short_folder / "link"}[kind]
    if kind == "link":
        run_dir.symlink_to(other)
    server = one(live, HTAG_RUN_DIR=str(run_dir))
    shown = cannot_start(server)
    assert str(run_dir) in shown
    assert "HTAG_RUN_DIR" in shown


def test_a_run_dir_too_long_for_a_socket(live: Callable[..., Server], short_folder: Path) -> None:
    run_dir = short_folder / ("x" * 110)
    server = one(live, HTAG_RUN_DIR=str(run_dir))
    assert "too long" in cannot_start(server)


def test_a_wrong_setting_says_which(live: Callable[..., Server]) -> None:
    server = one(live, HTAG_BROKER="pigeon")
    answer = Anywhere(server.url).get("/")
    assert answer.status == 500
    wait_until(lambda: "HTAG_BROKER: 'pigeon' is not one of auto, unix, tcp" in server.log_text())


def test_a_slow_start_of_the_pool_holds_up_no_other_request(
    live: Callable[..., Server], short_folder: Path
) -> None:
    """Of the same gevent worker: while a page waits for the pool, everything else is answered."""
    waits, go = short_folder / "waits", short_folder / "go"
    before = f"touch {waits}\nfor i in $(seq 500); do [ -e {go} ] && break; sleep 0.02; done"
    env = {**QUICK, "HTAG_PYTHON": interpreter(short_folder, before)}
    server = live("gunicorn-gevent", DESK, workers=1, env=env, options=SOON)
    with meanwhile(partial(Anywhere(server.url).open, "/")) as pages:
        wait_until(waits.exists)
        for _ in range(5):
            assert Anywhere(server.url).get("/nowhere").status == 404
        assert pages == []
        go.touch()
    assert pages[0].title == "Desk"
