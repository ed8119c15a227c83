"""Errors of an app in init, in its rendering and in callbacks: told, logged, and survived."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_client import Page, User
from tests.server.desk import QUICK, SOON, Anywhere, message, press
from tests.servers import Server, serve
from tests.support import wait_until


@pytest.fixture(scope="module", params=["shared", "session"])
def isolation(request: pytest.FixtureRequest) -> str:
    """Whether all instances are in one process, or each session has its own."""
    return str(request.param)


@pytest.fixture(scope="module")
def trace(isolation: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app writes what it has done, for when it cannot tell."""
    return tmp_path_factory.mktemp("moody") / "file"


@pytest.fixture(scope="module")
def server(isolation: str, trace: Path) -> Iterator[Server]:
    env = {**QUICK, "HTAG_WORKERS": "1", "HTAG_ISOLATION": isolation, "MOODY_FILE": str(trace)}
    with serve("gunicorn-gevent", "tests.apps.moody:app", workers=2, env=env, options=SOON) as running:
        yield running


def refused(user: User, path: str) -> str:
    """The text of the error page, which has to come soon and with the right status and headers."""
    start = time.monotonic()
    answer = user.get(path)
    assert time.monotonic() - start < 5
    assert answer.status == 500
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.text


FAILURES = [
    ("init", "LookupError", "<script>alert(1)</script>"),
    ("type", "TypeError", "init() got what it does not like"),
    ("exit", "SystemExit", "enough"),
    ("render", "RuntimeError", "<b>torn</b>"),
]


@pytest.mark.parametrize(("mood", "kind", "text"), FAILURES)
def test_an_error_gives_a_page_and_the_next_get_tries_again(
    server: Server, mood: str, kind: str, text: str
) -> None:
    user = Anywhere(server.url)
    shown = refused(user, f"/?{mood}")
    assert text not in shown
    assert kind not in shown
    assert "Traceback" not in shown
    reference = re.search(r"reference (\w+)", shown)
    assert reference is not None
    wait_until(lambda: f"[{reference[1]}]" in server.log_text(), what="the log knows the reference")
    page = user.open(f"/?{mood}")
    assert page.has(f"run 2 of {mood}")  # and init was run once each time
    press(page, "fine")
    assert page.has("fine$")


@pytest.mark.parametrize(("mood", "kind", "text"), FAILURES)
def test_in_debug_the_page_shows_the_traceback_escaped(
    server: Server, mood: str, kind: str, text: str
) -> None:
    user = Anywhere(server.url)
    shown, script, ours = refused(user, f"/debug/?{mood}").rpartition("<script type=")
    assert script
    assert "htag-watch" in ours
    assert "<script>" not in shown
    assert "<b>" not in shown
    assert f"{kind}: {text}".replace("<", "&lt;").replace(">", "&gt;") in shown
    assert "tests/apps/moody.py" in shown
    assert "Traceback" in shown
    assert user.open(f"/debug/?{mood}").has(f"of {mood}")


def test_the_log_has_the_traceback(server: Server) -> None:
    page = Anywhere(server.url).open("/")
    before = server.log_text().count("LookupError: <i>lost</i>")
    press(page, "raise_error")
    wait_until(lambda: server.log_text().count("LookupError: <i>lost</i>") > before)
    assert "in raise_error" in server.log_text()


@pytest.mark.parametrize("button", ["raise_error", "tear", "generate"])
def test_an_error_in_a_callback_is_told_and_the_page_lives_on(server: Server, button: str) -> None:
    page = Anywhere(server.url).open("/?button=x")
    press(page, button)
    assert len(page.errors) == 1
    assert "Traceback" not in page.errors[0]
    assert "moody.py" not in str(page.batches)
    reference = re.search(r"at (\w+)\.$", page.errors[0])
    assert reference is not None
    wait_until(lambda: f"[{reference[1]}]" in server.log_text(), what="the log knows the reference")
    if button == "tear":  # what cannot be drawn is drawn by nobody
        return
    press(page, "fine")
    assert page.has("fine")
    assert not page.gone
    page.assert_nothing_lost()


def test_in_debug_an_error_in_a_callback_comes_with_its_traceback(server: Server) -> None:
    page = Anywhere(server.url).open("/debug/")
    press(page, "raise_error")
    assert "Traceback" in page.errors[0]
    assert "LookupError: <i>lost</i>" in page.errors[0]
    press(page, "fine")
    assert page.has("fine")


def test_what_a_generator_showed_before_its_error_stays(server: Server) -> None:
    page = Anywhere(server.url).open("/")
    press(page, "generate")
    assert page.has("step one")
    assert len(page.errors) == 1


def test_a_callback_that_exits_ends_no_process(server: Server) -> None:
    page, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    pids = server.pool_processes()
    press(page, "leave")
    for each in (page, other):
        press(each, "fine")
        assert each.has("fine")
    assert server.pool_processes() == pids


def test_no_error_harmed_another_user(server: Server) -> None:
    other = Anywhere(server.url).open("/")
    for mood in ("init", "render", "exit"):
        Anywhere(server.url).get(f"/debug/?{mood}")
    press(other, "fine")
    page: Page = other.reload()
    assert page.has("fine")


def test_an_interaction_that_ends_its_process_is_not_repeated(
    server: Server, isolation: str, trace: Path
) -> None:
    """Nobody knows how far it came: the page is told that its instance is gone, and gets a new one."""
    user = Anywhere(server.url)
    page, waiting = user.open("/"), Anywhere(server.url).open("/")
    with waiting.stream():
        body = {"seq": 1, "cursor": page.cursor, "message": message(page, "die")}
        answer = page.post("call", body)
        assert (answer.status, answer.json()) == (410, {"error": "gone"})
        assert page.post("call", body).status == 410
        if isolation == "shared":
            wait_until(lambda: waiting.gone)  # it was in the same process
    if isolation == "session":
        press(waiting, "fine")
        assert waiting.has("fine$")
    assert trace.read_text() == "died "
    again = user.open("/")
    press(again, "fine")
    assert again.has("fine$")
