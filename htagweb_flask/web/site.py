"""Everything of ours that belongs to one Flask app, and the apps that are mounted on it."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from flask import Flask, request
from flask_session.base import ServerSideSessionInterface
from itsdangerous import URLSafeSerializer

from ..appref import AppRef
from ..brokers.base import Broker, Slot
from ..brokers.socket import SocketBroker
from ..code import version_of
from ..config import Options, Settings, settings_from
from ..errors import ConfigError, Gone, PoolError, StoreError
from ..placement import own_slot_of, slot_of, successor_of
from ..policy import is_strict
from ..protocol import Delta, Patched, Saved
from ..store import cached_sessions, file_sessions
from .alone import claim
from .checks import Checks
from .collector import Collector
from .guard import exempt_from_csrf, signer_of
from .keys import keys_of
from .launch import kind_of, pool_config, private_dir, run_dir_of, server_of, start_pool
from .memory import PoolCache
from .seats import Seats
from .sessions import Sessions

__all__ = ["Mount", "Site"]

logger = logging.getLogger(__name__)


POSTED = "htagweb_flask.extension.act"
"""The view to which pages post."""

OF_WORKERS = (
    "scope",
    "isolation",
    "preload",
    "instances",
    "session_instances",
    "idle_timeout",
    "interaction_timeout",
    "worker_memory",
    "parano",
    "debug",
    "reload",
    "max_rate",
    "max_queue",
)
"""The options of an app that its workers are told."""

BOTH = (
    'csp="strict" does not go with parano, whose first page is the same for everybody, without a nonce: '
    'give that app csp="default"'
)

LOOK = 0.5
"""Seconds between two looks whether the code of an app has changed."""

TELL = 2.0
"""Seconds that a view waits at most until the pool knows what it has changed in its session."""


@dataclass(frozen=True)
class Mount:
    """An app at its place in a Flask app: two mounts of one class are two apps, each with its own options."""

    key: str
    app: AppRef
    options: Options
    key_file: str
    """Of the server's key, which may not be there; "" without parano."""

    def slot(self, link: str, version: str) -> Slot:
        """The worker of the session *link* that has this version of the app's code."""
        options = self.options
        code, _, successor = version.partition("~")
        home = f"{self.key}-{code}"
        own = options.isolation == "session"
        name = own_slot_of(home, link) if own else slot_of(home, link, options.workers)
        name = successor_of(name, successor) if successor else name
        told = [*((each, getattr(options, each)) for each in OF_WORKERS), ("key_file", self.key_file)]
        return Slot(name, str(self.app), tuple(told))


