"""Modules that cannot be imported: one error page, soon; the other apps of the site do not notice.

They are written into a folder of their own, as no tool that reads this project could read them.
"""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_client import User
from tests.server.desk import QUICK, SOON, Anywhere, number, press, word
from tests.servers import Server, serve
from tests.support import wait_until

GOOD = """
from htag import Tag

class App(Tag.App):
    def init(self):
        self += Tag.p("mended", _class="word")
"""

#: Source of each module, and what is said about it where that may be said.
BAD = {
    "syntax": ("class App(:\n", "SyntaxError"),
    "missing": (f"import not_installed_here\n{GOOD}", "No module named 'not_installed_here'"),
    "leaves": (f"import sys\nsys.exit('<b>no</b>')\n{GOOD}", "SystemExit: <b>no</b>"),
    "dies": (f"import os\nos._exit(7)\n{GOOD}", "ended with status 7"),
    "interrupted": (f"raise KeyboardInterrupt\n{GOOD}", "KeyboardInterrupt"),
    "killed": (f"import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n{GOOD}", "ended with status -9"),
    "empty": ("", "there is no class 'App'"),
    "no_app": ("class App:\n    pass\n", "is not an htag Tag class"),
    "patched": (f"from gevent import monkey\nmonkey.patch_all()\n{GOOD}", "patch_all(), which breaks"),
}

SITE = f"""
from flask import Flask
from htagweb_flask import htag_blueprint
from tests.apps.desk import Desk

app = Flask(__name__)
app.register_blueprint(htag_blueprint(Desk))
for name in {list(BAD)!r}:
    app.register_blueprint(htag_blueprint(name, name=name), url_prefix=f"/{{name}}")
    debug = htag_blueprint(name, name=f"{{name}}_debug", debug=True)
    app.register_blueprint(debug, url_prefix=f"/debug/{{name}}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("modules")
    (path / "site_of_bad.py").write_text(SITE)
    for name, (source, _) in BAD.items():
        (path / f"{name}.py").write_text(source)
    return path


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    env = {**QUICK, "HTAG_WORKERS": "1", "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    with serve("gunicorn-gevent", "site_of_bad:app", workers=2, env=env, options=SOON) as running:
        yield running


def refused(user: User, path: str) -> str:
    start = time.monotonic()
    answer = user.get(path)
    assert time.monotonic() - start < 5
    assert answer.status == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    return answer.text


@pytest.mark.parametrize("name", BAD)
def test_there_is_one_error_page_and_no_harm(server: Server, name: str) -> None:
    good = Anywhere(server.url).open("/")
    shown = refused(Anywhere(server.url), f"/{name}")
    assert "Traceback" not in shown
    assert BAD[name][1] not in html.unescape(shown)
    assert "reference" in shown
    press(good, "hit", n=1)
    assert word(good, "numbers") == "1"
    assert Anywhere(server.url).open("/").title == "Desk"


@pytest.mark.parametrize("name", BAD)
def test_in_debug_the_page_says_what_is_wrong(server: Server, name: str) -> None:
    shown = refused(Anywhere(server.url), f"/debug/{name}/")
    assert BAD[name][1] in html.unescape(shown)
    assert "<b>no</b>" not in shown


def test_the_log_says_what_is_wrong(server: Server) -> None:
    for name in ("missing", "syntax"):
        refused(Anywhere(server.url), f"/{name}/")
    log = server.log_text()
    assert "ModuleNotFoundError: No module named 'not_installed_here'" in log
    assert "SyntaxError" in log


def test_failed_imports_leave_no_process(server: Server) -> None:
    for name in BAD:
        refused(Anywhere(server.url), f"/debug/{name}/")
    good = number(Anywhere(server.url).open("/"), "pid")
    wait_until(lambda: set(server.pool_processes()) == {good, *server.pool_pids()})


def test_a_mended_module_is_imported_at_the_next_get(server: Server, folder: Path) -> None:
    name, user = "syntax", Anywhere(server.url)
    refused(user, f"/{name}/")
    (folder / f"{name}.py").write_text(GOOD)
    try:
        assert word(user.open(f"/{name}/")) == "mended"
    finally:
        (folder / f"{name}.py").write_text(BAD[name][0])
