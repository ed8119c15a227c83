"""What the configuration of a site says, on the machine on which it is served."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess  # our own commands, never through a shell  # nosec B404
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from ...errors import HtagError
from ...keyfile import read_key
from ...placement import address_file
from ..checks import in_process_memory, patched
from ..keys import MAKE_ONE, weakness
from ..launch import interpreter, kind_of, private_dir
from ..site import Site
from .page import FAIL, OK, WARN, Finding, told

__all__ = ["inspect"]

SOCKET_PATH = 103
"""Bytes of a unix socket's path: 107 on Linux, 103 on macOS."""

LEAST = {"gunicorn": (22,), "gevent": (23, 9)}
"""The oldest versions that will do, as in pyproject.toml."""

IMPORT = """
import sys
from htagweb_flask.appref import AppRef
for text in sys.argv[1:]:
    AppRef.parse(text).load()
monkey = sys.modules.get("gevent.monkey")
if monkey is not None and monkey.is_module_patched("threading"):
    sys.exit("its module calls gevent's monkey.patch_all(): move the app's class to one that does not")
import htag
"""


def inspect(flask_app: Flask) -> Iterator[Finding]:
    """Looks at the configuration of *flask_app*."""
    site: Site | None = flask_app.extensions.get("htag")
    if site is None:
        cure = "register htag_blueprint(App), or call Htag(app) where handle() is used"
        yield Finding("site", FAIL, "this Flask app has no htag app", cure)
        return
    for check in CHECKS:
        try:
            yield from check(flask_app, site)
        except (HtagError, OSError) as error:
            yield Finding(check.__name__, FAIL, told(error))


def key(flask_app: Flask, site: Site) -> Iterator[Finding]:
    """What signs the tokens of pages."""
    secret = flask_app.secret_key
    if not secret:
        text = f"SECRET_KEY is not set: a key is made and kept in {_data(site)}"
        yield Finding("key", WARN, text, "set SECRET_KEY, where there is more than one machine or container")
    elif weakness(secret):
        level = WARN if site.lenient else FAIL
        yield Finding("key", level, f"SECRET_KEY {weakness(secret)}: pages are refused", MAKE_ONE)
    else:
        yield Finding("key", OK, "SECRET_KEY is set")


def sessions(flask_app: Flask, site: Site) -> Iterator[Finding]:
    """Where sessions are kept."""
    if site.settings.sessions == "memory":
        yield Finding("sessions", OK, "in the memory of the pool: they end with it")
    else:
        yield from _interface(site)
    if flask_app.config.get("SESSION_COOKIE_SAMESITE") == "None":
        text = "the session's cookie goes along with requests of other sites"
        yield Finding("sessions", WARN, text, "SESSION_COOKIE_SAMESITE='Lax', or nothing")


def _interface(site: Site) -> Iterator[Finding]:
    kept = site.sessions.inner
    name = type(kept).__name__
    if in_process_memory(kept):
        cure = "set SESSION_TYPE='redis', or HTAG_SESSIONS='memory' for the memory of the pool"
        yield Finding("sessions", FAIL, "in the memory of each web process: right for one process only", cure)
    elif isinstance(kept, SecureCookieSessionInterface):
        text = "in Flask's cookies: tag.state is kept apart from flask.session"
        yield Finding("sessions", WARN, text, "set SESSION_TYPE, as Flask-Session says")
    elif not site.sessions.shared:
        text = f"by {name}: tag.state is kept apart from flask.session"
        yield Finding("sessions", WARN, text, "use an interface of Flask-Session")
    else:
        where = getattr(getattr(kept, "cache", None), "_path", "")
        yield Finding("sessions", OK, f"by {name}{' in ' if where else ''}{where}")
        yield from _redis(kept)


def _redis(kept: Any) -> Iterator[Finding]:
    client: Any = getattr(kept, "client", None)
    if not hasattr(client, "config_get"):
        return
    try:
        client.ping()
    except Exception as error:
        cure = "does Redis run, and is SESSION_REDIS right?"
        yield Finding("redis", FAIL, f"it does not answer: {told(error)}", cure)
        return
    if client.get_connection_kwargs().get("decode_responses"):
        yield Finding(
            "redis", FAIL, "decode_responses is on", "sessions are bytes: leave decode_responses out"
        )
        return
    try:
        limit = int(client.config_get("maxmemory")["maxmemory"])
        policy = client.config_get("maxmemory-policy")["maxmemory-policy"]
    except Exception:  # managed ones do not tell
        yield Finding("redis", OK, "it answers; what it does when it is full, it does not tell")
        return
    if limit and policy != "noeviction":
        text = f"when {limit // 1024 // 1024} MiB are full, it drops sessions ({policy})"
        yield Finding("redis", WARN, text, "maxmemory-policy noeviction, and enough memory")
    else:
        yield Finding("redis", OK, "it answers, and drops nothing before its time")


