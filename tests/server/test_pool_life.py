"""The pool outlives web processes, and nothing outlives the server."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http_client import Page
from tests.server.desk import DESK, QUICK, SOON, Anywhere, done, number, press, word
from tests.servers import Server, alive
from tests.support import wait_until


def pool_of(server: Server) -> int:
    (pid,) = server.pool_pids()
    return pid


def assert_same_instance(server: Server, page: Page, pool: int, hits: int) -> None:
    """By what it holds in memory; the page that was there all the time goes on, too."""
    again = page.user.open("/")
    assert number(again, "pid") == number(page, "pid")
    assert len(word(again, "numbers").split()) == hits
    press(page, "hit", n=hits)
    assert len(word(page, "numbers").split()) == hits + 1
    page.assert_nothing_lost()
    assert server.pool_pids() == [pool]


@pytest.mark.parametrize("kind", ["gunicorn-gevent", "gunicorn-gthread", "gunicorn-sync"])
def test_pool_and_instances_outlive_the_workers_of_the_server(live: Callable[..., Server], kind: str) -> None:
    """HUP, then SIGKILL of each worker, one after the other and all at once."""
    server = live(kind, DESK, workers=2, env=QUICK, options=SOON)
    page = Anywhere(server.url).open("/")
    press(page, "hit", n=0)
    pool = pool_of(server)
    first = set(server.worker_pids())
    server.hup()
    wait_until(lambda: len(server.worker_pids()) == 2 and not first & set(server.worker_pids()))
    assert_same_instance(server, page, pool, 1)
    for pid in server.worker_pids():
        server.kill(pid)
        wait_until(lambda pid=pid: len(server.worker_pids()) == 2 and pid not in server.worker_pids())
        wait_until(lambda: Anywhere(server.url).get("/nowhere").status == 404)
    assert_same_instance(server, page, pool, 2)
    both = server.worker_pids()
    for pid in both:
        server.kill(pid)
    wait_until(lambda: len(server.worker_pids()) == 2 and not set(both) & set(server.worker_pids()))
    wait_until(lambda: Anywhere(server.url).get("/nowhere").status == 404)
    assert_same_instance(server, page, pool, 3)


def test_workers_that_are_recycled_lose_nothing(live: Callable[..., Server]) -> None:
    options = (*SOON, "--max-requests", "5", "--max-requests-jitter", "3")
    server = live("gunicorn-gevent", DESK, workers=3, env=QUICK, options=options)
    page = Anywhere(server.url).open("/")
    first = set(server.worker_pids())

    def click() -> bool:
        press(page, "hit", n=page.seq)
        return not first & set(server.worker_pids())

    wait_until(click, 20, "all workers have been replaced", every=0)
    assert done(page, "did") == list(range(page.seq))
    page.assert_nothing_lost()


def test_a_worker_that_is_recycled_does_not_wait_for_its_streams(live: Callable[..., Server]) -> None:
    options = ("--graceful-timeout", "15", "--max-requests", "5", "--max-requests-jitter", "3")
    server = live("gunicorn-gevent", DESK, workers=2, env=QUICK, options=options)
    page = Anywhere(server.url).open("/")
    first = set(server.worker_pids())
    with page.stream() as stream:

        def click() -> bool:
            press(page, "hit", n=page.seq)
            return not first & set(server.worker_pids())

        wait_until(click, 10, "all workers have been replaced", every=0.01)
        press(page, "tick", n=3)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3])
        assert "bye" in [name for _, name in stream.events]
    page.assert_nothing_lost()


def test_a_preloaded_site_works(live: Callable[..., Server]) -> None:
    """Its workers are forks of the process that imported it."""
    server = live("gunicorn-gevent", DESK, workers=3, env=QUICK, options=(*SOON, "--preload"))
    assert server.pool_processes() == {}
    page = Anywhere(server.url).open("/")
    with page.stream():
        for index in range(12):
            press(page, "hit", n=index)
        press(page, "tick", n=3)
        page.wait_for(lambda: word(page, "pushed") == "push 3")
    assert len(word(page, "numbers").split()) == 12
    assert len(server.pool_pids()) == 1


@pytest.mark.parametrize("kind", ["gunicorn-gevent", "gunicorn-gthread"])
def test_a_server_that_stops_does_not_wait_for_its_streams(live: Callable[..., Server], kind: str) -> None:
    """They end by themselves, and say so: a page then comes back to the next server, and not at once."""
    server = live(kind, DESK, workers=2, env=QUICK, options=("--graceful-timeout", "60"))
    pages = [Anywhere(server.url).open("/") for _ in range(3)]
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(page.stream(reconnect=False)) for page in pages]
        told = time.monotonic()
        server.stop()  # has to be done long before 60 seconds are over
        wait_until(lambda: [stream.events[-1][1] for stream in streams] == ["bye"] * 3)
        assert max(stream.events[-1][0] for stream in streams) - told < 3


@pytest.mark.parametrize("broker", ["unix", "tcp"])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_nothing_is_left_of_a_server_that_ends(live: Callable[..., Server], how: str, broker: str) -> None:
    """Orderly, or with SIGKILL to all of its processes at once."""
    server = live("gunicorn-gevent", DESK, workers=2, env={**QUICK, "HTAG_BROKER": broker}, options=SOON)
    pages = [Anywhere(server.url).open(path) for path in ("/", "/none/", "/debug/")]
    for page in pages:
        press(page, "hit", n=1)
    processes = server.pool_processes()
    assert len(processes) >= 4
    if how == "kill":
        server.kill()
        wait_until(lambda: not server.pool_processes(), 15)
    server.stop()
    wait_until(lambda: not any(map(alive, processes)))
    assert [path.name for path in server.run_dir.iterdir() if path.suffix != ".lock"] == []


def test_the_end_of_the_pool_itself_is_mended_by_the_next_page(live: Callable[..., Server]) -> None:
    """SIGKILL of the supervisor: its workers leave with it, a new pool takes its place."""
    server = live("gunicorn-gevent", DESK, workers=2, env=QUICK, options=SOON)
    page = Anywhere(server.url).open("/")
    press(page, "keep")
    pool, worker = pool_of(server), number(page, "pid")
    server.kill(pool)
    wait_until(lambda: not alive(worker))
    again = page.user.open("/")
    assert number(again, "pid") != worker
    assert word(again, "kept") == "kept 1"
    assert pool_of(server) != pool
    assert page.post("poll", {"cursor": page.cursor}).status == 410


@pytest.mark.parametrize("kind", ["gunicorn-gevent", "gunicorn-gthread"])
def test_a_pool_that_was_killed_is_no_zombie(live: Callable[..., Server], kind: str) -> None:
    """The web process that has started it waits for it, and for nothing else."""
    server = live(kind, DESK, workers=1, env=QUICK, options=SOON)
    page = Anywhere(server.url).open("/")
    pool = pool_of(server)
    server.kill(pool)
    wait_until(lambda: not Path(f"/proc/{pool}").exists())
    page.user.open("/")
    assert pool_of(server) != pool


def test_the_pool_leaves_without_ever_being_used(live: Callable[..., Server]) -> None:
    """By a SIGTERM to the supervisor alone, as an administrator might: nothing is left, and all works on."""
    server = live("gunicorn-gevent", DESK, workers=2, env=QUICK, options=SOON)
    page = Anywhere(server.url).open("/")
    pool = pool_of(server)
    os.kill(pool, 15)
    wait_until(lambda: not alive(pool) and not alive(number(page, "pid")))
    assert Anywhere(server.url).open("/").title == "Desk"


@pytest.fixture
def common_folder() -> Iterator[Path]:
    """A folder for temporary files that two servers share."""
    folder = Path(tempfile.mkdtemp(prefix="hc", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def test_two_servers_on_one_machine_do_not_meet(live: Callable[..., Server], common_folder: Path) -> None:
    """With no setting that tells them apart."""
    env = {**QUICK, "HTAG_RUN_DIR": "", "TMPDIR": str(common_folder), "HTAG_WORKERS": "1"}
    servers = [
        live(kind, DESK, workers=2, env=env) for kind in ("gunicorn-gevent", "gunicorn-gevent", "waitress")
    ]
    base = common_folder / f"htagweb-{os.getuid()}"
    pages = [Anywhere(server.url).open("/") for server in servers]
    assert base.stat().st_mode & 0o777 == 0o700
    pools = {int(file.read_text()) for file in base.glob("*/pool.pid")}
    assert len(pools) == 3
    assert len({number(page, "pid") for page in pages}) == 3
    for index, page in enumerate(pages):
        press(page, "hit", n=index)
        assert word(page, "numbers") == str(index)
    servers[0].stop()
    wait_until(lambda: sum(alive(pid) for pid in pools) == 2, 10)
    for page in pages[1:]:
        press(page, "hit", n=7)
    for server in servers[1:]:
        server.stop()
    wait_until(lambda: not any(alive(pid) for pid in pools), 10)
    assert list(base.iterdir()) == []
