"""What the pool writes: a line for each start, end and error, with app, session and process; else nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from itsdangerous import URLSafeSerializer

from htagweb_flask.placement import session_name
from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, done, number, press
from tests.servers import Server
from tests.support import ROOT, wait_until

Live = Callable[..., Server]

SITE = """
import logging
from tests.apps.faulty import app
logging.getLogger("htagweb_flask").setLevel(logging.INFO)
"""

LINE = re.compile(r"[-0-9]{10} [:,0-9]{12} (\w+) [.\w]* \[(\d+)\] (.*)")


def said(server: Server) -> list[tuple[str, ...]]:
    """Level, process and text of each line that the pool has written."""
    return [found.groups() for found in LINE.finditer(server.log_text())]


def use(server: Server) -> Page:
    """What users do: clicks, pushes, F5, another tab, and they leave."""
    page = Anywhere(server.url).open("/")
    with page.stream():
        press(page, "hit")
        press(page, "tick", n=3)
        page.wait_for(lambda: done(page, "pushed") == [1, 2, 3])
    other, again = page.user.open("/"), page.reload()
    press(again, "hit")
    other.leave()
    again.leave()
    return again


def test_nothing_is_written_where_nothing_is_wrong(live: Live, either: dict[str, str]) -> None:
    env = {**QUICK, **either}
    server = live("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=SOON)
    before = server.log_text()
    use(server)
    assert server.log_text() == before
    server.stop()
    assert "htagweb" not in server.log_text()


def test_who_wants_to_know_sees_each_start_and_end(
    live: Live, either: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "loud.py").write_text(SITE)
    env = {**QUICK, **either, "HTAG_WORKERS": "1", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    server = live("gunicorn-gevent", "loud:app", workers=2, env=env, options=SOON)
    page = use(server)
    (pool,), worker = server.pool_pids(), number(page, "pid")
    link = URLSafeSerializer("").loads_unsafe(page.token)[1][2]
    name = next(text for _, _, text in said(server) if text.startswith("start of")).removeprefix("start of ")
    assert re.fullmatch(rf"Faulty-\w{{8}} of session {session_name(link)}", name)
    server.stop()
    lines = said(server)
    slot = next(text.split()[1] for _, _, text in lines if text.startswith("worker"))
    assert lines == [
        ("INFO", str(pool), f"the pool runs as {pool} in {server.run_dir}"),
        ("INFO", str(pool), f"worker {slot} runs as {worker}"),
        ("INFO", str(worker), f"start of {name}"),
        ("INFO", str(worker), f"end of {name}"),
        ("INFO", str(pool), f"worker {slot} has left"),
        ("INFO", str(pool), "the pool has left"),
    ]
    assert slot.startswith("faulty-")
    secrets = [link, page.token, *(cookie.value for cookie in page.user.cookies)]
    assert [secret for secret in secrets if secret in server.log_text()] == []


def test_what_goes_wrong_is_told_once_and_by_whom(live: Live, either: dict[str, str]) -> None:
    env = {**QUICK, **either, "HTAG_WORKERS": "1"}
    server = live("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=SOON)
    page = Anywhere(server.url).open("/")
    press(page, "fail")
    link = URLSafeSerializer("").loads_unsafe(page.token)[1][2]
    (pool,), worker = server.pool_pids(), number(page, "pid")
    server.kill(worker)
    wait_until(lambda: len(said(server)) == 2)
    failed, ended = said(server)
    assert failed[:2] == ("ERROR", str(worker))
    whom = rf"Faulty-\w{{8}} of session {session_name(link)}"
    assert re.fullmatch(rf"\[\w+\] {whom} failed in a callback", failed[2])
    assert ended[:2] == ("ERROR", str(pool))
    assert re.fullmatch(r"worker faulty-\S+ of tests.apps.faulty:Faulty ended with status -9", ended[2])
    assert server.log_text().count("LookupError: the drawer is empty") == 1
