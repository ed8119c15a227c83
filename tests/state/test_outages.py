"""The storage of sessions fails for a while: the user is told, the log says what to do, and nothing that was
acknowledged is lost."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.http_client import Page, Refused
from tests.http_session import Answer
from tests.servers import Server
from tests.state.kit import (
    NOTES,
    Anywhere,
    made,
    meanwhile,
    message,
    press,
    said,
    seen,
    shown,
    state,
    stored,
    visit,
    word,
)
from tests.support import unavailable, wait_until


class Redis:
    """A Redis that can be stopped and started: it keeps on disk what it has acknowledged."""

    def __init__(self) -> None:
        self.program = shutil.which("redis-server") or unavailable("redis-server")
        self.folder = tempfile.mkdtemp(prefix="hr", dir="/tmp")
        self.path = f"{self.folder}/s"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def start(self) -> None:
        words = f"--port 0 --unixsocket {self.path} --dir {self.folder} --appendonly yes --appendfsync always"
        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                [self.program, *words.split()], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self.answers, 10, "Redis answers")

    def answers(self) -> bool:
        import redis

        with redis.Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(10)
            self.process = None
            Path(self.path).unlink(missing_ok=True)

    def freeze(self, still: bool) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.stop()
    shutil.rmtree(server.folder)


def once(page: Page, name: str, **data: Any) -> Answer:
    """One attempt of a click; the next one repeats it, as the page does by itself."""
    body = {"seq": page.seq + 1, "cursor": page.cursor, "message": message(page, name, **data)}
    return page.post("call", body)


def again(page: Page, name: str, **data: Any) -> None:
    """The page repeats a click that was answered by 503."""
    page.seq += 1
    page.resend(page.seq, message(page, name, **data))


def test_a_redis_that_is_not_there_at_the_start_is_told_and_found_when_it_comes(
    site: Callable[..., Server], redis: Redis
) -> None:
    server = site("redis", STATE_REDIS=redis.url)
    user = Anywhere(server.url)
    answer = user.get("/")
    assert answer.status == 503
    assert "Sessions are not available" in answer.text
    assert '<meta http-equiv="refresh" content="2">' in answer.text  # it comes back by itself
    assert "check the server behind RedisSessionInterface (SESSION_TYPE)" in server.log_text()
    assert visit(user, "/open_gate", gate="x") == "ok", "a view that needs no session works"
    redis.start()
    page = user.open("/")
    press(page, "put", key="a", value=1)
    assert state(user) == {"a": 1}


def test_a_redis_that_dies_in_the_middle_loses_nothing_and_all_goes_on_when_it_is_back(
    site: Callable[..., Server], redis: Redis
) -> None:
    redis.start()
    server = site("redis", STATE_REDIS=redis.url)
    user = Anywhere(server.url)
    page, other = user.open("/"), user.open("/other/")
    press(page, "put", key="before", value=1)
    press(page, "work", label="task", n=0, pause=0.05)
    redis.stop()
    for _ in range(2):
        refused = once(page, "put", key="during", value=2)
        assert (refused.status, refused.json()) == (503, {"error": "store"})
    answer = user.get("/")
    assert answer.status == 503
    assert "Sessions are not available" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert visit(user, "/open_gate", gate="x") == "ok"
    redis.start()
    again(page, "put", key="during", value=2)
    assert {"before": 1, "during": 2}.items() <= state(user).items()
    first = wait_until(lambda: state(user).get("task-0"), 10, "what the task has done is stored")
    wait_until(lambda: state(user)["task-0"] > first, 10, "the task goes on")
    assert made(page.reload()) == made(page)
    press(other, "put", key="after", value=3)
    assert shown(user)["tests.apps.state_notes.Other"] == {"after": 3}
    visit(user, "/logout")


def test_a_redis_that_hangs_for_a_while_loses_nothing_and_mixes_nothing_up(
    site: Callable[..., Server], redis: Redis
) -> None:
    redis.start()
    server = site("redis", STATE_REDIS=redis.url)
    user = Anywhere(server.url)
    page = user.open("/none/")
    press(page, "put", key="number", value=0)
    redis.freeze(True)
    with meanwhile(partial(press, page, "put", key="number", value=1)) as answers:
        with pytest.raises(TimeoutError):
            hurried(user, "/show")
        assert answers == []
        redis.freeze(False)
    press(page, "put", key="number", value=2)
    assert state(user) == {"number": 2}
    assert seen(page)[0] == {"number": 2}


def hurried(user: Anywhere, path: str) -> None:
    """A GET that is given up after a second."""
    connection = user.connect(1)
    try:
        user.send(connection, "GET", path)
    finally:
        connection.close()


def test_a_full_disk_is_told_and_what_was_stored_before_is_intact(site: Callable[..., Server]) -> None:
    server = site("files")
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "put", key="before", value=1)
    press(page, "big", size=2_000_000)
    limit(server, 1_500_000)  # of each file: the next write ends in the middle
    try:
        refused = once(page, "big", size=2_500_000)
        assert (refused.status, refused.json()) == (503, {"error": "store"})
        assert "can it be written, is the disk full?" in server.log_text()
        assert len(state(user)["big"]) == 2_000_000, "who only reads is not disturbed"
        answer = user.get("/other/")
        assert answer.status == 503
        assert "Sessions are not available" in answer.text
    finally:
        limit(server, resource.RLIM_INFINITY)
    again(page, "big", size=2_500_000)
    assert len(state(user)["big"]) == 2_500_000
    assert state(user)["before"] == 1
    assert len(list((server.data_dir / "sessions").iterdir())) == 1, "no half of a file is left"


def limit(server: Server, size: int) -> None:
    """No web process may write more to a file."""
    for pid in server.worker_pids():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_folder_of_sessions_that_cannot_be_used_is_told_and_nobody_loses_the_session(
    site: Callable[..., Server],
) -> None:
    server = site("files")
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "put", key="before", value=1)
    folder, away = server.data_dir / "sessions", server.data_dir / "away"
    os.rename(folder, away)
    folder.write_text("a file where the folder was")
    refused = once(page, "put", key="during", value=2)
    assert (refused.status, refused.json()) == (503, {"error": "store"})
    for path in ("/", "/?another", "/other/"):
        answer = user.get(path)
        assert answer.status == 503
        assert "Set-Cookie" not in answer.headers
    assert f"check the folder {folder}" in server.log_text()
    folder.unlink()
    os.rename(away, folder)
    again(page, "put", key="during", value=2)
    assert state(user) == {"before": 1, "during": 2}
    assert said(user.open("/other/"))[1][NOTES] == {"before": 1, "during": 2}


def test_what_a_task_changes_while_the_storage_fails_is_stored_later_without_filling_the_log(
    site: Callable[..., Server],
) -> None:
    server = site("files")
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "work", label="task", n=3, pause=0.3)
    folder, away = server.data_dir / "sessions", server.data_dir / "away"
    os.rename(folder, away)
    folder.write_text("")
    wait_until(lambda: f"check the folder {folder}" in server.log_text())
    with pytest.raises(Refused):
        user.open("/?another")
    os.rename(folder, server.data_dir / "file")
    os.rename(away, folder)
    wait_until(stored(user, "task-2"), 10)
    assert server.log_text().count("check the folder") < 10
    assert word(page.reload(), "made")
