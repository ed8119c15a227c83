"""The command that makes and shows the server's key for parano."""

from __future__ import annotations

import json

import click

from ..errors import HtagError
from ..keyfile import ServerKey, make_key, new_secret, pin_of, read_key, stretched
from .command import AS_JSON, fail, site_of

__all__ = ["parano_key"]

SHOWN = """{pin}

This is the pin of this server. Give it to users by another way than this site, to open an app with:

    python -m htagweb_flask.open URL --pin PIN

It protects pages that are opened so, and no others: what a browser loads from the server can be
replaced on its way, and the pin with it. The key is in {path}:
whoever reads that file can pass for this server."""

ASKED = """
Pages without the secret are refused: apps with parano can be opened by that command alone,
with --secret."""


@click.command("parano-key")
@click.option("--secret/--no-secret", default=None, help="Demand a new secret of all pages; demand none.")
@AS_JSON
@click.pass_context
def parano_key(context: click.Context, secret: bool | None, as_json: bool) -> None:
    """Show the server's key for apps with parano; make it when there is none.

    A new secret is shown once: what is kept of it is not enough to show it again.
    """
    site = site_of(context)
    if site is None:
        fail("this needs the Flask app: flask --app wsgi htag parano-key")
    shown = new_secret() if secret else None
    try:
        path = site.key_file
        key = _key(path, secret, shown)
        pin = pin_of(key.public)
    except HtagError as error:
        fail(str(error))
    if as_json:
        told = {"pin": pin, "file": path, "secret": shown, "asks_secret": key.secret is not None}
        click.echo(json.dumps(told))
        return
    click.echo(SHOWN.format(pin=pin, path=path))
    if shown:
        click.echo(f"\n{shown}\n\nThis is the secret, which is not shown again.")
    if key.secret:
        click.echo(ASKED)


def _key(path: str, secret: bool | None, shown: str | None) -> ServerKey:
    from ..noise import new_key  # with pycryptodome

    key = read_key(path)
    if key and secret is None:
        return key
    return make_key(path, key.private if key else new_key(), stretched(shown) if shown else None)
