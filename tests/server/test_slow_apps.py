"""An app that takes its time to be imported or built holds up its own page, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.server.desk import QUICK, SOON, Anywhere, meanwhile, press, together, word
from tests.servers import Server
from tests.support import ROOT, wait_until

#: Waits for a file, where it is told to, and says that it does so.
WAIT = """
import os, time
from pathlib import Path

def wait(where):
    folder = Path(os.environ["SLOW_FOLDER"])
    with open(folder / f"{where}-waits", "a") as file:
        file.write("x")
    deadline = time.monotonic() + 30
    while not (folder / f"{where}-go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
"""

SLOW = """
from htag import Tag
from slow_wait import wait
wait("import")

class App(Tag.App):
    def init(self):
        self.state["times"] = self.state.get("times", 0) + 1
        wait("init")
        self += Tag.p("slow", _class="word")
        self += Tag.p(f"{self.state['times']} times", _class="times")
"""

SITE = """
from flask import Flask
from htagweb_flask import htag_blueprint
from tests.apps.desk import Desk

app = Flask(__name__)
app.register_blueprint(htag_blueprint(Desk))
app.register_blueprint(htag_blueprint("slow_app:App"), url_prefix="/slow")

@app.get("/plain")
def plain():
    return "plain"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "slow_wait.py").write_text(WAIT)
    (tmp_path / "slow_app.py").write_text(SLOW)
    (tmp_path / "slow_site.py").write_text(SITE)
    return tmp_path


def start(live: Callable[..., Server], folder: Path, workers: int = 1, **env: str) -> Server:
    env = {**QUICK, "SLOW_FOLDER": str(folder), "PYTHONPATH": str(ROOT), "HTAG_WORKERS": "1", **env}
    return live("gunicorn-gevent", "slow_site:app", cwd=folder, workers=workers, env=env, options=SOON)


def assert_served(server: Server) -> None:
    """A plain view, a page that is new, its clicks and its pushes: by the one worker that waits."""
    user = Anywhere(server.url)
    assert user.get("/plain").text == "plain"
    page = user.open("/")
    with page.stream():
        press(page, "hit", n=1)
        press(page, "tick", n=3)
        page.wait_for(lambda: word(page, "pushed") == "push 3")


@pytest.mark.parametrize("first", [True, False], ids=["with the pool", "in a pool that runs"])
def test_a_slow_import_holds_up_nothing_else(live: Callable[..., Server], folder: Path, first: bool) -> None:
    server = start(live, folder)
    if not first:
        assert_served(server)
    with meanwhile(partial(Anywhere(server.url).open, "/slow/")) as pages:
        wait_until((folder / "import-waits").exists)
        assert_served(server)
        assert pages == []
        (folder / "init-go").touch()
        (folder / "import-go").touch()
    assert word(pages[0]) == "slow"


def test_a_slow_init_holds_up_nothing_else(live: Callable[..., Server], folder: Path) -> None:
    server = start(live, folder)
    (folder / "import-go").touch()
    with meanwhile(partial(Anywhere(server.url).open, "/slow/")) as pages:
        wait_until((folder / "init-waits").exists)
        assert_served(server)
        assert pages == []
        (folder / "init-go").touch()
    assert word(pages[0]) == "slow"


def test_the_first_page_of_a_session_may_be_slow(live: Callable[..., Server], folder: Path) -> None:
    """The session is stored with the page, and not before: what init puts into it must wait for that."""
    server = start(live, folder)
    (folder / "import-go").touch()
    assert_served(server)
    with meanwhile(partial(Anywhere(server.url).open, "/slow/")) as pages:
        wait_until((folder / "init-waits").exists)
        time.sleep(2.5)  # whoever stores the changes of background tasks has looked at it some times
        (folder / "init-go").touch()
    assert word(pages[0], "times") == "1 times"
    again = pages[0].user.open("/slow/")
    assert word(again, "times") == "1 times"
    assert (folder / "init-waits").read_text() == "x"


def test_many_who_wait_for_one_import_wait_once(live: Callable[..., Server], folder: Path) -> None:
    server = start(live, folder, workers=4)
    (folder / "init-go").touch()

    def open_gate() -> None:
        wait_until((folder / "import-waits").exists)
        (folder / "import-go").touch()

    pages = together([open_gate, *(partial(Anywhere(server.url).open, "/slow/") for _ in range(10))])
    assert [word(page) for page in pages[1:]] == ["slow"] * 10
    assert (folder / "import-waits").read_text() == "x"


@pytest.mark.parametrize("where", ["import", "init"])
def test_what_takes_too_long_is_told_in_time(live: Callable[..., Server], folder: Path, where: str) -> None:
    server = start(live, folder, HTAG_POOL_START="4")
    assert_served(server)
    if where == "init":
        (folder / "import-go").touch()
    begin = time.monotonic()
    answer = Anywhere(server.url).get("/slow/")
    assert time.monotonic() - begin < 15
    assert answer.status == (500 if where == "import" else 503)
    assert_served(server)
    (folder / "import-go").touch()
    (folder / "init-go").touch()
    assert word(Anywhere(server.url).open("/slow/")) == "slow"
