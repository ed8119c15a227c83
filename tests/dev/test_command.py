"""``python -m htagweb_flask``: what it runs, where it serves, what it refuses."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.dev.terminal import Terminal, terminal
from tests.http_client import User
from tests.http_sealed import enter
from tests.support import ROOT, wait_until

APP = """
import os, sys
from htag import Tag
class App(Tag.div):
    def init(self):
        self += "{} here " + os.environ.get("PYTHONSAFEPATH", "unset")
class Other(App):
    pass
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose files have the names of libraries, and a file outside of it."""
    folder = tmp_path_factory.mktemp("outer") / "inner"
    folder.mkdir()
    (folder / "index.py").write_text(APP.format("index"))
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "page.py").write_text(APP.format("page"))
    for name in ("random", "html", "queue", "htag", "my app"):
        (folder / f"{name}.py").write_text(APP.format(name))
    (folder.parent / "secret.py").write_text(APP.format("secret") + "open('imported', 'w')\n")
    (folder / "out.py").symlink_to(folder.parent / "secret.py")
    return folder


@pytest.fixture(scope="module")
def dev(folder: Path) -> Iterator[Terminal]:
    with terminal(".", cwd=folder) as opened:
        opened.url()
        yield opened


def get(url: str, path: str, **headers: str) -> tuple[int, str]:
    """An answer to a path that no client has tidied up."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.py",
        "/%2e%2e/secret.py",
        "/..%2fsecret.py",
        "/package/../../secret.py",
        "//secret.py",
        "/%2fetc/passwd",
        "/out.py",
        "/..%5csecret.py",
        "/index.py%00",
        "/index.py:os.system",
        "/index",
        "/nothing.py",
        "/package/__init__.py",
    ],
)
def test_what_is_not_an_app_of_the_folder_is_not_found(dev: Terminal, folder: Path, path: str) -> None:
    status, text = get(dev.url(), path)
    assert status == 404
    assert "secret here" not in text
    assert not (folder / "imported").exists()


@pytest.mark.parametrize("name", ["random", "html", "queue", "htag", "my%20app"])
def test_a_file_may_have_the_name_of_a_library(dev: Terminal, name: str) -> None:
    status, text = get(dev.url(), f"/{name}.py")
    assert status == 200
    assert f"{name.replace('%20', ' ')} here unset" in text


def test_another_class_of_a_file_has_an_address_of_its_own(dev: Terminal) -> None:
    assert "index here" in get(dev.url(), "/index.py:Other")[1]
    assert get(dev.url(), "/index.py:Nothing")[0] == 500


def test_a_name_that_leads_here_from_elsewhere_is_refused(dev: Terminal) -> None:
    port = urlsplit(dev.url()).port
    assert get(dev.url(), "/", Host=f"localhost:{port}")[0] == 200
    assert get(dev.url(), "/", Host=f"evil.example:{port}")[0] == 400


def test_ctrl_c_leaves_nothing(dev: Terminal) -> None:
    assert dev.ctrl_c() == 0
    assert "Error" not in dev.text, dev.text


def test_the_next_one_clears_away_what_a_killed_one_has_left(folder: Path) -> None:
    with terminal("index.py", cwd=folder) as killed:
        killed.url()
        (left,) = killed.scratch.glob("htagweb-*/dev-*")
        killed.process.kill()
        killed.process.wait()
        with terminal("index.py", cwd=folder, TMPDIR=str(killed.scratch)) as one:
            one.url()
            assert not left.exists()
            (used,) = killed.scratch.glob("htagweb-*/dev-*")
            with terminal("index.py", cwd=folder, TMPDIR=str(killed.scratch)) as another:
                another.url()
                assert used.is_dir(), "that of one which runs is left alone"
                assert another.ctrl_c() == 0
            assert one.ctrl_c() == 0
        assert list(killed.scratch.iterdir()) == []


def test_without_an_argument_it_is_the_app_of_index_and_opens_the_browser(folder: Path) -> None:
    opened = folder.parent / "opened"
    browser = folder.parent / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    with terminal("--open", cwd=folder, BROWSER=str(browser)) as dev:
        url = dev.url()
        assert f"App of index   {url}/" in dev.text
        wait_until(lambda: opened.exists() and opened.read_text() == f"{url}/\n", 30, "the browser")
        assert "index here" in User(url).open("/").text
        assert get(url, "/html.py")[0] == 404
        assert dev.ctrl_c() == 0


def test_flask_htag_run_does_the_same_and_says_what_a_host_means(folder: Path) -> None:
    how = ("--scope", "tab", "--isolation", "session", "--no-reload")
    with terminal("package.page:App", "--host", "0.0.0.0", *how, cwd=folder, flask=True) as dev:
        url = dev.url()
        assert "whoever reaches this machine" in dev.text
        page = User(url).open("/")
        assert "page here" in page.text
        assert get(url, "/", Host="somebody.example")[0] == 200
        assert get(url, "/_htag/code")[0] == 404
        dev.process.terminate()
        wait_until(lambda: dev.processes() == [], 30, "it has ended")


def test_an_app_can_be_tried_sealed(folder: Path) -> None:
    with terminal("index.py", "--parano", cwd=folder) as dev:
        assert "index here" in enter(User(dev.url())).text
        assert dev.ctrl_c() == 0


def test_ctrl_c_waits_for_nobody_and_leaves_nothing_of_who_has_just_come(folder: Path) -> None:
    with terminal("index.py", cwd=folder) as dev:
        page = User(dev.url()).open("/")
        port = urlsplit(dev.url()).port or 0
        with page.stream(), socket.create_connection(("127.0.0.1", port)) as coming:
            coming.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert dev.ctrl_c() == 0
        assert "Traceback" not in dev.text, dev.text


def run(*arguments: str, cwd: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "htagweb_flask", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_port_that_is_taken_is_named_with_a_free_one(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, told = run("--port", str(port), cwd=folder)
    assert status == 1
    assert f"port {port}: Address already in use" in told
    free = int(told.rpartition("--port ")[2])
    assert port < free < port + 100


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("missing.py", "there is no file missing.py"),
        ("no_such_module:App", "there is no module"),
        ("package/__init__.py", "there is no htag app in __init__.py"),
        ("index.py:os.system", "is not the name of a class"),
        ("..:App", "is relative"),
    ],
)
def test_what_cannot_be_run_is_said_without_a_traceback(folder: Path, target: str, told: str) -> None:
    status, text = run(target, cwd=folder)
    assert status == 2
    assert told in text
    assert "Traceback" not in text


def test_the_commands_of_flask_htag_are_here_too(folder: Path) -> None:
    status, text = run("--help", cwd=folder)
    assert status == 0
    assert "doctor" in text
    assert "run " in text
    status, text = run("doctor", "no-address", cwd=folder)
    assert status == 2
    assert "http://" in text
