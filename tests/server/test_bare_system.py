"""On a system without fork, unix sockets, user ids, file locks of POSIX, poll and the signals of loops.

The processes run on Linux, where tests/bare takes away what Windows does not have: whatever still calls it,
in the web process or the pool, fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.http_session import Refused
from tests.server.desk import DESK, QUICK, Anywhere, done, number, press, together, word
from tests.servers import Server, alive, serve
from tests.support import ROOT, wait_until

BARE = {**QUICK, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "bare"), str(ROOT)])}


@pytest.fixture(scope="module", params=["waitress", "werkzeug"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serve(request.param, DESK, threads=20, env={**BARE, "HTAG_WORKERS": "2"}) as running:
        yield running


@pytest.mark.parametrize(
    "code",
    [
        "os.fork()",
        "os.getuid()",
        "__import__('fcntl')",
        "__import__('resource')",
        "socket.socket(socket.AF_UNIX)",
        "select.poll()",
        "asyncio.run(asyncio.create_subprocess_exec('true'))",
        "asyncio.new_event_loop().add_reader(0, print)",
        "asyncio.SelectorEventLoop().add_signal_handler(15, print)",
    ],
)
def test_what_is_taken_away_is_not_there(code: str) -> None:
    """Else nothing here proves anything."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import asyncio, os, select, socket\n{code}"],
        env={**os.environ, **BARE},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert any(
        name in ran.stderr for name in ("AttributeError", "ModuleNotFoundError", "NotImplementedError")
    )


def test_pages_clicks_and_pushes_work(server: Server) -> None:
    user = Anywhere(server.url)
    page, tab = user.open("/"), user.open("/")
    with page.stream(), tab.polling():
        for value in range(5):
            press(page, "hit", n=value)
        press(page, "tick", n=5)
        for each in (page, tab):
            each.wait_for(lambda each=each: done(each, "pushed") == [1, 2, 3, 4, 5])
            each.assert_nothing_lost()
    press(page, "keep")
    assert word(page.reload(), "kept") == "kept 1"
    assert len(list(server.run_dir.glob("*.port"))) >= 2
    assert not list(server.run_dir.glob("*.sock"))


def test_a_worker_that_is_killed_is_replaced(server: Server) -> None:
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "keep")
    server.kill(number(page, "pid"))
    with pytest.raises(Refused) as refused:
        press(page, "hit", n=1)
    assert refused.value.status == 410
    again = user.open("/")
    assert word(again, "kept") == "kept 1"
    press(again, "hit", n=1)


def test_a_pool_that_is_killed_is_replaced_and_leaves_nobody_behind(server: Server) -> None:
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "keep")
    (pool,) = server.pool_pids()
    old = server.pool_processes()
    server.kill(pool)
    wait_until(lambda: not any(map(alive, old)), 10, "its workers have ended")
    again = user.open("/")
    assert word(again, "kept") == "kept 1"
    press(again, "hit", n=1)
    assert server.pool_pids() != [pool]


def test_nothing_is_left_of_a_server_that_ends(live: Callable[..., Server]) -> None:
    """The worker has a moment for its instances: it sees that its supervisor ends."""
    server = live("waitress", "tests.apps.inline_site:app", env={**BARE, "HTAG_WORKERS": "1"})
    page = Anywhere(server.url).open("/lodger/")
    press(page, "thread")
    assert server.pool_processes()
    server.stop()
    assert not [*server.run_dir.glob("*.port"), *server.run_dir.glob("*.pid")]


def test_two_starters_start_one_pool(live: Callable[..., Server]) -> None:
    """The lock of files is another one there."""
    server = live("waitress", DESK, threads=20, env=BARE)
    users = [Anywhere(server.url) for _ in range(6)]
    together([lambda user=user: user.open("/") for user in users])
    assert len(server.pool_pids()) == 1
    assert server.log_text().count("Traceback") == 0


def test_a_process_for_each_session_is_started_where_none_can_be_forked(live: Callable[..., Server]) -> None:
    server = live("waitress", DESK, threads=20, env={**BARE, "HTAG_ISOLATION": "session"})
    pages = [Anywhere(server.url).open("/") for _ in range(2)]
    for page in pages:
        press(page, "hit", n=1)
    assert len({number(page, "pid") for page in pages}) == 2
    assert not [line for line in server.pool_processes().values() if "template" in line]
    assert "not forked" not in server.log_text()


def test_the_apps_can_live_in_the_web_process(live: Callable[..., Server]) -> None:
    server = live("waitress", DESK, threads=20, env={**BARE, "HTAG_BROKER": "inline"})
    page = Anywhere(server.url).open("/")
    with page.stream():
        press(page, "hit", n=1)
        press(page, "tick", n=3)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3])
    assert server.pool_processes() == {}
