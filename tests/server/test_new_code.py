"""The file of an app is saved: who loads a page has the new code, who has a page open keeps the old one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http_client import Page
from tests.server.desk import QUICK, SOON, Anywhere, press
from tests.servers import Server, serve
from tests.support import wait_until

APP = """
from htag import Tag
import helper

class App(Tag.App):
    def init(self):
        self.said = Tag.p(self.says(), _class="said")
        self += self.said
        self += Tag.button("more", _onclick=self.more)

    def says(self):
        return f"FIRST {helper.WORD} {self.state.get('count', 0)}"

    def more(self, ev):
        self.state["count"] = self.state.get("count", 0) + 1
        self.said.clear(self.says())
"""

SITE = """
from flask import Flask
from htagweb_flask import htag_blueprint
from notes import App

app = Flask(__name__)
app.debug = {debug}
app.register_blueprint(htag_blueprint(App))
"""


@pytest.fixture(params=[False, True], ids=["production", "debug"])
def debug(request: pytest.FixtureRequest) -> bool:
    on: bool = request.param
    return on


@pytest.fixture
def server(tmp_path: Path, debug: bool) -> Iterator[Server]:
    (tmp_path / "notes.py").write_text(APP)
    (tmp_path / "helper.py").write_text("WORD = 'one'\n")
    (tmp_path / "wsgi.py").write_text(SITE.format(debug=debug))
    env = {**QUICK, "HTAG_WORKERS": "1"}
    with serve("gunicorn-gevent", "wsgi:app", cwd=tmp_path, workers=2, env=env, options=SOON) as running:
        yield running


def said(page: Page) -> str:
    text: str = page.find(tag="p", class_="said").text
    return text


def reloads_to(page: Page, text: str) -> Callable[[], Page | None]:
    """Each web process looks every half a second."""

    def load() -> Page | None:
        again = page.user.open("/")
        if said(again) == text:
            return again
        again.leave()
        return None

    return load


def workers(server: Server) -> int:
    return sum(command.endswith(" worker") for command in server.pool_processes().values())


def test_f5_runs_the_new_code_with_the_state_and_an_open_page_the_old_one(
    server: Server, tmp_path: Path, debug: bool
) -> None:
    user = Anywhere(server.url)
    page = user.open("/")
    press(page, "more")
    assert said(page) == "FIRST one 1"
    (tmp_path / "notes.py").write_text(APP.replace("FIRST", "SECOND"))
    again = wait_until(reloads_to(page, "SECOND one 1"), 10, "the new code runs")
    refresh = {"refresh": True}
    if debug:  # what its client does then, tests/dev shows
        with page.polling():
            page.wait_for(lambda: refresh in [payload for _, payload in page.applied])
    press(page, "more")
    assert said(page) == "FIRST one 2"
    assert debug or refresh not in [payload for _, payload in page.applied]
    press(again, "more")
    assert said(again) == "SECOND one 3", "the state is one"
    assert workers(server) == 2
    page.leave()
    wait_until(lambda: workers(server) == 1, 30, "the old code has gone")
    press(again, "more")
    assert said(again) == "SECOND one 4"


def test_in_debug_a_module_that_the_app_imports_counts_too(
    server: Server, tmp_path: Path, debug: bool
) -> None:
    page = Anywhere(server.url).open("/")
    (tmp_path / "helper.py").write_text("WORD = 'two and more'\n")
    if debug:
        wait_until(reloads_to(page, "FIRST two and more 0"), 10, "the new module is used")
    else:
        (tmp_path / "notes.py").write_text(APP)  # as after a deploy
        wait_until(reloads_to(page, "FIRST two and more 0"), 10, "the new module is used")


def test_a_mistake_in_the_new_code_is_told_and_hurts_no_open_page(server: Server, tmp_path: Path) -> None:
    user = Anywhere(server.url)
    page = user.open("/")
    (tmp_path / "notes.py").write_text("class App(:\n")
    wait_until(lambda: user.get("/").status == 500, 10, "the mistake is found")
    press(page, "more")
    assert said(page) == "FIRST one 1"
    (tmp_path / "notes.py").write_text(APP.replace("FIRST", "MENDED"))
    wait_until(lambda: user.get("/").status == 200 and said(user.open("/")) == "MENDED one 1", 10)
