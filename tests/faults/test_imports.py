"""Modules that do more than to define an app when they are imported: what they have begun harms nobody.

In the table of docs/architecture.md: modules that fork, and that start threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.desk import QUICK, SOON, Anywhere, number, press, word
from tests.servers import Server, alive, serve
from tests.support import ROOT, wait_until

APP = """
import os, sys, threading, time
from htag import Tag

class App(Tag.App):
    def init(self):
        self.hits = 0
        self.shown = Tag.p("hits 0", _class="hits")
        self += [self.shown, Tag.p(f"pid {os.getpid()}", _class="pid"), Tag.button("hit", _onclick=self.hit)]

    def hit(self, ev):
        self.hits += 1
        self.shown.clear(f"hits {self.hits}")

def note(pid):
    with open(os.environ["CHILDREN_FILE"], "a") as file:
        file.write(f"{pid} ")
"""

MODULES = {
    # The child does not know that it is one, and goes on where its parent does.
    "forks": "if os.fork() == 0:\n    note(os.getpid())\n",
    # It is meant to stay, and has all that its parent has open.
    "has_a_helper": "if os.fork() == 0:\n    note(os.getpid())\n    time.sleep(1000)\n    os._exit(0)\n",
    "starts_threads": "for _ in range(3):\n    threading.Thread(target=time.sleep, args=(1000,)).start()\n",
}

#: It fails, and what it has started would keep its process for ever.
FAILS = "threading.Thread(target=time.sleep, args=(1000,)).start()\nnote(os.getpid())\nraise LookupError\n"

SITE = f"""
from flask import Flask
from htagweb_flask import htag_blueprint

app = Flask(__name__)
for name in {[*MODULES, "fails"]!r}:
    app.register_blueprint(htag_blueprint(name, name=name), url_prefix=f"/{{name}}")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site")
    (path / "site_of_modules.py").write_text(SITE)
    for name, source in {**MODULES, "fails": FAILS}.items():
        (path / f"{name}.py").write_text(APP + source)
    return path


@pytest.fixture(scope="module")
def children(folder: Path) -> Path:
    return folder / "children"


@pytest.fixture(scope="module")
def server(folder: Path, children: Path, either: dict[str, str]) -> Iterator[Server]:
    """It sees itself that nothing is left of it at its end."""
    env = {
        **QUICK,
        **either,
        "HTAG_WORKERS": "1",
        "PYTHONPATH": f"{folder}:{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CHILDREN_FILE": str(children),
    }
    with serve("gunicorn-gevent", "site_of_modules:app", workers=2, env=env, options=SOON) as running:
        yield running
    assert not any(map(alive, noted(children)))


def noted(children: Path) -> list[int]:
    return [int(pid) for pid in children.read_text().split()]


@pytest.mark.parametrize("name", MODULES)
def test_the_app_works_as_any(server: Server, name: str) -> None:
    page, other = Anywhere(server.url).open(f"/{name}/"), Anywhere(server.url).open(f"/{name}/")
    with page.stream():
        for hits in (1, 2, 3):
            press(page, "hit")
            assert word(page, "hits") == f"hits {hits}"
    press(other, "hit")
    assert word(other, "hits") == "hits 1"
    assert number(page, "pid") == number(other, "pid")


def test_a_child_that_does_not_know_it_is_one_ends(server: Server, children: Path) -> None:
    children.unlink(missing_ok=True)
    Anywhere(server.url).open("/forks/")
    worker = number(Anywhere(server.url).open("/forks/"), "pid")
    server.kill(worker)
    Anywhere(server.url).open("/forks/")
    (child,) = noted(children)
    wait_until(lambda: not alive(child))


def test_a_process_that_failed_to_import_ends_with_its_threads(server: Server, children: Path) -> None:
    children.unlink(missing_ok=True)
    assert Anywhere(server.url).visit("/fails/").status == 500
    (pid,) = noted(children)
    wait_until(lambda: not alive(pid))


def test_a_helper_of_a_process_that_is_killed_does_not_hold_its_place(server: Server) -> None:
    """It has the listening socket and all connections open, too."""
    page = Anywhere(server.url).open("/has_a_helper/")
    with page.stream():
        server.kill(number(page, "pid"))
        wait_until(lambda: page.gone)
    again = page.user.open("/has_a_helper/")
    assert number(again, "pid") != number(page, "pid")
    press(again, "hit")
    assert word(again, "hits") == "hits 1"
