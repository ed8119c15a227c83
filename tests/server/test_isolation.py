"""A process for each session: forked, of its own, and gone with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, number, press, word
from tests.servers import Server, alive, serve
from tests.support import wait_until

ALONE = "tests.apps.alone:app"
ISOLATED = {**QUICK, "HTAG_ISOLATION": "session"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve("gunicorn-gevent", ALONE, workers=2, env=ISOLATED, options=SOON) as running:
        yield running


def pid(page: Page) -> int:
    return number(page, "pid")


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def template(server: Server, page: Page) -> int:
    """The process that *page*'s was forked from."""
    found = parent(pid(page))
    assert server.pool_processes()[found].endswith(" template")
    return found


def opened(process: int) -> dict[int, str]:
    """Its open files, by descriptor."""
    found = {}
    for entry in Path(f"/proc/{process}/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except OSError:
            pass  # closed meanwhile
    return found


def children(process: int) -> list[int]:
    return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def sockets(server: Server) -> list[str]:
    return sorted(path.name for path in server.run_dir.glob("*.sock"))


def test_each_session_has_a_process_for_each_app(server: Server) -> None:
    one, other = Anywhere(server.url), Anywhere(server.url)
    mine = [one.open(path) for path in ("/", "/?who=x", "/")]
    pages = [mine[0], one.open("/tab/"), other.open("/"), other.open("/tab/")]
    assert len({pid(page) for page in pages}) == 4
    assert {pid(page) for page in mine} == {pid(mine[0])}
    assert pid(one.open("/shared/")) == pid(other.open("/shared/"))


def test_two_tabs_of_a_user_show_the_same(server: Server) -> None:
    user = Anywhere(server.url)
    one, other = user.open("/"), user.open("/")
    with other.stream():
        press(one, "more")
        other.wait_for(lambda: word(other) == "clicks 1")
    press(other, "keep")
    assert user.open("/?who=again").has("kept 1")


def test_the_template_has_one_thread_and_nothing_of_the_supervisor(server: Server) -> None:
    page = Anywhere(server.url).open("/")
    warm = template(server, page)
    (pool,) = server.pool_pids()
    assert parent(warm) == pool
    assert len(list(Path(f"/proc/{warm}/task").iterdir())) == 1
    assert not any(name.startswith("socket:") for name in opened(warm).values())
    assert not shared_with(pool, warm) - pipes(pool)


def pipes(process: int) -> set[str]:
    return {name for name in opened(process).values() if name.startswith("pipe:")}


def shared_with(one: int, other: int) -> set[str]:
    """What is open in both, but for the log."""
    both = set(opened(one).values()) & set(opened(other).values())
    return {name for name in both if name.startswith(("socket:", "pipe:", "anon_inode:[pidfd]"))}


def test_a_fork_has_no_open_file_of_another_process(server: Server) -> None:
    """Upstream's had the sockets of the web server, whose port stayed in use after its end."""
    pages = [Anywhere(server.url).open("/") for _ in range(3)]
    for page in pages:
        press(page, "more")
    mine = pid(pages[-1])
    for other in [*server.pool_processes(), *server.worker_pids(), server.pid]:
        if other != mine:
            assert not shared_with(mine, other), server.pool_processes().get(other)
    names = opened(mine)
    assert names[0] == "/dev/null"
    assert names[1] == names[2] == str(server.log)
    listening = Path(f"/proc/{mine}/net/tcp").read_text().splitlines()[1:]
    ours = {name[8:-1] for name in names.values() if name.startswith("socket:")}
    assert not [line for line in listening if line.split()[3] == "0A" and line.split()[9] in ours]


def test_chance_is_not_the_same_in_two_forks(server: Server) -> None:
    pages = [Anywhere(server.url).open("/") for _ in range(3)]
    for page in pages:
        press(page, "chance")
    assert len({word(page) for page in pages}) == 3


def test_apps_can_start_processes_and_threads_and_write_logs(server: Server) -> None:
    page = Anywhere(server.url).open("/")
    for name, expected in (("child", "status 7"), ("later_child", "status 8"), ("log", "logged")):
        press(page, name)
        if word(page) != expected:
            with page.stream():
                page.wait_for(lambda: word(page) == expected)  # noqa: B023
    wait_until(lambda: f"logged in {pid(page)}" in server.log_text())
    press(page, "thread")
    assert "from the import" not in word(page)
    assert "MainThread" in word(page)


def test_the_process_of_a_session_that_dies_harms_nobody_else(server: Server) -> None:
    user, other = Anywhere(server.url), Anywhere(server.url).open("/")
    page = user.open("/")
    press(page, "keep")
    press(other, "more")
    old, warm = pid(page), template(server, page)
    before = sockets(server)
    with other.stream():
        server.kill(old)
        wait_until(lambda: old not in children(warm), what="it is reaped")
        wait_until(lambda: len(sockets(server)) == len(before) - 1, what="its socket is removed")
        assert page.post("poll", {"cursor": page.cursor}).status == 410
        assert not {*children(warm)} & {old}
        again = user.open("/")
        assert again.has("kept 1")
        assert pid(again) != old
        press(other, "more")
        assert not other.gone
    assert word(other) == "clicks 2"


def test_the_end_of_the_template_harms_nobody(server: Server) -> None:
    """Those who were forked from it live on, can be ended, and end with the pool; who comes has another."""
    user, other = Anywhere(server.url), Anywhere(server.url).open("/")
    page = user.open("/")
    press(page, "keep")
    warm = template(server, page)
    server.kill(warm)
    wait_until(lambda: not alive(warm))
    press(page, "more")
    assert word(page) == "clicks 1"
    newcomer = Anywhere(server.url).open("/")
    press(newcomer, "more")
    assert template(server, newcomer) != warm
    old = pid(page)
    server.kill(old)
    wait_until(lambda: page.post("poll", {"cursor": page.cursor}).status == 410)
    again = user.open("/")
    assert again.has("kept 1")
    assert template(server, again) == template(server, newcomer)
    press(other, "more")


def test_what_has_the_template_imported_can_be_chosen(server: Server) -> None:
    page, imported, anew = (Anywhere(server.url).open(path) for path in ("/", "/imported/", "/anew/"))
    for each in (page, imported, anew):
        press(each, "more")
        assert word(each) == "clicks 1"
    assert template(server, imported) != template(server, page)
    assert parent(pid(anew)) == server.pool_pids()[0]


@pytest.fixture(scope="module")
def lasting() -> Iterator[Server]:
    env = {**ISOLATED, "LASTING_PATIENCE": "0.5"}
    with serve("gunicorn-gevent", "tests.apps.lasting:app", workers=2, env=env, options=SOON) as running:
        yield running


def test_the_process_of_a_session_ends_with_its_last_instance(lasting: Server) -> None:
    """And nothing is left of it: no socket, no zombie."""
    page, other = Anywhere(lasting.url).open("/short/"), Anywhere(lasting.url).open("/short/")
    for each in (page, other):
        press(each, "more")
    mine, warm = pid(page), template(lasting, page)
    before = sockets(lasting)
    with other.stream():
        page.leave()
        wait_until(lambda: mine not in children(warm), 20)
        wait_until(lambda: len(sockets(lasting)) == len(before) - 1)
        press(other, "more")
        assert word(other, "count") == "2"
    assert not alive(mine)
    assert page.user.open("/short/").has("0")


def test_a_page_that_nobody_runs_ends_with_its_process(lasting: Server) -> None:
    page = Anywhere(lasting.url).open("/")
    mine, warm = pid(page), template(lasting, page)
    wait_until(lambda: mine not in children(warm), 20)
    before = set(lasting.pool_processes())
    assert page.post("poll", {"cursor": page.cursor}).status == 410
    assert page.leave().status == 204
    assert set(lasting.pool_processes()) <= before  # nothing is started to say so


@pytest.fixture(scope="module")
def hung(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file = tmp_path_factory.mktemp("hung") / "file"
    env = {**ISOLATED, "HTAG_INTERACTION_TIMEOUT": "1.5", "HUNG_FILE": str(file)}
    with serve("gunicorn-gevent", "tests.apps.hung:app", workers=2, env=env, options=SOON) as running:
        yield running


def hung_pid(page: Page) -> int:
    found = re.search(r"in (\d+)", page.text)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("way", ["sleep", "immune"])
def test_a_process_with_a_thread_that_cannot_be_ended_is_ended_at_once(hung: Server, way: str) -> None:
    """Nobody else uses it: it does not wait until its pages are closed."""
    user, other = Anywhere(hung.url), Anywhere(hung.url).open("/")
    page, second = user.open("/"), user.open("/?way=")
    press(page, "hit")
    press(other, "hit")
    old = hung_pid(page)
    with page.stream(), second.stream():
        press(page, way)
        wait_until(lambda: not alive(old), 15)
        wait_until(lambda: page.gone and second.gone)
    again = user.open("/")
    assert again.has(f"kept {2 if way == 'sleep' else 1} ")
    assert hung_pid(again) != old
    press(other, "hit")
    assert other.has("kept 2 ")


def test_a_loop_without_end_ends_its_instance_and_not_the_process(hung: Server) -> None:
    user = Anywhere(hung.url)
    page = user.open("/")
    press(page, "hit")
    with page.stream():
        press(page, "spin")
        wait_until(lambda: page.gone, 15)
    again = user.open("/")
    assert again.has("kept 2 ")
    assert hung_pid(again) == hung_pid(page)


def test_nothing_is_left_of_a_pool_that_is_killed(live: Callable[..., Server]) -> None:
    server = live("gunicorn-gevent", ALONE, workers=2, env=ISOLATED, options=SOON)
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "keep")
    Anywhere(server.url).open("/imported/")
    former = server.pool_processes()
    assert len(former) == 5
    server.kill(server.pool_pids()[0])
    wait_until(lambda: not any(map(alive, former)))
    assert user.open("/").has("kept 1")
    server.stop()
    assert [path.name for path in server.run_dir.iterdir() if path.suffix != ".lock"] == []


def imports(file: Path) -> list[int]:
    return list(map(int, file.read_text().split())) if file.exists() else []


def test_an_app_is_imported_once_for_all_where_the_template_may(
    live: Callable[..., Server], tmp_path: Path
) -> None:
    file = tmp_path / "imports"
    env = {**ISOLATED, "ALONE_IMPORTS": str(file), "HTAG_PRELOAD": "app"}
    server = live("gunicorn-gevent", ALONE, workers=1, env=env, options=SOON)
    pages = [Anywhere(server.url).open("/") for _ in range(3)]
    assert imports(file).count(template(server, pages[0])) == 1
    assert not {pid(page) for page in pages} & set(imports(file))


def test_an_app_whose_import_starts_threads_is_not_forked(
    live: Callable[..., Server], tmp_path: Path
) -> None:
    """The import is left to each fork then, and the log says why."""
    file = tmp_path / "imports"
    env = {**ISOLATED, "ALONE_IMPORTS": str(file), "ALONE_THREAD": "1", "HTAG_PRELOAD": "app"}
    server = live("gunicorn-gevent", ALONE, workers=1, env=env, options=SOON)
    pages = [Anywhere(server.url).open("/") for _ in range(2)]
    warning = r"WARNING .* not forked from a template of tests.apps.alone.*starts 1 threads"
    assert re.search(warning, server.log_text())
    for page in pages:
        press(page, "thread")
        assert "from the import" in word(page)
        assert pid(page) in imports(file)
        template(server, page)
