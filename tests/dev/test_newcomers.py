"""What a newcomer reads is true: the first screen of the README, and the way from htagweb."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from htagweb_flask.config import KEYS
from htagweb_flask.dev.command import htag_cli, run
from tests.dev.terminal import terminal
from tests.http_client import User
from tests.servers import Server, serve
from tests.support import ROOT

MOVING = (ROOT / "docs" / "from-htagweb.md").read_text()


def test_the_first_screen_of_the_readme_does_what_it_says() -> None:
    readme = (ROOT / "README.md").read_text()
    first = (ROOT / "examples" / "first.py").read_text()
    assert f"```python\n{first}```" in readme
    shown = re.search(r"```\npython -m htagweb_flask (\S+) --open\n```\n\n!\[.+\]\((.+)\)", readme)
    assert shown
    command, picture = shown.groups()
    assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
    assert readme.index(picture) < 2200, "it is on the first screen"
    with terminal(command, cwd=ROOT / "examples") as dev:
        page = User(dev.url()).open("/")
        page.click("one more")
        page.wait_for(lambda: page.find(tag="p").text == "1")
        assert User(dev.url()).open("/").find(tag="p").text == "0"
        page.leave()
        assert dev.ctrl_c() == 0


@pytest.fixture(scope="module")
def moved() -> Iterator[Server]:
    options = ("--graceful-timeout", "1")
    with serve("gunicorn-gevent", "moved:app", cwd=ROOT / "examples", workers=2, options=options) as server:
        yield server


def test_a_server_that_has_moved_keeps_its_routes_and_sessions(moved: Server) -> None:
    user = User(moved.url)
    page = user.open("/")
    assert page.has("You are nobody")
    page.click(r"\+1")
    page.wait_for(lambda: page.find(tag="output").text == "1")
    assert user.get("/admin").status == 403
    assert user.get("/login/ann").status == 302
    assert user.get("/whoami").json() == {"user": "ann", "address": "127.0.0.1"}
    admin = user.open("/admin?page=two")
    assert admin.has("page two")
    assert admin.boot["transport"] == "none"
    again = user.open("/?again")
    assert again.has("You are ann")
    assert again.find(tag="output").text == "1", "the state is one"
    for each in (page, admin, again):
        each.leave()


def test_the_options_that_the_page_about_moving_names_exist() -> None:
    keys = {key.name for key in KEYS}
    rows = [row.split(" | ") for row in MOVING.splitlines() if row.startswith("| ")]
    ours = [row[1] for row in rows if len(row) == 2]
    assert len(ours) > 15
    text = " ".join(ours)
    assert set(re.findall(r"\b([a-z_]+)=", text)) <= keys | {"methods"}
    assert set(re.findall(r"HTAG_(\w+)", text)) <= {name.upper() for name in keys}
    assert set(re.findall(r"--(\w+)", text)) <= {option.name for option in run.params} | {"open"}
    assert set(re.findall(r"flask htag (\w+)", text)) <= set(htag_cli.commands)
    for path in re.findall(r"\]\(([\w./-]+)\)", MOVING):
        assert (ROOT / "docs" / path).exists(), path
