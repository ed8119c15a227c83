"""The public face: a blueprint that hosts an htag app, the same inside a view, and the Flask extension."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any, cast

from flask import Blueprint, Flask, Response, abort, current_app, has_request_context, request, url_for

from .appref import AppRef
from .config import options_from
from .errors import ConfigError
from .policy import is_strict
from .web import shell
from .web.cli import htag_cli
from .web.client_script import script, script_name
from .web.endpoints import POSTS, answer
from .web.pages import code_version, page
from .web.site import Mount, Site

__all__ = ["Htag", "handle", "htag_blueprint"]

CODE = "code"
"""What the page of an error asks for, beside the script."""

FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

_names: Counter[str] = Counter()


class Htag:
    """The Flask extension. A blueprint initialises it by itself; use it to do so explicitly.

    Settings are ``HTAG_*`` keys of the Flask configuration: see :mod:`htagweb_flask.config`. What belongs to
    a Flask app is in ``flask_app.extensions["htag"]``.
    """

    def __init__(self, flask_app: Flask | None = None) -> None:
        if flask_app is not None:
            self.init_app(flask_app)

    def init_app(self, flask_app: Flask) -> None:
        """Prepares *flask_app*. Raises ConfigError when that was done before."""
        if "htag" in flask_app.extensions:
            raise ConfigError("Htag.init_app() was called twice, or after an htag blueprint was registered")
        flask_app.extensions["htag"] = Site(flask_app)
        flask_app.cli.add_command(htag_cli)


def _site(flask_app: Flask) -> Site:
    if "htag" not in flask_app.extensions:
        Htag(flask_app)
        if has_request_context():
            flask_app.extensions["htag"].sessions.reopen()
    site: Site = flask_app.extensions["htag"]
    return site


def htag_blueprint(target: Any, *, name: str | None = None, **options: Any) -> Blueprint:
    """A blueprint whose root is the page of an htag app.

    *target* is a Tag class, a module that holds ``App``, or a string "module:Class". *name* is the name of
    the blueprint; by default that of the class, made unique. *options* are the settings that can differ
    from app to app: ``scope``, ``transport``, ``debug``, ``workers``, ``idle_timeout``,
    ``interaction_timeout``, ``worker_memory``, ``csp``, ``max_body``, ``max_rate``, ``max_queue``,
    ``parano``.

    Raises ConfigError for a target that the pool could not import, or a wrong option. Nothing is started
    before the first request. A ``before_request`` of the blueprint, or of the one it is nested in, guards
    the page and everything that the page does.
    """
    app = AppRef.of(target)
    given = options_from(options)
    blueprint = Blueprint(name or _unique(app.name), __name__)
    blueprint.record(lambda state: _site(cast(Flask, state.app)).apps.add(app))

    def mount() -> tuple[Site, Mount]:
        site = _site(current_app)
        return site, site.mount(request.blueprint or "", app, given)

    @blueprint.get("/", strict_slashes=False)
    def show(**_: Any) -> Response:
        site, mounted = mount()
        return _show(site, mounted, place(mounted))

    def place(mounted: Mount) -> shell.Place:
        values = {name: value for name, value in (request.view_args or {}).items() if name != "htag_verb"}
        urls = {verb: url_for(".act", htag_verb=verb, **values) for verb in POSTS}
        for name, file in _files(mounted).items():
            urls[name] = url_for(".client", htag_file=file, **values)
        return shell.Place(url_for(".show", **values), urls)

    # The names of these variables must not be those in a url_prefix.
    @blueprint.post(f"/_htag/<any({', '.join(POSTS)}):htag_verb>")
    def act(htag_verb: str, **_: Any) -> Response:
        site, mounted = mount()
        return answer(site, mounted, htag_verb, lambda: place(mounted))

    @blueprint.get("/_htag/<htag_file>")
    def client(htag_file: str, **_: Any) -> Response:
        return code_version(mount()[1]) if htag_file == CODE else _script(htag_file)

    return blueprint


def _unique(name: str) -> str:
    base = name.rpartition(".")[2].lower()
    _names[base] += 1
    return base if _names[base] == 1 else f"{base}_{_names[base]}"


def _files(mount: Mount) -> dict[str, str]:
    """What a page of *mount* loads or asks for by GET."""
    strict = is_strict(mount.options.csp)
    return {"script": script_name(mount.options.debug, strict), "shell": shell.script_name(), "code": CODE}


def _show(site: Site, mount: Mount, place: shell.Place) -> Response:
    return shell.shell(mount, place) if mount.options.parano else page(site, mount, place.urls)


def _script(name: str) -> Response:
    kinds = itertools.product((False, True), repeat=2)
    served = {script_name(*kind): script(*kind) for kind in kinds}
    served[shell.script_name()] = shell.script()
    if name not in served:
        abort(404)
    return Response(served[name], headers=FOREVER, mimetype="text/javascript")


def handle(target: Any, **options: Any) -> Response:
    """The response of an htag app inside your own view, behind your own checks.

    The view must accept GET and POST: what the page does comes to the same URL. *target* and *options* are
    those of :func:`htag_blueprint`. Raises ConfigError for those, and for a view without POST.
    """
    site = _site(current_app)
    if request.url_rule is not None and "POST" not in (request.url_rule.methods or ()):
        raise ConfigError(f'the view of {request.url_rule} must accept POST: methods=["GET", "POST"]')
    mount = site.mount(request.endpoint or "", AppRef.of(target), options_from(options))
    verb = request.args.get("_htag", "")
    here = f"{request.script_root}{request.path}"

    def place() -> shell.Place:
        asked = {**dict(zip(POSTS, POSTS, strict=True)), **_files(mount)}
        return shell.Place(here, {name: f"{here}?_htag={what}" for name, what in asked.items()})

    if request.method == "POST":
        return answer(site, mount, verb, place) if verb in POSTS else abort(404)
    if verb:
        return code_version(mount) if verb == CODE else _script(verb)
    return _show(site, mount, place())
