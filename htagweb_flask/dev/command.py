"""The command: ``python -m htagweb_flask``, and the same as ``flask htag run``."""

from __future__ import annotations

import contextlib
import importlib.metadata
import ipaddress
import os
import socket
import sys
import webbrowser
from pathlib import Path
from typing import Any

import click

from .. import __version__, log
from ..appref import AppRef
from ..config import options_from
from ..errors import ConfigError, PoolError
from ..web.cli import htag_cli
from .folder import FOLDER, Folder, apps_in, ref_of
from .server import bind, bind_after, scratch, serve
from .site import site_of

__all__ = ["htag_cli", "main", "run"]

PORT = 8000
LOCAL = ("127.0.0.1", "localhost", "::1")
GRACE = 1.0
"""Seconds that the pool outlives a server that was killed."""


@htag_cli.command()
@click.argument("target", required=False)
@click.option("--host", default=LOCAL[0], show_default=True, help="Address to serve at; 0.0.0.0: all.")
@click.option("--port", type=click.IntRange(1, 65535), help=f"Port to serve at.  [default: from {PORT} on]")
@click.option("--open", "opens", is_flag=True, help="Open the browser.")
@click.option("--scope", type=click.Choice(["session", "tab"]), help="What an instance is kept for.")
@click.option("--isolation", type=click.Choice(["shared", "session"]), help="What shares a process.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes of an app.")
@click.option("--parano", is_flag=True, help="Seal what pages and apps say, see docs/parano.md.")
@click.option("--no-reload", is_flag=True, help="Leave open pages as they are when a file is saved.")
def run(
    target: str | None,
    host: str,
    port: int | None,
    opens: bool,
    scope: str | None,
    isolation: str | None,
    workers: int,
    parano: bool,
    no_reload: bool,
) -> None:
    """Run apps in the browser while you write them.

    TARGET is a file, a folder, or "module:App". Without one, it is the App of index.py, or the current folder
    when there is none. Tracebacks are shown in the page, and a file that is saved is loaded again.
    """
    found = _target(target)
    options: dict[str, Any] = {"workers": workers, "reload": not no_reload}
    for name, value in (("scope", scope), ("isolation", isolation)):
        if value:
            options[name] = value
    if parano:
        options["parano"] = True
    _check(options)
    with _bound(host, port) as bound, scratch() as folder:
        config: dict[str, Any] = {"HTAG_RUN_DIR": folder, "HTAG_DATA_DIR": f"{folder}/data"}
        config["HTAG_POOL_GRACE"] = GRACE
        if host in LOCAL:
            config["TRUSTED_HOSTS"] = [*LOCAL[:2], f"[{LOCAL[2]}]"]  # no name that leads here from elsewhere
        if isinstance(found, Folder):
            os.environ[FOLDER] = str(found.root)
        os.environ[log.FORMAT] = "line"
        log.set_up("WARNING")
        address = _address(host, bound)
        try:
            serve(site_of(found, config, options), bound, lambda: _welcome(found, host, address, opens))
        except PoolError as error:
            raise click.ClickException(str(error)) from None
    click.echo("\nEnded.")


def main(arguments: list[str]) -> None:
    """``python -m htagweb_flask``, with these arguments."""
    if not arguments or arguments[0] not in {*htag_cli.commands, "--help"}:
        arguments = ["run", *arguments]
    htag_cli.main(arguments, prog_name="python -m htagweb_flask")


def _check(options: dict[str, Any]) -> None:
    try:
        options_from(options)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def _target(text: str | None) -> AppRef | Folder:
    try:
        return _found(text)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def _found(text: str | None) -> AppRef | Folder:
    if text is None:
        index = Path("index.py").resolve()
        has_app = index.is_file() and "App" in _apps_in(index)
        return ref_of(index, index.parent, "App") if has_app else Folder(".")
    if os.path.isdir(text):
        return Folder(text)
    path, _, name = text.partition(":")
    if path.endswith(".py"):
        file = Path(path).resolve()
        if not file.is_file():
            raise ConfigError(f"there is no file {path}")
        return ref_of(file, _start_of(file), name)
    name = name or "App"
    file = Path(f"{path.replace('.', os.sep)}.py").resolve()
    if all(part.isidentifier() for part in f"{path}.{name}".split(".")) and file.is_file():
        return AppRef(path, name, str(file))
    sys.path.append(os.getcwd())  # last: here, a file may have the name of any library
    return AppRef.of(text)


def _apps_in(file: Path) -> tuple[str, ...]:
    try:
        return apps_in(file)[0]
    except (SyntaxError, ValueError, OSError):
        return ("App",)  # to be shown with its mistake


def _start_of(file: Path) -> Path:
    """The folder that the name of the module of *file* starts from."""
    folder = file.parent
    while (folder / "__init__.py").exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _bound(host: str, port: int | None) -> socket.socket:
    wanted = port or PORT
    try:
        return bind(host, wanted)
    except OSError as error:
        reason = error.strerror or str(error)
    other = bind_after(host, wanted)
    if other is None:
        raise click.ClickException(f"{host} port {wanted}: {reason}")
    free = other.getsockname()[1]
    if port:
        other.close()
        raise click.ClickException(f"{host} port {wanted}: {reason}. Free is: --port {free}")
    click.echo(f"Port {wanted} is taken, so this is at {free}.")
    return other


def _address(host: str, bound: socket.socket) -> str:
    with contextlib.suppress(ValueError):  # it is a name
        if ipaddress.ip_address(host).is_unspecified:  # all addresses of this machine
            host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}/"


def _welcome(target: AppRef | Folder, host: str, address: str, opens: bool) -> None:
    what = f"The apps of {target.root}" if isinstance(target, Folder) else f"{target.name} of {target.module}"
    click.echo(f"\n  htagweb_flask {__version__} with htag {_version('htag')}\n")
    click.echo(f"  {what}   {click.style(address, bold=True)}\n")
    if host not in LOCAL:
        click.secho(
            f"  Served at {host}: whoever reaches this machine can use these apps and see their tracebacks.\n"
            "  This is for development. For others to use, see docs/deploy.md.\n",
            fg="yellow",
        )
    click.echo("  Save a file, and the page follows. Ctrl-C ends it.\n")
    if opens:
        webbrowser.open(address)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed: pip install htag)"
