"""flask htag ps, kill, stop, sessions clean, and the same from Python: dead means dead."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from htagweb_flask import Pool, PoolError, pools
from htagweb_flask.brokers.base import Slot
from htagweb_flask.brokers.socket import SocketBroker
from htagweb_flask.errors import Gone
from htagweb_flask.placement import POOL, SECRET, address_file, session_name
from htagweb_flask.protocol import InstanceState, Poll
from htagweb_flask.web.cli import htag_cli
from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, message, press
from tests.servers import Server, alive, serve
from tests.support import ROOT, wait_until

SITE = "tests.apps.managed:app"
FIRST, SECOND, OWN = (f"tests.apps.managed:{name}" for name in ("First", "Second", "Own"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    env = {**QUICK, "MANAGED_SWEEP": "0.05"}  # a worker sees at once that nobody needs it any more
    with serve("gunicorn-gevent", SITE, workers=2, env=env, options=SOON) as running:
        yield running


@pytest.fixture(scope="module")
def pool(server: Server) -> Pool:
    Anywhere(server.url).open("/").leave()
    (found,) = pools(str(server.run_dir))
    return found


def empty(pool: Pool) -> None:
    """For tests that look at all that there is."""
    for app in (FIRST, SECOND, OWN):
        pool.kill(app=app)
    assert pool.state().workers == []


@dataclass
class Done:
    """What a command has said."""

    returncode: int
    stdout: str
    stderr: str


def htag(*words: str, run_dir: Path | str = "", temporary: Path | str = "/tmp") -> Done:
    """A command that knows no Flask app. It is run in this process, which is none of the server's."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("HTAG_RUN_DIR", str(run_dir))
        patch.setattr(tempfile, "tempdir", str(temporary))
        try:
            htag_cli.main(list(words), prog_name="htag")
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
    return Done(status, out.getvalue(), err.getvalue())


def flask(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A command of Flask, in a process of its own and from another folder."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HTAG_RUN_DIR": "", **env}
    command = [sys.executable, "-m", "flask", *words]
    return subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True)


def pid(page: Page) -> int:
    return int(re.search(r"pid (\d+)", page.text)[1])  # type: ignore[index]


def hits(page: Page) -> int:
    return int(re.search(r"hit (\d+)", page.text)[1])  # type: ignore[index]


def threads(process: int) -> int:
    return len(list(Path(f"/proc/{process}/task").iterdir()))


def instances(pool: Pool) -> dict[int, list[InstanceState]]:
    return {worker.pid: worker.instances for worker in pool.state().workers}


def instance_of(pool: Pool, page: Page) -> InstanceState:
    """The youngest one in the process of *page*."""
    return min(instances(pool)[pid(page)], key=lambda one: one.age)


def told(page: Page) -> bool:
    """Whether the page says that the application has ended."""
    return any(payload == {"exit": True} for _, payload in page.applied)


def refused(page: Page) -> int:
    return page.post(
        "call", {"seq": page.seq + 1, "cursor": page.cursor, "message": message(page, "hit")}
    ).status


# ---- ps


def test_ps_shows_what_is_there(server: Server, pool: Pool) -> None:
    empty(pool)
    one, other = Anywhere(server.url), Anywhere(server.url)
    page, tab, polls = one.open("/"), one.open("/"), one.open("/poll/")
    second = other.open("/second/")
    press(second, "hit")
    with page.stream(), polls.polling():
        wait_until(lambda: [len(one.clients) for one in instances(pool)[pid(page)]] == [2])
        state = pool.state()
    assert state.pid == pool.pid == server.pool_pids()[0]
    assert state.servers == [server.pid]
    workers = {worker.pid: worker for worker in state.workers}
    assert set(workers) == {pid(page), pid(polls), pid(second)}
    assert {pid: worker.app for pid, worker in workers.items()} == {
        pid(page): FIRST,
        pid(polls): FIRST,
        pid(second): SECOND,
    }
    assert all(worker.answers and 0 < worker.age <= state.age for worker in workers.values())
    assert all(
        10 * 2**20 < memory < 2**30 for memory in (state.memory, *(w.memory for w in workers.values()))
    )
    shown, polled, seen = (workers[pid(each)].instances[0] for each in (page, polls, second))
    assert shown.session == polled.session != seen.session
    assert len({shown.name, polled.name, seen.name}) == 3
    assert [client.transport for client in shown.clients] == ["sse", "sse"]
    assert [client.transport for client in polled.clients] == ["longpoll"]
    assert min(client.silent for client in shown.clients) == 0.0
    assert pid(tab) == pid(page)
    wait_until(lambda: instance_of(pool, second).idle > 0.3)
    press(second, "hit")
    assert instance_of(pool, second).idle < instance_of(pool, second).age


