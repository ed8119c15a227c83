"""All settings, in one table.

Each is a key ``HTAG_*`` of the Flask configuration, or an environment variable of the same name; those marked
*per app* are also keyword options of ``htag_blueprint()`` and ``handle()``, in lower case without ``HTAG_``.
They are read once, at the first request.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError
from .policy import read_policy

__all__ = ["KEYS", "Key", "Options", "Settings", "options_from", "settings_from"]


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off", ""):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def _sealed(value: Any) -> bool:
    if _flag(value) and importlib.util.find_spec("Crypto") is None:
        raise ValueError('pycryptodome is missing: pip install "htagweb-flask[parano]"')
    return _flag(value)


def _origins(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else list(value)
    return tuple(item.strip().rstrip("/") for item in items if item.strip())


def _one_of(*choices: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is not one of {', '.join(choices)}")
        return str(value)

    return check


def _number(kind: Callable[[Any], Any], low: float) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        number = kind(value)
        if not number >= low:  # nor not a number
            raise ValueError(f"{value!r} is below {low}")
        return number

    return check


@dataclass(frozen=True)
class Key:
    """One setting: its default (None: worked out at start), its reader, and what it means."""

    name: str
    default: Any
    read: Callable[[Any], Any]
    per_app: bool
    meaning: str


# fmt: off
KEYS: tuple[Key, ...] = (
    Key("scope", "session", _one_of("session", "tab"), True,
        "one instance per session, app and query string; or one per page load"),
    Key("transport", "auto", _one_of("auto", "sse", "longpoll", "none"), True,
        "how pushes reach the page; auto: sse where the server can stream, else longpoll"),
    Key("isolation", "shared", _one_of("shared", "session"), True,
        "session: a process for each session, instead of a few for all"),
    Key("parano", False, _sealed, True,
        "all that passes between page and app is sealed against who records it: see docs/parano.md"),
    Key("debug", None, _flag, True,
        "tracebacks in the page; default: the debug flag of the Flask app"),
    Key("reload", None, _flag, True,
        "open pages load themselves again when the code of their app is saved; default: as debug"),
    Key("csp", "default", read_policy, True,
        "Content-Security-Policy of the pages: default, strict or none; sources may be added as in "
        "'strict; img-src https://example.org'"),
    Key("workers", None, _number(int, 1), True,
        "processes that hold the instances of an app; default: one per processor, at most 4"),
    Key("instances", 5000, _number(int, 1), True,
        "live instances in one of these processes at most; 503 above"),
    Key("session_instances", 8, _number(int, 1), True,
        "live instances of one session at most; the oldest without a page ends, else 503"),
    Key("preload", "htag", _one_of("none", "htag", "app"), True,
        "what processes of isolation=session are forked with: htag; or the app, too, whose import must not "
        "start threads; none: they are started anew, as they are where nothing can be forked"),
    Key("idle_timeout", 1800.0, _number(float, 1), True,
        "seconds that an instance is kept when no page of it is open"),
    Key("interaction_timeout", 60.0, _number(float, 1), True,
        "seconds after which an interaction that shows nothing, or an app that does not react, is ended"),
    Key("worker_memory", 0, _number(int, 0), True,
        "bytes that a process with instances of an app may use until another takes its place; 0: any"),
    Key("max_body", 16 * 1024 * 1024, _number(int, 1024), True,
        "bytes of one interaction, 413 above"),
    Key("max_rate", 100.0, _number(float, 1), True,
        "interactions that an instance takes in a second, of twice as many at once; 429 above"),
    Key("max_queue", 32, _number(int, 1), True,
        "interactions of a page that may wait or run; 429 above"),
    Key("origins", (), _origins, False,
        "further origins of our pages, as https://example.org: for a proxy that hides the host"),
    Key("sessions", "auto", _one_of("auto", "files", "memory"), False,
        "auto: those of the site, by Flask-Session, else files; memory: in the pool, gone with it"),
    Key("broker", "auto", _one_of("auto", "unix", "tcp", "inline"), False,
        "how web processes reach the pool; auto: unix sockets where they exist, else loopback TCP; inline: "
        "no pool, but threads of the one web process there may be then"),
    Key("run_dir", "", str, False,
        "folder of the pool's sockets; default: a private one in the system's folder for temporary files"),
    Key("data_dir", "", str, False,
        "folder of the generated key and of session files; default: instance/htagweb"),
    Key("python", "", str, False,
        "Python interpreter of the pool; default: the one that runs"),
    Key("streams", None, _number(int, 0), False,
        "streams and waiting polls that a web process holds open at most; default: what its server can bear"),
    Key("processes", 250, _number(int, 1), False,
        "processes of isolation=session at most, of all apps; 503 above"),
    Key("pool_grace", 10.0, _number(float, 0.1), False,
        "seconds after which the pool leaves when the last web process is gone"),
    Key("pool_start", 20.0, _number(float, 1), False,
        "seconds that the pool, and a worker with its app, may take to start"),
    Key("fast", True, _flag, False,
        "htag 1 computes once what never changes; off: it works as it is, page for page the same"),
)
# fmt: on


@dataclass(frozen=True)
class Options:
    """What can differ from app to app. See KEYS."""

    scope: str
    transport: str
    isolation: str
    parano: bool
    debug: bool
    reload: bool | None
    csp: str
    workers: int
    instances: int
    session_instances: int
    preload: str
    idle_timeout: float
    interaction_timeout: float
    worker_memory: int
    max_body: int
    max_rate: float
    max_queue: int


@dataclass(frozen=True)
class Settings:
    """What holds for a whole Flask app. See KEYS."""

    options: Options
    origins: tuple[str, ...]
    sessions: str
    broker: str
    run_dir: str
    data_dir: str
    python: str
    streams: int | None
    processes: int
    pool_grace: float
    pool_start: float
    fast: bool


def _read(key: Key, value: Any, written: str) -> Any:
    try:
        return key.read(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{written}: {error} ({key.meaning})") from None


def _values(config: Mapping[str, Any], per_app: bool) -> dict[str, Any]:
    values = {}
    for key in KEYS:
        if key.per_app == per_app:
            name = f"HTAG_{key.name.upper()}"
            value = config.get(name, os.environ.get(name))
            values[key.name] = key.default if value is None else _read(key, value, name)
    return values


def settings_from(config: Mapping[str, Any], debug: bool) -> Settings:
    """The settings of a Flask app whose configuration is *config*. Raises ConfigError for a bad value."""
    known = {f"HTAG_{key.name.upper()}" for key in KEYS}
    for name in config:
        if name.startswith("HTAG_") and name not in known:
            raise ConfigError(f"unknown setting {name}: there are {', '.join(sorted(known))}")
    options = _values(config, per_app=True)
    if options["debug"] is None:
        options["debug"] = debug
    if options["workers"] is None:
        options["workers"] = min(4, os.cpu_count() or 1)
    return Settings(options=Options(**options), **_values(config, per_app=False))


def options_from(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword options of one app, checked. Raises ConfigError for an unknown one or a bad value."""
    keys = {key.name: key for key in KEYS if key.per_app}
    unknown = set(given) - set(keys)
    if unknown:
        raise ConfigError(f"unknown option {sorted(unknown)[0]!r}: there are {', '.join(keys)}")
    return {name: _read(keys[name], value, name) for name, value in given.items()}
