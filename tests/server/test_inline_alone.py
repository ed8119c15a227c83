"""HTAG_BROKER="inline" where it cannot work, as there are several web processes: the page says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from htagweb_flask.config import settings_from
from htagweb_flask.errors import ConfigError, PoolError
from htagweb_flask.pool.config import PoolConfig
from htagweb_flask.pool.inline import InlinePool
from htagweb_flask.protocol import EnsureWorker
from htagweb_flask.web.alone import claim
from htagweb_flask.web.launch import pool_config
from tests.server.desk import DESK, QUICK, SOON, Anywhere, press, word
from tests.servers import Server
from tests.support import ROOT

INLINE = {**QUICK, "HTAG_BROKER": "inline"}


def test_a_server_with_several_processes_is_refused(live: Callable[..., Server]) -> None:
    server = live("gunicorn-gthread", DESK, workers=4, env=INLINE, options=SOON)
    for _ in range(8):
        answer = Anywhere(server.url).get("/")
        assert answer.status == 503
        assert "HTAG_BROKER=&#x27;inline&#x27;" in answer.text
        assert "gunicorn -w 1" in answer.text
        assert "Traceback" not in answer.text
    assert "this server has several web processes. HTAG_BROKER='inline' keeps" in server.log_text()
    assert Anywhere(server.url).get("/nowhere").status == 404  # the site itself works
    assert server.pool_processes() == {}


def test_a_second_process_of_the_site_is_refused_until_the_first_has_gone(
    live: Callable[..., Server],
) -> None:
    first = live("waitress", DESK, env=INLINE)
    env = {**INLINE, "HTAG_DATA_DIR": str(first.data_dir)}
    second = live("werkzeug", DESK, env=env)
    user = Anywhere(first.url)
    press(user.open("/"), "keep")
    answer = Anywhere(second.url).get("/")
    assert answer.status == 503
    assert f"another process ({first.pid}) serves this site already" in answer.text
    first.kill()
    first.stop()
    page = Anywhere(second.url)
    page.cookies = user.cookies
    assert word(page.open("/"), "kept") == "kept 1"


def test_two_sites_of_one_folder_do_not_refuse_each_other(live: Callable[..., Server]) -> None:
    first = live("waitress", DESK, env=INLINE)
    env = {**INLINE, "HTAG_DATA_DIR": str(first.data_dir)}
    other = live("waitress", "tests.apps.sites:cookie()", env=env)
    assert Anywhere(first.url).get("/").status == 200
    assert Anywhere(other.url).get("/").status == 200


def test_an_app_that_wants_a_process_for_each_session_is_refused() -> None:
    pool = InlinePool(PoolConfig(**pool_config(settings_from({}, False), "", "inline")))
    with pytest.raises(ConfigError, match="leave one of them out"):
        pool.ensure(EnsureWorker("desk-0", DESK, {"isolation": "session"}))
    closed = threading.Event()
    pool.close(1, lambda _: closed.set())
    assert closed.wait(10)


def other_process(path: Path) -> subprocess.Popen[bytes]:
    """One that has the claim, until its input ends."""
    code = (
        "import sys; from htagweb_flask.web.alone import claim\n"
        f"claim({{}}, {str(path)!r}); print('has it', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"has it\n"
    return process


def test_a_process_that_ends_in_time_makes_place(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = other_process(path)
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    claim({}, str(path))
    claim({}, str(path))  # it is ours
    assert process.wait(10) == 0
    process.stdout.close()
    assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize(
    "environ", [{"wsgi.multiprocess": True}, {"wsgi.multiprocess": True, "wsgi.run_once": True}]
)
def test_what_the_server_says_is_believed(tmp_path: Path, environ: dict[str, object]) -> None:
    with pytest.raises(PoolError, match="gunicorn -w 1"):
        claim(environ, str(tmp_path / "lock"))


@pytest.mark.parametrize(
    "environ", [{"SERVER_SOFTWARE": "Apache/2.4 Phusion_Passenger/6.0"}, {"mod_wsgi.version": (5, 0)}]
)
def test_servers_that_always_say_so_are_not(tmp_path: Path, environ: dict[str, object]) -> None:
    claim({**environ, "wsgi.multiprocess": True}, str(tmp_path / "lock"))
