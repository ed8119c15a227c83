"""HTAG_BROKER="inline": the apps live on threads of the one web process, which starts no other."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.http_client import Page
from tests.http_session import Refused
from tests.server.desk import SOON, Anywhere, done, meanwhile, number, press, together, word
from tests.servers import Server, serve
from tests.state.kit import NOTES, OTHER, seen, state, visit
from tests.support import GENERATION, wait_until

SITE = "tests.apps.inline_site:app"
KINDS = ("gunicorn-gevent", "gunicorn-gthread", "waitress", "werkzeug")
INLINE = {"HTAG_BROKER": "inline", "STATE_KIND": "memory", "HUNG_FILE": "/nowhere/file"}
#: Seconds in which an instance that does not react is ended.
TIMEOUT = 1.5


def options(kind: str) -> tuple[str, ...]:
    return SOON if kind.startswith("gunicorn") else ()


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    kind: str = request.param
    with serve(kind, SITE, workers=1, threads=20, env=INLINE, options=options(kind)) as running:
        yield running


@pytest.fixture
def user(server: Server) -> Anywhere:
    return Anywhere(server.url)


@pytest.fixture(scope="module")
def watcher(server: Server) -> Page:
    return Anywhere(server.url).open("/lodger/?watcher")


def threads(watcher: Page) -> int:
    """The real threads of the web process."""
    press(watcher, "count")
    return int(word(watcher).split()[0])


def test_apps_live_in_the_web_process_which_starts_no_other(server: Server, user: Anywhere) -> None:
    page = user.open("/")
    for value in range(20):
        press(page, "hit", n=value)
    assert done(page, "did") == list(range(20))
    page.assert_nothing_lost()
    again = page.reload()
    assert word(again, "numbers") == " ".join(map(str, range(20)))
    assert [number(again, "pid")] == server.worker_pids()
    assert server.pool_processes() == {}


@pytest.mark.parametrize("collect", ["stream", "polling"])
def test_pushes_reach_every_tab_of_the_user_and_no_other(user: Anywhere, collect: str) -> None:
    path = "/" if collect == "stream" else "/longpoll/"
    page, tab, other = user.open(path), user.open(path), Anywhere(user.base).open(path)
    with getattr(page, collect)(), getattr(tab, collect)(), getattr(other, collect)():
        press(page, "tick", n=20)
        for each in (page, tab):
            each.wait_for(lambda each=each: done(each, "pushed")[-1:] == [20])
            assert done(each, "pushed") == list(range(1, 21))
            each.assert_nothing_lost()
        press(other, "hit", n=1)
        assert done(other, "pushed") == []


def test_users_do_not_wait_for_each_other(user: Anywhere) -> None:
    """One blocks the thread of his instance."""
    page, other = user.open("/"), Anywhere(user.base).open("/")
    press(other, "release", n=0)
    with meanwhile(lambda: press(page, "block")), page.stream():
        start = time.monotonic()
        for value in range(10):
            assert press(other, "hit", n=value)["done"] is True
        assert time.monotonic() - start < 5
        press(other, "release", n=1)
        page.wait_text("blocked")


def test_many_users_at_once_lose_nothing(user: Anywhere) -> None:
    pages = [Anywhere(user.base).open("/") for _ in range(8)]

    def click(page: Page) -> None:
        for value in range(15):
            press(page, "hit", n=value)
        assert done(page, "did") == list(range(15))
        page.assert_nothing_lost()

    together([lambda page=page: click(page) for page in pages])


def test_views_and_two_apps_share_a_session(user: Anywhere) -> None:
    """In the memory of the process, where the pool has its own otherwise."""
    page, other = user.open("/notes/"), user.open("/other/")
    press(page, "put", key="mine", value="1")
    press(other, "put", key="his", value="2")
    press(page, "share", key="both", value="3")
    assert (state(user, NOTES)["mine"], state(user, OTHER)["his"]) == ("1", "2")
    assert seen(other)[1]["both"] == "3"
    visit(user, "/put", key="view", value="4")
    for each in (page, other):
        assert seen(each)[1]["view"] == "4"
    again = page.reload()
    assert seen(again)[0] == {"mine": "1"}


def test_what_a_task_keeps_is_stored_without_a_request(user: Anywhere) -> None:
    page = user.open("/notes/")
    press(page, "work", label="late", n=2, pause=0.05)
    wait_until(lambda: state(user).get("late-1") == 1, 10, "it is stored")


def test_a_logout_in_a_view_ends_the_instance(user: Anywhere) -> None:
    page = user.open("/notes/")
    press(page, "put", key="mine", value="1")
    visit(user, "/logout")
    with pytest.raises(Refused) as refused:
        press(page, "see")
    assert refused.value.status in (403, 410)
    assert seen(user.open("/notes/"))[0] == {}


def test_an_error_in_init_gives_a_page_and_the_next_one_is_made(user: Anywhere) -> None:
    if "try" not in user.get("/broken/").text:
        assert word(user.open("/broken/")).startswith("try ")
    page = user.open("/")
    with page.stream():
        press(page, "fail")
        press(page, "hit", n=1)
    assert word(page, "numbers") == "1"


def test_a_module_that_would_end_the_process_gives_an_error_page(server: Server, user: Anywhere) -> None:
    for _ in range(2):
        answer = user.get("/leaves/")
        assert answer.status == 500
        assert "Traceback" not in answer.text
    assert "SystemExit: no, not here" in server.log_text()
    assert word(user.open("/"), "numbers") == ""


@pytest.mark.parametrize("way", ["spin", "later"])
def test_a_loop_without_end_ends_its_instance_alone(user: Anywhere, watcher: Page, way: str) -> None:
    page, other = user.open("/hung/"), Anywhere(user.base).open("/hung/")
    before = threads(watcher)
    with page.stream():
        press(page, way)
        press(other, "hit")
        wait_until(lambda: page.gone, TIMEOUT + 15)
    press(user.open("/hung/"), "hit")
    press(other, "hit")
    assert other.has("kept 2 ")
    wait_until(lambda: threads(watcher) <= before, 15, "its thread has ended")


def test_an_await_without_end_is_cancelled(user: Anywhere) -> None:
    page = user.open("/hung/")
    with page.stream():
        press(page, "wait")
        page.wait_for(lambda: page.errors, 15)
        press(page, "hit")
    assert page.has("kept 2 ")


def test_what_waits_in_native_code_is_given_up(server: Server, user: Anywhere) -> None:
    """Its thread stays, as there is no process that could end with it. Under gevent it can be woken."""
    page = user.open("/hung/")
    with page.stream():
        press(page, "sleep")
        wait_until(lambda: page.gone, TIMEOUT + 15)
    again = user.open("/hung/")
    press(again, "hit")
    assert again.has("kept 2 ")
    if server.kind != "gunicorn-gevent":
        wait_until(lambda: "cannot be ended" in server.log_text(), 15)


@pytest.mark.parametrize(
    ("name", "told"), [("thread", "by a thread"), ("executor", "executed"), ("socket", "received")]
)
def test_apps_may_use_threads_and_sockets(user: Anywhere, name: str, told: str) -> None:
    page = user.open("/lodger/")
    with page.stream():
        press(page, name)
        page.wait_text(told)


def test_an_app_that_nobody_uses_ends(server: Server, watcher: Page) -> None:
    """By exit(), and after HTAG_IDLE_TIMEOUT; each page has its thread."""
    before = threads(watcher)
    pages = [Anywhere(server.url).open(f"/lodger/?{index}") for index in range(5)]
    for page in pages:
        page.announce()
    assert threads(watcher) >= before + 5
    if GENERATION == 1:
        press(pages[0], "leave")
    for page in pages:
        page.leave()
    wait_until(lambda: threads(watcher) <= before, 20, "their threads have ended")


def test_a_stream_that_is_closed_frees_its_seat(server: Server, user: Anywhere) -> None:
    page = user.open("/")
    for _ in range(40):  # more than there are seats
        with page.stream():
            pass
    with page.stream():
        press(page, "tick", n=1)
        page.wait_for(lambda: done(page, "pushed") == [1])


@pytest.mark.parametrize("kind", ["gunicorn-gevent", "gunicorn-gthread", "gunicorn-sync"])
def test_a_server_that_stops_waits_for_no_thread(live: Callable[..., Server], kind: str) -> None:
    """Instances have a moment for their on_destroy; one that hangs has none."""
    server = live(kind, SITE, workers=1, env=INLINE, options=("--graceful-timeout", "5"))
    page, stuck = Anywhere(server.url).open("/lodger/"), Anywhere(server.url).open("/hung/")
    press(page, "count")
    press(stuck, "immune")
    start = time.monotonic()
    if kind == "gunicorn-sync":
        server.stop()
    else:
        with page.stream():
            server.stop()
    assert time.monotonic() - start < 12
    assert (server.data_dir / "destroyed").exists() is (GENERATION == 2)
    assert not re.search(r"Traceback|Fatal Python error|Segmentation", server.log_text())


def test_a_reload_starts_anew_with_the_state_that_was_stored(live: Callable[..., Server]) -> None:
    env: dict[str, Any] = {**INLINE, "STATE_KIND": "files"}
    server = live("gunicorn-gthread", SITE, workers=1, env=env, options=SOON)
    user = Anywhere(server.url)
    page = user.open("/notes/")
    press(page, "put", key="mine", value="1")
    (old,) = server.worker_pids()
    server.hup()
    wait_until(lambda: server.worker_pids() not in ([], [old]) and len(server.worker_pids()) == 1, 20)
    with pytest.raises(Refused) as refused:
        press(page, "see")
    assert refused.value.status == 410
    assert seen(user.open("/notes/"))[0] == {"mine": "1"}