def test_the_command_shows_the_same_and_no_secret(server: Server, pool: Pool) -> None:
    empty(pool)
    page = Anywhere(server.url).open("/")
    table = htag("ps", run_dir=server.run_dir)
    assert (table.returncode, table.stderr) == (0, "")
    listed = htag("ps", "--json", run_dir=server.run_dir)
    (found,) = json.loads(listed.stdout)["pools"]
    assert (found["folder"], found["pid"]) == (str(server.run_dir), pool.pid)
    (worker,) = found["workers"]
    (instance,) = worker["instances"]
    assert (worker["pid"], worker["app"]) == (pid(page), FIRST)
    assert [client["transport"] for client in instance["clients"]] == ["sse"]
    words = table.stdout.split()
    assert {instance["name"], instance["session"], str(worker["pid"]), FIRST, worker["mount"]} <= set(words)
    assert f"{round(worker['memory'] / 2**20)}" in words
    (cookie,) = page.user.cookies
    for text in (table.stdout, listed.stdout):
        assert cookie.value not in text
        assert page.token not in text
    assert session_name("a link") != "a link"


def test_a_worker_that_does_not_answer_is_listed_and_can_be_ended(server: Server, pool: Pool) -> None:
    page, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/second/")
    os.kill(pid(page), signal.SIGSTOP)
    shown = htag("ps", run_dir=server.run_dir).stdout.splitlines()
    (line,) = (line for line in shown if line.startswith(f"{pid(page)} "))
    assert line.endswith("  does not answer")
    assert sum(f"  {pid(other)}  " in line for line in shown) == 1
    done = pool.kill(worker=pid(page))
    assert (done.workers, done.instances) == ([pid(page)], [])
    assert not alive(pid(page))
    assert refused(page) == 410
    press(other, "hit")


# ---- kill


@pytest.mark.parametrize("path", ["/", "/poll/"])
def test_an_instance_that_is_killed_is_dead(server: Server, pool: Pool, path: str) -> None:
    other = Anywhere(server.url).open(path)
    before = threads(pid(other))
    page = Anywhere(server.url).open(path)
    press(page, "hit")
    assert threads(pid(page)) == before + 1
    with page.stream() if path == "/" else page.polling():
        done = pool.kill(instance=instance_of(pool, page).name)
        assert threads(pid(page)) == before
        page.wait_for(lambda: told(page))
    assert (len(done.instances), done.workers, done.stuck, done.silent) == (1, [], [], [])
    assert refused(page) == 410
    again = page.user.open(path)
    assert (hits(again), pid(again)) == (0, pid(page))
    assert again.has("kept 1,")
    press(other, "hit")
    assert hits(other) == 1
    other.assert_nothing_lost()


def test_a_session_that_is_killed_is_dead_in_every_app(server: Server, pool: Pool) -> None:
    user, other = Anywhere(server.url), Anywhere(server.url)
    pages = [user.open(path) for path in ("/", "/?again", "/poll/", "/second/")]
    neighbours = [other.open(path) for path in ("/", "/second/")]
    for page in (*pages, *neighbours):
        press(page, "hit")
    name = instance_of(pool, pages[2]).session
    done = htag("kill", "--session", name, "--json", run_dir=server.run_dir)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], len(told["instances"])) == (0, True, 4)
    assert name not in [one.session for found in instances(pool).values() for one in found]
    assert [refused(page) for page in pages] == [410] * 4
    for page in neighbours:
        press(page, "hit")
        assert hits(page) == 2
    assert user.open("/").has("hit 0, kept [1-4],")