def _data(site: Site) -> str:
    return os.path.normpath(site.folder(""))


def folders(flask_app: Flask, site: Site) -> Iterator[Finding]:
    """Where keys, files and sockets are."""
    wanted = site.settings.data_dir or os.path.join(flask_app.instance_path, "htagweb")
    found = _data(site)
    if os.path.abspath(found) != os.path.abspath(wanted):
        text = f"{wanted} cannot be written: {found} is used, which the next start of the system may empty"
        yield Finding("data", WARN, text, "set HTAG_DATA_DIR to a folder that the server's user can write")
    else:
        yield Finding("data", OK, f"{found} can be written")
    if kind_of(site.settings) == "inline":
        return
    if kind_of(site.settings) != "unix":
        yield Finding("sockets", OK, "the pool is reached over loopback TCP")
        return
    owner = os.getuid() if hasattr(os, "getuid") else "0"
    base = site.settings.run_dir or os.path.join(tempfile.gettempdir(), f"htagweb-{owner}")
    folder = private_dir(os.path.abspath(base))
    longest = address_file(
        folder if site.settings.run_dir else os.path.join(folder, 16 * "x"), 30 * "x", "unix"
    )
    if len(os.fsencode(longest)) > SOCKET_PATH:
        text = (
            f"the path of a socket in {folder} may have {len(os.fsencode(longest))} bytes, of {SOCKET_PATH}"
        )
        yield Finding("sockets", FAIL, text, "set HTAG_RUN_DIR to a short path, or HTAG_BROKER='tcp'")
    else:
        yield Finding("sockets", OK, f"in {folder}")


def parano(flask_app: Flask, site: Site) -> Iterator[Finding]:
    """The server's key, where there is one."""
    path = site.key_file
    key = read_key(path)
    if key is None:
        return
    owners = {os.stat(each).st_uid for each in (path, os.path.dirname(path))}
    if len(owners) > 1:
        text = f"{path} belongs to another user than its folder: can the server read it?"
        yield Finding("parano", WARN, text, "flask htag parano-key, as the user of the server")
    else:
        demand = "; it demands a secret" if key.secret else ""
        yield Finding("parano", OK, f"the server's key is in {path}{demand}")


def versions(flask_app: Flask, site: Site) -> Iterator[Finding]:
    """gunicorn and gevent, where they are."""
    found = {}
    for name in LEAST:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "gunicorn" in found and "gevent" not in found:
        cure = 'pip install "htagweb-flask[gevent]"'
        yield Finding("server", WARN, "gunicorn without gevent: an open page holds a thread or process", cure)
    for name, version in found.items():
        numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
        if numbers < LEAST[name]:
            least = ".".join(map(str, LEAST[name]))
            yield Finding("server", WARN, f"{name} {version} is older than {least}", f"pip install -U {name}")
    text = ", ".join(f"{name} {version}" for name, version in found.items())
    yield Finding("server", OK, text or "gunicorn is not installed: another server is used")
    if patched():
        text = "this site calls gevent's monkey.patch_all() when it is imported"
        cure = "leave it to gunicorn -k gevent; where it must be, the app's class is to be in another module"
        yield Finding("server", WARN, text, cure)


def pool(flask_app: Flask, site: Site) -> Iterator[Finding]:
    """Whether the Python of the pool starts, and finds the apps."""
    if kind_of(site.settings) == "inline":
        yield Finding("pool", OK, "there is none: apps live in the web process, which must be the only one")
        return
    python, environ = interpreter(site.settings)
    apps = sorted(map(str, site.apps))
    try:
        done = subprocess.run(  # noqa: S603 - our own command  # nosec B603
            [python, "-c", IMPORT, *apps],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=site.settings.pool_start,
        )
    except subprocess.TimeoutExpired:
        text = f"{python} does not import {', '.join(apps)} within {site.settings.pool_start:g} s"
        yield Finding("pool", FAIL, text, "what does the module do at its import? Or set HTAG_POOL_START")
        return
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        text = f"{python} cannot import {', '.join(apps) or 'htag'}: {last}"
        yield Finding(
            "pool", FAIL, text, "can the module be imported alone? Else HTAG_PYTHON is another Python"
        )
    else:
        yield Finding("pool", OK, f"{python} imports {', '.join(apps) or 'htag; no app is registered'}")


CHECKS: tuple[Callable[[Flask, Site], Iterator[Finding]], ...] = (
    key,
    sessions,
    folders,
    parano,
    versions,
    pool,
)
