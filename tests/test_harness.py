"""The harness is proved before anything is proved with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from tests.servers import KINDS, RUNNING, Server, ServerError, alive, redis_server, serve
from tests.support import wait_until


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_of_each_kind_answers_and_leaves_nothing(kind: str) -> None:
    with serve(kind, workers=2) as server:
        told = get(f"{server.url}/who")
        assert told["pid"] in server.worker_pids()
        assert told["run_dir"] == str(server.run_dir)
        assert len(server.worker_pids()) == (2 if kind.startswith("gunicorn") else 1)
        assert len(f"{server.run_dir}/{'x' * 64}") < 100
        pids = [server.pid, *server.worker_pids()]
    assert not RUNNING
    assert not server.folder.exists()
    assert not [pid for pid in pids if alive(pid)]


@pytest.mark.parametrize("kind", ["gunicorn-gevent", "gunicorn-gthread", "waitress", "werkzeug"])
def test_a_stream_is_delivered_while_it_runs(kind: str) -> None:
    with (
        serve(kind, workers=1) as server,
        urllib.request.urlopen(f"{server.url}/ticks", timeout=10) as stream,
    ):
        assert [stream.readline() for _ in range(3)] == [b"event: tick\n", b"data: 0\n", b"\n"]
        assert stream.readline() == b"event: tick\n"


def test_two_servers_run_side_by_side() -> None:
    with serve("werkzeug") as one, serve("werkzeug") as other:
        assert get(f"{one.url}/who")["data_dir"] != get(f"{other.url}/who")["data_dir"]


def test_a_server_starts_again_at_the_same_address_with_the_same_folders() -> None:
    with serve("gunicorn-gthread", workers=1) as server:
        before = get(f"{server.url}/who")
        server.stop()
        with pytest.raises(OSError, match="refused"):
            get(f"{server.url}/who")
        server.start()
        after = get(f"{server.url}/who")
    assert after["pid"] != before["pid"]
    assert after["data_dir"] == before["data_dir"]


def test_hup_and_a_killed_worker_change_the_workers_but_not_the_server() -> None:
    with serve("gunicorn-gthread", workers=2) as server:
        first = set(server.worker_pids())
        server.hup()
        wait_until(lambda: len(server.worker_pids()) == 2 and not first & set(server.worker_pids()))
        victim = server.worker_pids()[0]
        server.kill(victim)
        wait_until(lambda: len(server.worker_pids()) == 2 and victim not in server.worker_pids())
        assert get(f"{server.url}/who")["pid"] in server.worker_pids()


def test_a_killed_server_is_reaped_too() -> None:
    with serve("gunicorn-gevent", workers=2) as server:
        server.kill()
        wait_until(lambda: not server.worker_pids())


def test_kill_refuses_a_process_that_is_not_the_servers() -> None:
    with serve("werkzeug") as server, pytest.raises(ValueError, match="no process of"):
        server.kill(os.getpid())


def test_a_server_that_cannot_start_shows_why() -> None:
    with (
        pytest.raises(ServerError, match="No module named 'tests.apps.absent'"),
        serve("gunicorn-sync", "tests.apps.absent:app"),
    ):
        pass
    with (
        pytest.raises(ServerError, match="No module named 'tests.apps.absent'"),
        serve("waitress", "tests.apps.absent:app"),
    ):
        pass
    assert not RUNNING


def test_an_error_in_the_test_is_not_hidden_by_the_stop() -> None:
    with pytest.raises(ZeroDivisionError), serve("werkzeug"):
        raise ZeroDivisionError
    assert not RUNNING


def test_a_process_left_by_the_server_is_an_error_and_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for a pool that does not leave: another session, known by its environment alone."""
    monkeypatch.setattr("tests.servers.POOL_TIMEOUT", 0.2)
    server = Server("werkzeug", "tests.apps.plain:app")
    server.start()
    left = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"],
        env={**os.environ, "HTAG_RUN_DIR": str(server.run_dir)},
        start_new_session=True,
    )
    wait_until(lambda: left.pid in server.pool_processes())
    with pytest.raises(ServerError, match=rf"left of its pool after 0.2 seconds: {left.pid}"):
        server.stop()
    assert left.wait(5) == -signal.SIGKILL
    server.remove()


def test_a_pool_is_found_by_the_file_it_writes() -> None:
    with serve("werkzeug") as server:
        folder = server.run_dir / "some-key"
        folder.mkdir()
        (folder / "pool.pid").write_text(f"{server.pid}\n")
        assert server.pool_pids() == [server.pid]
        assert server.pid not in server.pool_processes()  # it is in the server's own group


def test_redis_runs_on_a_socket_of_its_own() -> None:
    redis = pytest.importorskip("redis")
    with redis_server() as url:
        client = redis.Redis.from_url(url)
        client.set("a", "1")
        assert client.get("a") == b"1"
        client.close()