def in_two_processes(server: Server, path: str) -> list[Page]:
    """Pages until two processes have some: one may just be replaced, and takes none."""
    pages = [Anywhere(server.url).open(path)]
    while len({pid(page) for page in pages}) < 2 or len(pages) < 6:
        assert len(pages) < 40
        pages.append(Anywhere(server.url).open(path))
    return pages


def test_an_app_or_a_mount_that_is_killed_is_dead(server: Server, pool: Pool) -> None:
    empty(pool)
    pages = in_two_processes(server, "/second/")
    polls, other = Anywhere(server.url).open("/poll/"), Anywhere(server.url).open("/")
    press(other, "hit")
    processes = {pid(page) for page in pages}
    with pages[0].stream():
        done = pool.kill(app=SECOND)
        assert not any(map(alive, processes))
        pages[0].wait_for(lambda: told(pages[0]))
    assert (set(done.workers), len(done.instances)) == (processes, len(pages))
    assert {refused(page) for page in pages} == {410}
    (mount,) = (worker.mount for worker in pool.state().workers if worker.pid == pid(polls))
    assert pool.kill(app=mount).workers == [pid(polls)]
    assert not alive(pid(polls))
    press(other, "hit")
    assert hits(other) == 2
    assert pid(pages[0].user.open("/second/")) not in processes


def test_where_each_session_has_its_process(server: Server, pool: Pool) -> None:
    pages = [Anywhere(server.url).open("/own/") for _ in range(4)]
    processes = [pid(page) for page in pages]
    assert len(set(processes)) == 4
    own = [worker for worker in pool.state().workers if worker.app == OWN]
    assert sorted(worker.pid for worker in own) == sorted(processes)
    assert [len(worker.instances) for worker in own] == [1] * 4
    press(pages[0], "sleep")
    name = instance_of(pool, pages[0]).name
    done = pool.kill(instance=name)
    assert (done.instances, done.workers, done.stuck, done.silent) == ([name], [processes[0]], [], [])
    assert not alive(processes[0])
    assert len(pool.kill(session=instance_of(pool, pages[1]).session).instances) == 1
    assert refused(pages[1]) == 410
    press(pages[2], "hit")
    assert hits(pages[2]) == 1
    pool.kill(app=OWN)
    assert not any(map(alive, processes))


def test_a_loop_without_end_is_interrupted(server: Server, pool: Pool) -> None:
    other, page = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    before = threads(pid(page))
    with page.stream():
        press(page, "spin")
        done = htag("kill", "--instance", instance_of(pool, page).name, run_dir=server.run_dir)
        assert (done.returncode, done.stderr) == (0, "")
        assert threads(pid(page)) == before - 1
        page.wait_for(lambda: told(page))
    press(other, "hit")
    assert (hits(other), pid(other)) == (1, pid(page))


def test_what_waits_in_native_code_is_told_of_and_ends_with_its_worker(server: Server, pool: Pool) -> None:
    other, page = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    press(page, "sleep")
    name = instance_of(pool, page).name
    done = htag("kill", "--instance", name, run_dir=server.run_dir)
    assert done.returncode == 1
    assert name in done.stderr
    press(other, "hit")
    assert "1 stuck" in htag("ps", run_dir=server.run_dir).stdout
    other.leave()
    pool.kill(worker=pid(page))
    assert not alive(pid(page))


def test_a_process_in_which_nobody_else_is_goes_with_what_is_stuck_in_it(server: Server, pool: Pool) -> None:
    empty(pool)
    page = Anywhere(server.url).open("/")
    press(page, "sleep")
    name = instance_of(pool, page).name
    done = pool.kill(instance=name)
    assert (done.instances, done.workers, done.stuck) == ([name], [pid(page)], [])
    assert not alive(pid(page))


@pytest.mark.parametrize("what", ["app", "session", "instance", "worker"])
def test_a_name_that_nothing_has(server: Server, pool: Pool, what: str) -> None:
    page = Anywhere(server.url).open("/")
    done = htag("kill", f"--{what}", "1", run_dir=server.run_dir)
    assert done.returncode == 1
    assert "nothing has this name" in done.stderr
    press(page, "hit")


