"""A worker that ends again and again: it is started again after a pause, and nobody else waits for that.

In the table of docs/architecture.md: crashes that repeat themselves, apps that cannot be imported.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_session import Answer
from tests.server.desk import QUICK, SOON, Anywhere, press, word
from tests.servers import Server, serve
from tests.support import ROOT, wait_until

SITE = """
from flask import Flask
from htagweb_flask import htag_blueprint
from tests.apps.faulty import Faulty

app = Flask(__name__)
app.register_blueprint(htag_blueprint(Faulty))
app.register_blueprint(htag_blueprint(Faulty, name="other"), url_prefix="/other")
app.register_blueprint(htag_blueprint("broken", name="broken"), url_prefix="/broken")
"""

BROKEN = """
import os
with open(os.environ["IMPORTS_FILE"], "a") as file:
    file.write("x")
raise LookupError("no drawer")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, either: dict[str, str]) -> Path:
    """One for each way: it has the number of imports."""
    path = tmp_path_factory.mktemp("site")
    (path / "site_of_restarts.py").write_text(SITE)
    (path / "broken.py").write_text(BROKEN)
    return path


@pytest.fixture(scope="module")
def server(folder: Path, either: dict[str, str]) -> Iterator[Server]:
    env = {
        **QUICK,
        **either,
        "HTAG_WORKERS": "1",
        "PYTHONPATH": f"{folder}:{ROOT}",
        "IMPORTS_FILE": str(folder / "imports"),
    }
    with serve("gunicorn-gevent", "site_of_restarts:app", workers=2, env=env, options=SOON) as running:
        yield running


def until_held(server: Server, path: str, status: int) -> Answer:
    """The first answer that says to wait. Until then, and then, each comes soon."""

    def ask() -> Answer | None:
        start = time.monotonic()
        answer = Anywhere(server.url).visit(path)
        assert time.monotonic() - start < 10
        # A sealed page whose process ends while it is made has lost its keys: it agrees on others.
        lost = (answer.status, answer.headers["X-Htag"]) == (410, "gone")
        assert answer.status == status or lost
        return answer if "Retry-After" in answer.headers else None

    return wait_until(ask, 30, "it is held back")


def test_a_process_that_ends_again_and_again_is_started_after_a_pause(server: Server) -> None:
    """By what its init does. A page says so, and comes back by itself; other apps go on as ever."""
    other = Anywhere(server.url).open("/other/")
    press(other, "hit")
    answer = until_held(server, "/?die", 503)
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    if answer.text:  # a sealed page is told when to come again, and no more
        assert f'http-equiv="refresh" content="{answer.headers["Retry-After"]}"' in answer.text
        assert "ends again and again" in answer.text
    assert "Traceback" not in answer.text
    press(other, "hit")
    assert word(other, "hits") == "hits 2"
    assert word(Anywhere(server.url).open("/other/"), "hits") == "hits 0"
    wait_until(lambda: Anywhere(server.url).visit("/").status == 200, 40, "it is started again", every=0.2)
    press(Anywhere(server.url).open("/"), "hit")
    log = server.log_text()
    assert log.count("it is started again after a pause") == 1


def test_an_app_that_cannot_be_imported_tells_why_and_is_not_tried_each_time(
    server: Server, folder: Path
) -> None:
    other = Anywhere(server.url).open("/other/")
    answer = until_held(server, "/broken/", 500)
    assert "reference" in answer.text or answer.headers["X-Htag"] == "app"
    tried = len((folder / "imports").read_text())
    assert tried == 6
    start = time.monotonic()
    for _ in range(20):
        assert Anywhere(server.url).visit("/broken/").status == 500
    spent = time.monotonic() - start
    assert len((folder / "imports").read_text()) - tried <= 1 + spent / 0.5
    wait_until(
        lambda: Anywhere(server.url).visit("/broken/") and len((folder / "imports").read_text()) > tried,
        40,
        "it is tried again",
        every=0.2,
    )
    press(other, "hit")
    assert "LookupError: no drawer" in server.log_text()
