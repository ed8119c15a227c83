"""Sites that keep their sessions in other ways than those that the tests beside this one go through: a cache
of their own, their database, and Flask's cookies, where the states of apps are kept apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http_client import Refused
from tests.servers import Server, serve
from tests.state.kit import (
    SITE,
    SOON,
    Anywhere,
    environment,
    gate_waits,
    made,
    message,
    press,
    said,
    seen,
    shown,
    sid,
    stored,
    visit,
    word,
)
from tests.support import wait_until


@pytest.fixture(params=["cachelib", "sqlalchemy"], scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A site whose sessions are in Flask-Session."""
    if request.param == "sqlalchemy":
        pytest.importorskip("flask_sqlalchemy")
    with serve(
        "gunicorn-gevent", SITE, workers=4, env=environment(request.param, request), options=SOON
    ) as running:
        yield running


@pytest.fixture(scope="module")
def cookies(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A site whose sessions are in Flask's cookies."""
    with serve(
        "gunicorn-gevent", SITE, workers=4, env=environment("cookie", request), options=SOON
    ) as running:
        yield running


# ---- Flask-Session


def test_apps_views_and_tasks_share_the_session(shared: Server) -> None:
    user = Anywhere(shared.url)
    page = user.open("/")
    visit(user, "/put", key="theirs", value="x")
    with page.stream():
        press(page, "put", key="mine", value=1)
        press(page, "work", label="task", n=3, pause=0.01)
        wait_until(stored(user, "task-2"), 4)
    assert seen(page)[1]["theirs"] == "x"
    page.leave()
    assert said(user.open("/?another"))[0] == {"mine": 1, "task-0": 0, "task-1": 1, "task-2": 2}


def test_a_login_with_a_new_id_during_an_interaction_loses_nothing(shared: Server) -> None:
    user = Anywhere(shared.url)
    page, before = user.open("/"), sid(user)
    gate = f"other-{before}"
    page.call(message(page, "hold", gate=gate, key="after"))
    wait_until(lambda: gate_waits(shared, gate))
    visit(user, "/login", user="ann", how="new")
    assert sid(user) != before
    visit(user, "/open_gate", gate=gate)
    page.wait_for(lambda: page.poll(1) and word(page) == "held after")
    wait_until(stored(user, "after"))
    assert shown(user)["user"] == "ann"
    assert made(page.reload()) == made(page)


def test_a_logout_ends_the_instances(shared: Server) -> None:
    user = Anywhere(shared.url)
    page = user.open("/")
    press(page, "put", key="secret", value=1)
    visit(user, "/logout")
    with pytest.raises(Refused):
        press(page, "see")
    assert said(user.open("/"))[0] == {}


# ---- cookies


def test_the_state_is_kept_apart_from_a_session_in_a_cookie(cookies: Server) -> None:
    user = Anywhere(cookies.url)
    visit(user, "/login", user="ann")
    page = user.open("/")
    press(page, "put", key="mine", value=1)
    press(page, "work", label="task", n=3, pause=0.05)
    fresh = user.open("/?another")
    page.leave()

    def task_is_stored() -> bool:
        return "task-2" in seen(fresh)[0]

    wait_until(task_is_stored, 4)
    mine, session = seen(fresh)
    assert mine == {"mine": 1, "task-0": 0, "task-1": 1, "task-2": 2}
    assert "user" not in session, "an app does not see the cookie"
    assert shown(user) == {"user": "ann"}, "a view does not see the state"


def test_the_state_beside_a_cookie_survives_the_end_of_its_process(cookies: Server) -> None:
    user = Anywhere(cookies.url)
    page = user.open("/")
    press(page, "put", key="mine", value=1)
    cookies.kill(int(word(page, "pid").split()[1]))
    again = wait_until(lambda: user.open("/"))
    assert made(again) != made(page)
    assert said(again)[0] == {"mine": 1}


def test_who_empties_a_session_in_a_cookie_ends_the_apps_and_their_state(cookies: Server) -> None:
    user = Anywhere(cookies.url)
    page = user.open("/")
    press(page, "put", key="secret", value=1)
    former = sid(user)
    visit(user, "/login", user="bob", how="clear")
    with pytest.raises(Refused) as refused:
        press(page, "see")
    assert refused.value.status in (403, 410)
    fresh = user.open("/")
    assert said(fresh)[0] == {}
    assert shown(user)["user"] == "bob"
    # A cookie cannot be taken back: who has kept the former one finds nothing in it.
    thief = Anywhere(cookies.url, {"Cookie": f"session={former}"})
    assert said(thief.open("/"))[0] == {}


def test_each_web_process_says_once_that_the_state_is_kept_apart(cookies: Server) -> None:
    user = Anywhere(cookies.url)
    for _ in range(12):
        user.open("/")
    lines = [line for line in cookies.log_text().splitlines() if "sessions are in Flask's cookies" in line]
    assert 1 <= len(lines) <= 4
    assert "SESSION_TYPE" in lines[0]
    assert not (cookies.data_dir / "sessions").exists()
    assert list((cookies.data_dir / "states").iterdir())