def test_kill_wants_one_name(server: Server, pool: Pool) -> None:
    for words in ((), ("--app", FIRST, "--session", "x")):
        assert htag("kill", *words, run_dir=server.run_dir).returncode == 2
    with pytest.raises(ValueError, match="name one of"):
        pool.kill()


# ---- stop


def test_stop_leaves_nothing_and_the_next_page_starts_another(live: Callable[..., Server]) -> None:
    server = live("gunicorn-gevent", SITE, workers=2, env=QUICK, options=SOON)
    pages = [Anywhere(server.url).open(path) for path in ("/", "/poll/", "/second/")]
    press(pages[0], "hit")
    processes = set(server.pool_processes())
    assert len(processes) == 4
    with pages[0].stream():
        done = htag("stop", run_dir=server.run_dir)
        assert (done.returncode, done.stderr) == (0, "")
        assert not any(map(alive, processes))
        pages[0].wait_for(lambda: told(pages[0]))
    for page in pages:
        assert refused(page) == page.post("poll", {"cursor": page.cursor}).status == 410
        assert page.leave().status == 204
    assert server.pool_processes() == {}, "only a page starts another"
    assert [file.name for file in server.run_dir.iterdir() if file.suffix != ".lock"] == []
    again = pages[0].user.open("/")
    assert again.has("hit 0, kept 1,")
    assert pid(again) not in processes


def test_a_pool_that_leaves_is_not_replaced_for_who_waits_in_it(short_folder: Path) -> None:
    starts: list[bool] = []
    (short_folder / SECRET).write_text("secret")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address_file(str(short_folder), POOL, "unix"))
        listener.listen()
        threading.Thread(target=turn_away, args=[listener], daemon=True).start()
        broker = SocketBroker(str(short_folder), "unix", 0, 1, lambda: starts.append(True))
        with pytest.raises(Gone):
            broker.call(Slot("app-0", "module:App", ()), Poll("client", 0, 0), 5)
        listener.shutdown(socket.SHUT_RDWR)
    assert starts == []


def turn_away(listener: socket.socket) -> None:
    """As the pool does when it leaves."""
    with suppress(OSError):
        while True:
            listener.accept()[0].close()


# ---- which pool


def test_two_servers(live: Callable[..., Server], short_folder: Path) -> None:
    env = {**QUICK, "HTAG_RUN_DIR": "", "TMPDIR": str(short_folder)}
    servers = [live("gunicorn-gevent", SITE, workers=1, env=env, options=SOON) for _ in range(2)]
    pages = [Anywhere(server.url).open("/") for server in servers]
    (short_folder / f"htagweb-{os.getuid()}" / "of-a-dead-pool").mkdir(mode=0o700)
    found = json.loads(htag("ps", "--json", temporary=short_folder).stdout)["pools"]
    by_server = {one["servers"][0]: one for one in found}
    assert set(by_server) == {server.pid for server in servers}
    for server, page in zip(servers, pages, strict=True):
        assert [worker["pid"] for worker in by_server[server.pid]["workers"]] == [pid(page)]
    for words in (("stop",), ("kill", "--app", FIRST)):
        done = htag(*words, temporary=short_folder)
        assert done.returncode == 1
        assert all(f"--pool {one['pid']}   {one['folder']}" in done.stderr for one in found)
    first = by_server[servers[0].pid]
    done = htag("kill", "--app", FIRST, "--pool", str(first["pid"]), temporary=short_folder)
    assert (done.returncode, [alive(pid(page)) for page in pages]) == (0, [False, True])
    assert htag("stop", "--pool", first["folder"], temporary=short_folder).returncode == 0
    assert "no pool 1 runs here, but these:" in htag("ps", "--pool", "1", temporary=short_folder).stderr
    (left,) = json.loads(flask("htag", "ps", "--json", TMPDIR=str(short_folder)).stdout)["pools"]
    assert left["servers"] == [servers[1].pid]
    press(pages[1], "hit")
    assert hits(pages[1]) == 1


