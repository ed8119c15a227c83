"""flask htag doctor: what it finds in the configuration of a site."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cachelib import FileSystemCache, SimpleCache
from flask import Flask

from htagweb_flask import Htag, htag_blueprint
from htagweb_flask.keyfile import make_key
from htagweb_flask.web.doctor import FAIL, OK, WARN, Finding
from htagweb_flask.web.doctor.inside import inspect
from tests.servers import redis_server
from tests.support import ROOT

GOOD = {"SECRET_KEY": "k" * 40}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes sites: site(SECRET_KEY="x")."""
    monkeypatch.syspath_prepend(str(ROOT))

    def make(target: Any = "tests.apps.desk:Desk", **config: Any) -> Flask:
        flask_app = Flask(__name__)
        kept = {"SESSION_TYPE": "cachelib", "SESSION_CACHELIB": FileSystemCache(str(tmp_path / "sessions"))}
        flask_app.config.update({**GOOD, **kept, "HTAG_DATA_DIR": str(tmp_path / "data"), **config})
        flask_app.register_blueprint(htag_blueprint(target, name="app"))
        return flask_app

    return make


def bad(flask_app: Flask) -> dict[str, Finding]:
    return {finding.name: finding for finding in inspect(flask_app) if finding.level != OK}


def test_a_good_site(site: Any) -> None:
    findings = list(inspect(site()))
    assert bad(site()) == {}
    assert [finding.name for finding in findings] == ["key", "sessions", "data", "sockets", "server", "pool"]
    assert "tests.apps.desk:Desk" in findings[-1].text


def test_the_key_for_parano(site: Any, tmp_path: Path) -> None:
    path = tmp_path / "data" / "parano.key"
    path.parent.mkdir()
    make_key(str(path), bytes(32))
    assert bad(site()) == {}
    assert any(finding.text.endswith("parano.key") for finding in inspect(site()))
    path.chmod(0o644)
    assert "chmod 600" in bad(site())["parano"].text
    if os.getuid() == 0:
        path.chmod(0o600)
        os.chown(path, 12345, -1)
        assert bad(site())["parano"].cure == "flask htag parano-key, as the user of the server"


CASES = [
    ({"SECRET_KEY": None}, "key", WARN, "set SECRET_KEY"),
    ({"SECRET_KEY": "short"}, "key", FAIL, "token_hex"),
    ({"SECRET_KEY": "short", "HTAG_DEBUG": True}, "key", WARN, "token_hex"),
    ({"SESSION_TYPE": None}, "sessions", WARN, "SESSION_TYPE"),
    ({"SESSION_CACHELIB": SimpleCache()}, "sessions", FAIL, "HTAG_SESSIONS"),
    ({"SESSION_COOKIE_SAMESITE": "None"}, "sessions", WARN, "Lax"),
    ({"HTAG_DATA_DIR": "/dev/null/data"}, "data", WARN, "HTAG_DATA_DIR"),
    ({"HTAG_RUN_DIR": "/dev/null/run"}, "folders", FAIL, ""),
    ({"HTAG_PYTHON": "/no/such/python"}, "pool", FAIL, ""),
    ({"HTAG_PYTHON": "/bin/false"}, "pool", FAIL, "HTAG_PYTHON"),
]


@pytest.mark.parametrize(("config", "name", "level", "cure"), CASES)
def test_a_mistake_is_found(site: Any, config: dict[str, Any], name: str, level: str, cure: str) -> None:
    found = bad(site(**config))
    assert set(found) == {name}
    assert found[name].level == level
    assert cure in found[name].cure


@pytest.mark.parametrize("config", [{"HTAG_SESSIONS": "memory"}, {"HTAG_BROKER": "tcp"}])
def test_what_is_right(site: Any, config: dict[str, Any]) -> None:
    assert bad(site(**config)) == {}


def test_a_long_path_of_sockets(site: Any, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 90)
    found = bad(site(HTAG_RUN_DIR=str(folder)))
    assert found["sockets"].level == FAIL
    assert bad(site(HTAG_RUN_DIR=str(folder), HTAG_BROKER="tcp")) == {}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import nowhere_at_all", "No module named 'nowhere_at_all'"),
        ("from gevent import monkey; monkey.patch_all()", "move the app's class"),
        ("", "there is no class"),
    ],
)
def test_an_app_that_the_pool_cannot_import(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, told: str
) -> None:
    name = f"faulty{abs(hash(source))}"
    define = "" if not source else "class App: pass"
    (tmp_path / f"{name}.py").write_text(f"{source}\n{define}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = bad(site(f"{name}:App"))
    assert found["pool"].level == FAIL
    assert told in found["pool"].text


def test_a_site_without_an_app() -> None:
    (found,) = inspect(Flask(__name__))
    assert found.level == FAIL
    assert "htag_blueprint" in found.cure
    flask_app = Flask(__name__)
    Htag(flask_app)
    assert "htag" in flask_app.cli.commands


# ---- Redis


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    with redis_server() as url:
        yield url


def test_redis(site: Any, redis: str) -> None:
    from redis import Redis

    client = Redis.from_url(redis)
    flask_app = site(SESSION_TYPE="redis", SESSION_REDIS=client)
    assert [finding.level for finding in inspect(flask_app) if finding.name == "redis"] == [OK]
    client.config_set("maxmemory", "64mb")
    client.config_set("maxmemory-policy", "allkeys-lru")
    found = bad(flask_app)
    assert set(found) == {"redis"}
    assert found["redis"].level == WARN
    assert "noeviction" in found["redis"].cure
    text = Redis.from_url(redis, decode_responses=True)
    assert bad(site(SESSION_TYPE="redis", SESSION_REDIS=text))["redis"].level == FAIL


def test_redis_that_is_not_there(site: Any) -> None:
    from redis import Redis

    client = Redis.from_url("unix:///no/such/socket")
    found = bad(site(SESSION_TYPE="redis", SESSION_REDIS=client))
    assert found["redis"].level == FAIL
    assert "does Redis run" in found["redis"].cure


def test_the_command_is_there_for_the_site() -> None:
    code = (
        "from flask import Flask; from htagweb_flask import htag_blueprint; app = Flask('x');"
        "app.register_blueprint(htag_blueprint('tests.apps.desk:Desk'));"
        "print(*app.cli.commands)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["htag"]
