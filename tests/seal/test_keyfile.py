"""The server's key: its file, the texts that users are given, and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from htagweb_flask.errors import ConfigError, PoolError
from htagweb_flask.keyfile import bytes_of, make_key, new_secret, pin_of, read_key, stretched
from htagweb_flask.noise import new_key, public_key
from tests.support import ROOT

SITE = "tests.apps.managed:app"


def test_a_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "parano.key")
    assert read_key(path) is None
    made = make_key(path, new_key(), stretched("ABCD"))
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert read_key(path) == made
    assert made.public == public_key(made.private)
    assert make_key(path, made.private) == read_key(path) == made._replace(secret=None)
    assert os.listdir(tmp_path) == ["parano.key"]  # no draft is left


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "parano.key")
    make_key(path, new_key())
    os.chmod(path, 0o640)
    with pytest.raises(PoolError, match="chmod 600"):
        read_key(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "something else\n",
        "htagweb_flask parano 1\n",
        "htagweb_flask parano 1\nkey ABC\n",
        "htagweb_flask parano 1\nkey\n",
        "htagweb_flask parano 1\nsecret " + "A" * 52,
        "htagweb_flask parano 1\nkey " + "A" * 52 + "\nsecret B\n",
        "htagweb_flask parano 2\nkey " + "A" * 52 + "\n",
    ],
)
def test_a_file_that_is_no_key_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "parano.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(PoolError, match="no key file"):
        read_key(str(path))


def test_what_is_no_text_or_no_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "parano.key"
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    for each in (path, tmp_path):
        with pytest.raises(PoolError, match=str(each)):
            read_key(str(each))


def test_a_pin_can_be_typed_in_any_way() -> None:
    public = public_key(new_key())
    pin = pin_of(public)
    assert len(pin) == 52
    spaced = " ".join(pin[at : at + 4] for at in range(0, 52, 4))
    for typed in (pin, pin.lower(), spaced, spaced.replace(" ", "-"), f"  {pin}\n"):
        assert bytes_of(typed) == public


@pytest.mark.parametrize("typed", ["", "ABC", "A" * 51, "A" * 53, "A" * 51 + "B", "1" * 52, "é" * 52])
def test_what_is_no_pin_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match="52 letters"):
        bytes_of(typed)


def test_a_secret_is_made_of_chance_and_takes_some_time_to_try() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(secret.replace("-", "")) * 5 == 80 for secret in secrets)  # bits
    secret = secrets.pop()
    assert stretched(secret) == stretched(secret.lower().replace("-", " "))
    assert stretched(secret) != stretched(secrets.pop())
    # Frozen: users keep their secrets.
    assert stretched("ABCD-EFGH-IJKL-MNOP").hex() == EXPECTED


EXPECTED = "52dd435ceead59336ae1968ebad2f441f69614388e61fad3f9b45192b087de10"


def shown(*arguments: str, data: Path, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", SITE, "htag", "parano-key", *arguments],
        cwd=ROOT,
        env={**os.environ, "HTAG_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def test_the_command_makes_a_key_once_and_shows_its_pin(tmp_path: Path) -> None:
    said = shown(data=tmp_path)
    pin = said.partition("\n")[0]
    key = read_key(str(tmp_path / "parano.key"))
    assert key
    assert bytes_of(pin) == key.public
    assert pin_of(key.private) not in said
    assert json.loads(shown("--json", data=tmp_path)) == {
        "pin": pin,
        "file": str(tmp_path / "parano.key"),
        "secret": None,
        "asks_secret": False,
    }


def test_the_command_makes_and_drops_a_secret_and_the_key_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "parano.key")
    first = json.loads(shown("--secret", "--json", data=tmp_path))
    key = read_key(path)
    assert key
    assert key.secret == stretched(first["secret"])
    again = json.loads(shown("--json", data=tmp_path))
    assert again == {**first, "secret": None}
    assert not json.loads(shown("--no-secret", "--json", data=tmp_path))["asks_secret"]
    assert read_key(path) == key._replace(secret=None)


def test_the_command_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "parano.key").write_text("mine")
    (tmp_path / "parano.key").chmod(0o600)
    assert "no key file" in shown(data=tmp_path, status=1)
    assert (tmp_path / "parano.key").read_text() == "mine"
