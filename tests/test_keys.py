"""The keys of a site: which are refused, and what is derived from them."""

from __future__ import annotations

import logging
import os
import re
import stat
import threading
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from flask import Flask

from htagweb_flask import htag_blueprint
from htagweb_flask.errors import ConfigError, Refused
from htagweb_flask.web.guard import Ticket, read_ticket, signer_of
from htagweb_flask.web.keys import derived, keys_of, own_key, weakness
from tests.support import ROOT

GOOD = "0123456789abcdef" * 2


def site(key: str | bytes, *fallbacks: str | bytes) -> Flask:
    flask_app = Flask(__name__)
    flask_app.config.update(SECRET_KEY=key, SECRET_KEY_FALLBACKS=list(fallbacks))
    return flask_app


@pytest.mark.parametrize(
    "key", ["dev", b"dev", "secret", "change me", "x" * 15, "Super-Secret-Key!", "you will never guess",
            '_5#y2L"F4Q8z\n\xec]/', b'_5#y2L"F4Q8z\n\xec]/',
            "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"],
)  # fmt: skip
def test_a_key_that_others_may_know_is_refused(key: str | bytes) -> None:
    with pytest.raises(ConfigError, match="token_hex"):
        keys_of(site(key), "unused", lenient=False)
    assert keys_of(site(key), "unused", lenient=True) == [key]


@pytest.mark.parametrize("key", [GOOD, GOOD.encode(), "é" * 8, bytes(range(16))])
def test_another_is_taken(key: str | bytes) -> None:
    assert keys_of(site(key), "unused", lenient=False) == [key]


def test_what_our_own_pages_print_is_refused() -> None:
    texts = [path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))]
    texts += [path.read_text() for path in (ROOT / "examples").rglob("*.py")]
    found = re.findall(r"""(?:SECRET_KEY"?\]?|secret_key)\s*=\s*["']?([\w-]+)""", "\n".join(texts))
    assert "change-me" in found
    assert all(weakness(key) for key in found), found


def test_a_former_key_that_others_may_know_opens_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert keys_of(site(GOOD, "dev", GOOD[::-1]), "unused", lenient=False) == [GOOD[::-1], GOOD]
    assert "SECRET_KEY_FALLBACKS has 3 bytes" in caplog.text
    assert keys_of(site(GOOD, "dev"), "unused", lenient=True) == ["dev", GOOD]


def test_the_page_of_such_a_site_says_where_the_cure_is(caplog: pytest.LogCaptureFixture) -> None:
    flask_app = site("dev")
    flask_app.register_blueprint(htag_blueprint("tests.apps.desk:Desk"))
    answer = flask_app.test_client().get("/")
    assert (answer.status_code, "The log of the server says more" in answer.text) == (500, True)
    assert "SECRET_KEY" not in answer.text
    assert "SECRET_KEY has 3 bytes, it can be guessed. Set it to what this prints: python" in caplog.text


def test_derived_keys_are_those_of_the_standard() -> None:
    """RFC 5869, A.3: without salt and info; ours are the first 32 bytes."""
    wanted = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert derived(b"\x0b" * 22, "").hex() == wanted
    assert len({derived(GOOD, label) for label in ("a", "b", "ab")} | {derived(GOOD + "0", "a")}) == 4


def test_it_signs_where_the_site_has_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(tmp_path / "key")
    with caplog.at_level(logging.INFO):
        token = signer_of(keys_of(Flask(__name__), path, lenient=False)).dumps(list("mclsv"))
    assert caplog.messages == [f"made a signing key in {path}; in production, set SECRET_KEY"]
    assert read_ticket(signer_of(keys_of(Flask(__name__), path, lenient=False)), token) == Ticket(*"mclsv")
    with pytest.raises(Refused):
        read_ticket(signer_of(keys_of(Flask(__name__), str(tmp_path / "other"), lenient=False)), token)


def test_without_a_secret_key_one_is_made_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = own_key(str(path))
    assert len(urlsafe_b64decode(key + "=")) == 32
    assert own_key(str(path)) == key == path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["key"]


def test_processes_that_race_for_it_agree(tmp_path: Path) -> None:
    keys: list[str] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        keys.append(own_key(str(tmp_path / "key")))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert os.listdir(tmp_path) == ["key"]