class Site:
    """The state of htagweb_flask in one Flask app (``flask_app.extensions["htag"]``). Made without any I/O:
    everything is found at the first request."""

    def __init__(self, flask_app: Flask) -> None:
        self._flask_app = flask_app
        self._mounts: dict[tuple[str, AppRef], Mount] = {}
        self.apps: set[AppRef] = set()
        self._versions: dict[str, tuple[str, float]] = {}
        self._retired: set[str] = set()
        self.checks = Checks()
        self._exempted = False
        self.sessions = self._wrap_sessions()
        flask_app.before_request_funcs.setdefault(None, []).insert(0, self._before_request)

    @cached_property
    def settings(self) -> Settings:
        """All HTAG_* settings."""
        return settings_from(self._flask_app.config, self._flask_app.debug)

    @cached_property
    def _data_dir(self) -> str:
        wanted = self.settings.data_dir or os.path.join(self._flask_app.instance_path, "htagweb")
        try:
            os.makedirs(wanted, mode=0o700, exist_ok=True)
            if os.access(wanted, os.W_OK):
                return wanted
        except OSError:
            pass
        owner = os.getuid() if hasattr(os, "getuid") else "0"
        path = private_dir(os.path.join(tempfile.gettempdir(), f"htagweb-data-{owner}"))
        logger.warning("%s cannot be written: sessions and keys are in %s. Set HTAG_DATA_DIR", wanted, path)
        return path

    @property
    def _name(self) -> str:
        """Tells this site from others whose data may be in the same folder."""
        identity = f"{self._flask_app.instance_path}/{self._flask_app.import_name}"
        return f"inline-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    @property
    def key_file(self) -> str:
        """The file of the server's key for parano, which may not be there."""
        return os.path.join(self._data_dir, "parano.key")

    def folder(self, name: str) -> str:
        """The folder *name* in our data folder, private and made if need be. Raises StoreError."""
        path = os.path.join(self._data_dir, name)
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(f"check the folder {path}, or set HTAG_DATA_DIR: {error.strerror}") from None
        return path

    def version(self, mount: Mount, link: str) -> str:
        """The version of the app's code: new pages of session *link* get a process that has it, and takes
        new pages as far as we know: a successor is marked in the version."""
        code, found, successor = self._code_of(mount), "", 0
        while mount.slot(link, found or code).name in self._retired:
            successor += 1
            found = f"{code}~{successor}"
        return found or code

    def retired(self, slot: Slot) -> None:
        """The worker of *slot* takes no new page."""
        self._retired.add(slot.name)

    def _code_of(self, mount: Mount) -> str:
        if not self.broker.renews:
            return ""
        version, looked = self._versions.get(mount.key, ("", -LOOK))
        # A page that loads itself again because of new code must find it.
        if mount.options.debug or time.monotonic() - looked > LOOK:
            version = version_of(mount.app, mount.options.debug)
            self._versions[mount.key] = version, time.monotonic()
        return version

    @cached_property
    def seats(self) -> Seats:
        """How many requests of this process may wait."""
        return Seats(self.settings.streams)

    @cached_property
    def signer(self) -> URLSafeSerializer:
        """Signs the tokens of pages. Raises ConfigError for a key that others may know."""
        return signer_of(keys_of(self._flask_app, os.path.join(self._data_dir, "secret_key"), self.lenient))

    @property
    def lenient(self) -> bool:
        """Whether this is no site for others, so that its key may be any."""
        return self.settings.options.debug or self._flask_app.testing

    @cached_property
    def _server(self) -> tuple[int, str]:
        """The process that stands for this server, and the folder of its pool. Needs a request, which tells
        what server this is."""
        server = server_of(request.environ)
        return server, run_dir_of(self.settings, server)

    @cached_property
    def broker(self) -> Broker:
        """The way to the pool. Needs a request at its first use."""
        settings, kind = self.settings, kind_of(self.settings)
        if kind == "inline":
            claim(request.environ, os.path.join(self._data_dir, f"{self._name}.lock"))
            from ..brokers.inline import InlineBroker  # with asyncio and htag, which no other web process has

            return InlineBroker(pool_config(settings, "", kind))
        server, run_dir = self._server
        return SocketBroker(
            run_dir, kind, server, settings.pool_start, lambda: start_pool(settings, run_dir, kind, server)
        )

    @cached_property
    def collector(self) -> Collector:
        """Stores what background tasks change."""
        return Collector(self.broker, self.sessions, self._server[1])

    def mount(self, name: str, app: AppRef, given: Mapping[str, Any]) -> Mount:
        """The mount of *app* under the endpoint *name*, with its options."""
        found = self._mounts.get((name, app))
        if found is None:
            options = replace(self.settings.options, **given)
            if options.reload is None:
                options = replace(options, reload=options.debug)
            key_file = os.path.abspath(self.key_file) if options.parano else ""
            if options.parano and is_strict(options.csp):
                raise ConfigError(BOTH)
            identity = f"{name}/{app}/{sorted(asdict(options).items())}{key_file}"
            key = f"{app.name.lower()[:16]}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}"
            found = self._mounts[name, app] = Mount(key, app, options, key_file)
        return found

    def _before_request(self) -> None:
        self.adopt_sessions()
        if not self._exempted:  # now all extensions of the site are there
            exempt_from_csrf(self._flask_app, POSTED)
            self._exempted = True

    def adopt_sessions(self) -> None:
        """Takes note of a session interface that the site set after us (``Session(app)``). Before each
        request: one that only reads would write back what others have changed meanwhile."""
        if self._flask_app.session_interface is not self.sessions:
            self.sessions = self._wrap_sessions()
            self.sessions.adopt()

    def _wrap_sessions(self) -> Sessions:
        sessions = Sessions(self._flask_app, self.folder, self._chosen_sessions, self.tell)
        self._flask_app.session_interface = sessions
        return sessions

    def _chosen_sessions(self) -> ServerSideSessionInterface | None:
        if self.settings.sessions == "memory":
            return cached_sessions(PoolCache(self.broker))
        return file_sessions(self.folder("sessions")) if self.settings.sessions == "files" else None

    def clean_sessions(self) -> int | None:
        """Removes expired session files and returns how many; None where sessions are not in our files.
        Raises StoreError."""
        return None if self.settings.sessions == "memory" else self.sessions.store.clean()

    def confirm(self, slot: Slot, link: str, delta: Delta, ok: bool) -> None:
        """Tells *slot*'s worker whether *delta* of session *link* is stored. All workers know it then: what
        the user does next may meet another app."""
        if delta.shared and ok:
            with contextlib.suppress(Gone):
                self.broker.call(slot, Saved(link, delta.number, ok, wait=True), TELL)
        else:
            self.broker.tell(slot, Saved(link, delta.number, ok))

    def tell(self, message: Patched) -> None:
        """Tells the pool, if there is one, what a view has changed; or that a session has ended."""
        with contextlib.suppress(PoolError):
            self.broker.pool(message, TELL, start=False)
