"""Settings and options: defaults, checks, and where each may be written."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest

from htagweb_flask.config import KEYS, Options, Settings, options_from, settings_from
from htagweb_flask.errors import ConfigError
from tests.support import ROOT

#: A value that each key accepts, and one that it does not; what takes any text has none.
SAMPLES: dict[str, tuple[Any, Any]] = {
    "scope": ("tab", "page"),
    "isolation": ("session", "user"),
    "instances": (100, 0),
    "session_instances": (1, 0),
    "preload": ("app", "all"),
    "processes": (3, 0),
    "transport": ("longpoll", "websocket"),
    "debug": (True, "perhaps"),
    "reload": (False, "perhaps"),
    "csp": ("strict; img-src https://a.test", "strictly"),
    "workers": (2, 0),
    "idle_timeout": (60, "soon"),
    "max_rate": (50, 0.5),
    "max_queue": (8, 0),
    "interaction_timeout": (5, 0.5),
    "worker_memory": (2**30, -1),
    "max_body": (2048, 12),
    "sessions": ("memory", "cookie"),
    "broker": ("tcp", "carrier pigeon"),
    "run_dir": ("/run/x", None),
    "data_dir": ("/var/x", None),
    "python": ("/usr/bin/python3", None),
    "pool_grace": (0.5, 0),
    "pool_start": (5, 0.1),
    "fast": (False, "perhaps"),
    "origins": (("https://a.test",), None),
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.delenv(f"HTAG_{key.name.upper()}", raising=False)


def value_of(settings: Settings, name: str) -> Any:
    return getattr(settings.options if hasattr(settings.options, name) else settings, name)


def test_every_key_has_a_meaning_and_a_default_that_it_accepts() -> None:
    for key in KEYS:
        assert key.meaning
        if key.default is not None:
            assert key.read(key.default) == key.default, key.name


def test_the_table_and_the_objects_have_the_same_names() -> None:
    options = {field.name for field in dataclasses.fields(Options)}
    settings = {field.name for field in dataclasses.fields(Settings)} - {"options"}
    assert {key.name for key in KEYS if key.per_app} == options
    assert {key.name for key in KEYS if not key.per_app} == settings


def test_without_any_setting_it_works() -> None:
    settings = settings_from({"SECRET_KEY": "x", "HTAGX": 1}, debug=False)
    assert settings.options.scope == "session"
    assert settings.options.transport == "auto"
    assert 1 <= settings.options.workers <= 4


@pytest.mark.parametrize("debug", [False, True])
def test_debug_is_that_of_the_flask_app_unless_it_is_set(debug: bool) -> None:
    assert settings_from({}, debug=debug).options.debug is debug
    assert settings_from({"HTAG_DEBUG": not debug}, debug=debug).options.debug is not debug


@pytest.mark.parametrize("name", [key.name for key in KEYS if key.name in SAMPLES])
def test_each_setting_can_be_written_in_the_configuration(name: str) -> None:
    good, bad = SAMPLES[name]
    assert value_of(settings_from({f"HTAG_{name.upper()}": good}, False), name) == good
    if bad is not None:
        with pytest.raises(ConfigError, match=f"^HTAG_{name.upper()}: ") as refused:
            settings_from({f"HTAG_{name.upper()}": bad}, False)
        (key,) = (key for key in KEYS if key.name == name)
        assert key.meaning in str(refused.value)


@pytest.mark.parametrize("name", [key.name for key in KEYS if key.per_app and key.name in SAMPLES])
def test_each_option_can_be_given_to_one_app(name: str) -> None:
    good, bad = SAMPLES[name]
    assert options_from({name: good}) == {name: good}
    with pytest.raises(ConfigError, match=f"^{name}: "):
        options_from({name: bad})


@pytest.mark.parametrize("name", ["broker", "run_dir", "colour", "HTAG_SCOPE", "Scope", ""])
def test_an_unknown_option_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match="scope, transport"):
        options_from({name: "x"})


@pytest.mark.parametrize("name", ["HTAG_COLOUR", "HTAG_SCOPES", "HTAG_"])
def test_an_unknown_setting_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown setting {name}: .*HTAG_SCOPE"):
        settings_from({name: "x"}, False)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("debug", "yes", True),
        ("debug", "0", False),
        ("debug", "", False),
        ("debug", " On ", True),
        ("workers", "3", 3),
        ("idle_timeout", "1.5", 1.5),
        ("scope", "tab", "tab"),
        ("origins", "https://a.test/, https://b.test,", ("https://a.test", "https://b.test")),
        ("origins", "", ()),
    ],
)
def test_a_setting_can_be_text_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any
) -> None:
    monkeypatch.setenv(f"HTAG_{name.upper()}", text)
    assert value_of(settings_from({}, False), name) == value


def test_the_configuration_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTAG_SCOPE", "tab")
    assert settings_from({"HTAG_SCOPE": "session"}, False).options.scope == "session"


def test_other_variables_of_the_environment_are_nobody_s_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTAG_RELOADER", "1")
    settings_from({}, False)


def test_origins_may_be_any_collection() -> None:
    wanted = ("https://a.test", "https://b.test:8443")
    for value in (list(wanted), wanted, dict.fromkeys(wanted), "https://a.test,https://b.test:8443/"):
        assert settings_from({"HTAG_ORIGINS": value}, False).origins == wanted


def test_what_was_read_cannot_be_changed() -> None:
    settings = settings_from({}, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.options.scope = "tab"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.broker = "tcp"  # type: ignore[misc]


@pytest.mark.parametrize("value", [float("nan"), "nan", "1 s", [], -1])
@pytest.mark.parametrize("name", ["idle_timeout", "pool_grace"])
def test_a_number_of_seconds_is_a_number(name: str, value: Any) -> None:
    with pytest.raises(ConfigError):
        settings_from({f"HTAG_{name.upper()}": value}, False)


def test_idle_instances_may_be_kept_for_ever() -> None:
    assert settings_from({"HTAG_IDLE_TIMEOUT": "inf"}, False).options.idle_timeout == float("inf")


def test_parano_needs_a_library_and_says_so_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options_from({"parano": True}) == {"parano": True}
    monkeypatch.setitem(sys.modules, "Crypto", None)  # as if it was not installed
    for value in (True, "1"):
        with pytest.raises(ConfigError, match="pip install"):
            options_from({"parano": value})
    assert options_from({"parano": False}) == {"parano": False}


def test_what_seals_names_the_library_that_it_needs() -> None:
    code = "import sys; sys.modules['Crypto'] = None; import htagweb_flask.noise"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert 'pip install "htagweb-flask[parano]"' in done.stderr.splitlines()[-1]