def test_no_pool(short_folder: Path) -> None:
    for words in (("ps",), ("ps", "--json"), ("stop",), ("kill", "--app", FIRST)):
        done = htag(*words, temporary=short_folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"there is none in {short_folder}/htagweb-{os.getuid()}. It starts" in done.stderr
    assert list(short_folder.iterdir()) == []
    done = htag("ps", run_dir=short_folder / "nowhere")
    assert (done.returncode, done.stderr) == (1, f"no pool runs in {short_folder}/nowhere\n")
    with pytest.raises(PoolError, match="no pool runs in"):
        Pool(str(short_folder))


def test_a_folder_that_is_open_to_others_is_refused(short_folder: Path) -> None:
    base = short_folder / f"htagweb-{os.getuid()}"
    base.mkdir()
    base.chmod(0o777)
    done = htag("ps", temporary=short_folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "open to other users" in done.stderr


SETTINGS = """
from flask import Flask
from htagweb_flask import htag_blueprint

app = Flask(__name__)
app.config.update(HTAG_RUN_DIR={run!r}, HTAG_DATA_DIR={data!r}, HTAG_SESSIONS="files")
app.register_blueprint(htag_blueprint("tests.apps.managed:First"))
"""


def test_the_flask_app_says_where_its_pool_is(server: Server, pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SETTINGS.format(run=str(server.run_dir), data=str(tmp_path)))
    done = flask("--app", str(tmp_path / "shop.py"), "htag", "ps", "--json", TMPDIR=str(tmp_path))
    assert [one["pid"] for one in json.loads(done.stdout)["pools"]] == [pool.pid]
    (tmp_path / "broken.py").write_text("1/0")
    done = flask(
        "--app", str(tmp_path / "broken.py"), "htag", "ps", "--json", HTAG_RUN_DIR=str(server.run_dir)
    )
    assert [one["pid"] for one in json.loads(done.stdout)["pools"]] == [pool.pid]
    assert "ZeroDivisionError" in done.stderr


def test_to_be_asked_keeps_no_pool(live: Callable[..., Server]) -> None:
    """It leaves when its server has gone, however often somebody looks."""
    env = {"HTAG_POOL_GRACE": "1.5", "HTAG_BROKER": "tcp"}
    server = live("gunicorn-gevent", SITE, workers=1, env=env, options=SOON)
    Anywhere(server.url).open("/")
    (pool,) = pools(str(server.run_dir))
    server.kill()

    def left() -> bool:
        try:
            return not pool.state()
        except PoolError:
            return True

    start = time.monotonic()
    wait_until(left, 20, every=0.1)
    assert time.monotonic() - start > 1
    wait_until(lambda: not alive(pool.pid))


# ---- sessions


def test_expired_session_files_are_removed_and_counted(tmp_path: Path) -> None:
    from datetime import timedelta

    from htagweb_flask.store import SessionStore, file_sessions

    (tmp_path / "shop.py").write_text(SETTINGS.format(run="", data=str(tmp_path)))
    folder, locks = tmp_path / "sessions", tmp_path / "locks"
    locks.mkdir()
    interface = file_sessions(str(folder))
    lifetimes: dict[str, Any] = {
        "old": timedelta(seconds=-1),
        "older": timedelta(days=-3),
        "new": timedelta(1),
    }
    for sid, lifetime in lifetimes.items():
        store = SessionStore(file_sessions(str(folder)), str(locks), lambda lifetime=lifetime: lifetime)
        store.patch(sid, _delta(), create=True)
    assert len(list(folder.iterdir())) == 3
    done = flask("--app", str(tmp_path / "shop.py"), "htag", "sessions", "clean", TMPDIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "removed 2 expired sessions\n")
    store = SessionStore(interface, str(locks), lambda: timedelta(1))
    assert [store.load(sid) is not None for sid in lifetimes] == [False, False, True]
    done = flask(
        "--app", str(tmp_path / "shop.py"), "htag", "sessions", "clean", "--json", TMPDIR=str(tmp_path)
    )
    assert json.loads(done.stdout) == {"removed": 0}
    done = htag("sessions", "clean")
    assert done.returncode == 1
    assert "needs the Flask app" in done.stderr


def _delta() -> Any:
    from htagweb_flask.protocol import Delta
    from htagweb_flask.session import pack

    return Delta({"name": pack("x")}, [])
