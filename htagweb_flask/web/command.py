"""What the commands of a server have in common."""

from __future__ import annotations

import sys
from typing import NoReturn

import click
from flask import Flask
from flask.cli import NoAppException, ScriptInfo

from .site import Site

__all__ = ["AS_JSON", "fail", "site_of"]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


def site_of(context: click.Context) -> Site | None:
    """That of the Flask app, where there is one with htag apps."""
    info = context.find_object(ScriptInfo)
    if info is None:
        return None
    try:
        flask_app: Flask = info.load_app()
    except NoAppException:
        if info.app_import_path:
            raise
        return None
    site: Site | None = flask_app.extensions.get("htag")
    return site


def fail(text: str) -> NoReturn:
    """Ends the command, with a text for who has called it."""
    click.echo(text, err=True)
    sys.exit(1)
