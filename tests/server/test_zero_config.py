"""Nothing has to be set; what a site has set is kept."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer

from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, number, press, together, word
from tests.servers import Server, serve
from tests.support import ROOT, wait_until

KINDS = ["bare", "keyed", "cached", "configured", "cookie"]
SHARED = ["bare", "keyed", "cached", "configured"]
"""Those whose sessions apps and views have in common."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """The server of each kind of site, started when it is first asked for."""
    running: dict[str, Server] = {}
    with contextlib.ExitStack() as stack:

        def of(kind: str) -> Server:
            if kind not in running:
                env = {**QUICK, "SITE_CACHE": str(tmp_path_factory.mktemp("cache")), "HTAG_WORKERS": "2"}
                target = f"tests.apps.sites:{kind}()"
                workers = 4 if kind == "bare" else 2
                running[kind] = stack.enter_context(
                    serve("gunicorn-gevent", target, workers=workers, env=env, options=SOON)
                )
            return running[kind]

        yield of


def user_of(page: Page) -> str:
    press(page, "look")
    return word(page, "user")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_works_on_all_workers(servers: Callable[[str], Server], kind: str) -> None:
    server = servers(kind)
    users = [Anywhere(server.url) for _ in range(8)]
    pages: list[Page] = together(partial(user.open, "/") for user in users)
    for page in pages:
        for _ in range(4):
            press(page, "keep")
        assert word(page, "kept") == "kept 4"
    assert len(set().union(*(user.workers for user in users))) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_survives_f5_and_is_the_same_everywhere(
    servers: Callable[[str], Server], kind: str
) -> None:
    user = Anywhere(servers(kind).url)
    page = user.open("/")
    press(page, "keep")
    press(page, "keep")
    assert word(page.reload(), "kept") == "kept 2"
    server = servers(kind)
    server.kill(number(page, "pid"))  # the instance has to be made anew, from the state
    for _ in range(6):
        assert word(user.open("/"), "kept") == "kept 2"
    assert word(Anywhere(server.url).open("/"), "kept") == "kept 0"


@pytest.mark.parametrize("kind", SHARED)
def test_what_a_login_view_writes_is_seen_by_the_app(servers: Callable[[str], Server], kind: str) -> None:
    user = Anywhere(servers(kind).url)
    assert user_of(user.open("/")) == "user -"
    user.get("/login/ann")
    assert user_of(user.open("/")) == "user ann"
    user.get("/logout")
    assert user_of(user.open("/")) == "user -"
    assert Anywhere(servers(kind).url).get("/who").json()["user"] == "-"


@pytest.mark.parametrize("kind", SHARED)
def test_what_the_app_writes_is_seen_by_views(servers: Callable[[str], Server], kind: str) -> None:
    user = Anywhere(servers(kind).url)
    page = user.open("/")
    press(page, "sign")
    assert user.get("/who").json()["user"] == "app"
    press(page, "clear_all")
    assert user.get("/who").json()["user"] == "-"
    press(page, "look")
    assert word(page.reload(), "kept") == "kept 0"


@pytest.mark.parametrize("kind", SHARED)
def test_a_login_before_the_first_page_counts(servers: Callable[[str], Server], kind: str) -> None:
    user = Anywhere(servers(kind).url)
    user.get("/login/bob")
    page = user.open("/")
    assert user_of(page) == "user bob"
    press(page, "keep")
    assert user.get("/who").json()["user"] == "bob"


def test_a_key_is_made_once_for_all_workers(servers: Callable[[str], Server]) -> None:
    server = servers("bare")
    key = server.data_dir / "secret_key"
    before = key.read_text() if key.exists() else None
    together(partial(Anywhere(server.url).open, "/") for _ in range(8))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text()) >= 32
    assert before in (None, key.read_text())
    assert [path.name for path in server.data_dir.glob("secret_key*")] == ["secret_key"]
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700


def test_session_files_are_private(servers: Callable[[str], Server]) -> None:
    server = servers("bare")
    press(Anywhere(server.url).open("/"), "keep")
    found = [path for path in server.data_dir.rglob("*") if path.is_file() and path.parent.name == "sessions"]
    assert found
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


@pytest.mark.parametrize("kind", ["cached", "configured"])
def test_the_sessions_of_the_site_stay_where_they_are(servers: Callable[[str], Server], kind: str) -> None:
    server = servers(kind)
    press(Anywhere(server.url).open("/"), "keep")
    assert not (server.data_dir / "sessions").exists()
    assert not (server.data_dir / "states").exists()
    assert not (server.data_dir / "secret_key").exists()


def test_a_cookie_session_stays_a_cookie_and_the_log_says_so(servers: Callable[[str], Server]) -> None:
    server = servers("cookie")
    user = Anywhere(server.url)
    user.get("/login/ann")
    page = user.open("/")
    press(page, "keep")
    assert user_of(page) == "user -"
    assert user.get("/who").json()["user"] == "ann"
    (cookie,) = [one for one in user.cookies if one.name == "session"]
    assert cookie.value.count(".") >= 2  # signed, and readable
    assert "user" in _contents(cookie.value or "")
    wait_until(lambda: "sessions are in Flask's cookies" in server.log_text())


def _contents(cookie: str) -> str:
    signed = URLSafeTimedSerializer("any")
    payload = cookie.rpartition(".")[0].rpartition(".")[0]
    return str(signed.load_payload(payload.encode()))


@pytest.mark.parametrize("kind", ["bare", "keyed", "cached"])
def test_the_state_survives_a_restart_of_the_server(servers: Callable[[str], Server], kind: str) -> None:
    server = servers(kind)
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "keep")
    user.get("/login/ann")
    server.stop()
    server.start()
    again = user.open("/")
    assert number(again, "pid") != number(page, "pid")
    assert word(again, "kept") == "kept 1"
    assert user_of(again) == "user ann"
    press(again, "keep")
    assert word(again, "kept") == "kept 2"


def test_a_page_is_served_from_an_empty_folder(tmp_path: Path, live: Callable[..., Server]) -> None:
    """Not even the folders of the other tests are set: the key and the sessions are in instance/htagweb."""
    (tmp_path / "wsgi.py").write_text(
        "from flask import Flask\n"
        "from htagweb_flask import htag_blueprint\n"
        "app = Flask(__name__)\n"
        "app.register_blueprint(htag_blueprint('tests.apps.sites:Door'))\n"
    )
    env = {**QUICK, "HTAG_DATA_DIR": "", "PYTHONPATH": str(ROOT)}
    server = live("gunicorn-gevent", "wsgi:app", cwd=tmp_path, workers=2, env=env, options=SOON)
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "keep")
    assert word(user.open("/"), "kept") == "kept 1"
    assert (tmp_path / "instance" / "htagweb" / "secret_key").exists()
    assert list((tmp_path / "instance" / "htagweb" / "sessions").iterdir())
