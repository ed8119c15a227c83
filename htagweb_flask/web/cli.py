"""The commands: flask htag doctor, ps, kill, stop, sessions, parano-key."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click
from flask.cli import NoAppException, ScriptInfo

from .doctor import FAIL, OK, WARN, Finding, Visitor, examine
from .doctor.inside import inspect
from .manage import kill, ps, sessions, stop
from .parano_key import parano_key

__all__ = ["htag_cli"]

COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


@click.group("htag")
def htag_cli() -> None:
    """What concerns htag apps."""


for _command in (ps, kill, stop, sessions, parano_key):
    htag_cli.add_command(_command)


@htag_cli.command()
@click.argument("url", required=False)
@click.option("--long", is_flag=True, help="Wait for two heartbeats of the stream: 30 seconds.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Sent with each request.")
@click.option("--insecure", is_flag=True, help="Take any certificate.")
@click.pass_context
def doctor(
    context: click.Context,
    url: str | None,
    long: bool,
    as_json: bool,
    headers: tuple[str, ...],
    insecure: bool,
) -> None:
    """Look at a deployment: through the public URL of a page, and at the configuration of the Flask app.

    Exits with status 1 when something is wrong.
    """
    findings = []
    for finding in _findings(context, url, long, headers, insecure):
        findings.append(finding)
        if not as_json:
            _show(finding)
    failed = any(finding.level == FAIL for finding in findings)
    if as_json:
        checks = [vars(finding) for finding in findings]
        click.echo(json.dumps({"ok": not failed, "checks": checks}, indent=2))
    sys.exit(1 if failed else 0)


def _findings(
    context: click.Context, url: str | None, long: bool, headers: tuple[str, ...], insecure: bool
) -> Iterator[Finding]:
    if url and not url.startswith(("http://", "https://")):
        raise click.BadParameter("it begins with http:// or https://", param_hint="URL")
    named = bool(context.ensure_object(ScriptInfo).app_import_path)
    try:
        flask_app = context.ensure_object(ScriptInfo).load_app()
    except NoAppException:
        if named or not url:
            raise
    else:
        if named or not url or "htag" in flask_app.extensions:
            yield from inspect(flask_app)
    if url:
        pairs = (line.partition(":")[::2] for line in headers)
        given = {name.strip(): value.strip() for name, value in pairs}
        yield from examine(Visitor(url, given, insecure), long)


def _show(finding: Finding) -> None:
    level = click.style(f"{finding.level:4}", fg=COLOURS[finding.level])
    click.echo(f"{level}  {finding.name:9}  {finding.text}")
    if finding.cure:
        click.echo(f"{'':17}-> {finding.cure}")
