"""The commands for whoever looks after a server: ps, kill, stop, sessions clean."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

import click
import msgspec

from ..errors import HtagError
from ..protocol import Killed, PoolState
from .command import AS_JSON, fail, site_of
from .launch import base_dir
from .pools import Pool, pools

__all__ = ["kill", "ps", "sessions", "stop"]

CHOSEN = click.option("--pool", "chosen", metavar="PID", help="One of several pools: its pid, or its folder.")

NOBODY = (
    "no pool runs here: there is none in {}. It starts with the first page of a server. "
    "If that runs as another user, run this as that user. "
    "If it has another TMPDIR (under systemd: PrivateTmp), or an HTAG_RUN_DIR, set the same. "
    "A site with HTAG_BROKER='inline' has no pool"
)


@click.command()
@CHOSEN
@AS_JSON
@click.pass_context
def ps(context: click.Context, chosen: str | None, as_json: bool) -> None:
    """Show what runs: pools, workers, instances, and the pages that are open.

    Sessions have names here that nobody can use to open them. IDLE is the time since a page was loaded or
    something was done in it. MEMORY is what the process uses; a part of it is shared with others.

    Exits with status 1 when no pool runs.
    """
    found = [(pool, _state(pool)) for pool in _pools(context, chosen)]
    if as_json:
        listed = [{"folder": pool.run_dir, **_plain(state)} for pool, state in found]
        click.echo(json.dumps({"pools": listed}, indent=2))
    else:
        click.echo("\n\n".join(_shown(pool, state) for pool, state in found))


@click.command()
@click.option("--app", default="", metavar="NAME", help="All workers of an app (module:Class) or of a mount.")
@click.option("--worker", default=0, metavar="PID", help="A worker.")
@click.option("--session", default="", metavar="NAME", help="All instances of a session.")
@click.option("--instance", default="", metavar="NAME", help="An instance.")
@CHOSEN
@AS_JSON
@click.pass_context
def kill(
    context: click.Context,
    app: str,
    worker: int,
    session: str,
    instance: str,
    chosen: str | None,
    as_json: bool,
) -> None:
    """End an app, a worker, a session's instances or an instance, by the names that ps shows.

    Pages that are open say that the application has ended; who loads them again has a new instance, with
    what is in tag.state. Returns when threads and processes have ended.

    Exits with status 1 when nothing has this name, or when something could not be ended.
    """
    pool = _one(context, chosen)
    try:
        killed = pool.kill(app=app, worker=worker, session=session, instance=instance)
    except ValueError:
        raise click.UsageError("name one of --app, --worker, --session, --instance") from None
    except HtagError as error:
        fail(str(error))
    done = bool(killed.workers or killed.instances)
    if as_json:
        click.echo(json.dumps({"ok": done and not killed.stuck, **_plain(killed)}, indent=2))
    else:
        _tell(killed)
    sys.exit(0 if done and not killed.stuck else 1)


def _tell(killed: Killed) -> None:
    for name in killed.instances:
        click.echo(f"ended {name}")
    for pid in killed.workers:
        click.echo(f"ended worker {pid}")
    for name in killed.stuck:
        click.echo(
            f"{name} waits in native code and cannot be ended alone: end its worker (ps shows it)", err=True
        )
    for pid in killed.silent:
        click.echo(f"worker {pid} does not answer: end it with --worker {pid}", err=True)
    if not (killed.workers or killed.instances or killed.stuck):
        click.echo("nothing has this name: ps shows what runs", err=True)


@click.command()
@CHOSEN
@AS_JSON
@click.pass_context
def stop(context: click.Context, chosen: str | None, as_json: bool) -> None:
    """End a pool with all of its workers.

    Pages that are open say that the application has ended. The server goes on, and the next page that is
    loaded starts another pool. Returns when all processes have ended.
    """
    pool = _one(context, chosen)
    try:
        pool.stop()
    except HtagError as error:
        fail(str(error))
    click.echo(json.dumps({"ok": True, "pid": pool.pid}) if as_json else f"stopped the pool {pool.pid}")


@click.group()
def sessions() -> None:
    """What concerns the sessions of a site."""


@sessions.command()
@AS_JSON
@click.pass_context
def clean(context: click.Context, as_json: bool) -> None:
    """Remove expired session files now. A running server does so once in an hour."""
    site = site_of(context)
    if site is None:
        fail("this needs the Flask app: flask --app wsgi htag sessions clean")
    try:
        removed = site.clean_sessions()
    except HtagError as error:
        fail(str(error))
    if as_json:
        click.echo(json.dumps({"removed": removed}))
    elif removed is None:
        click.echo("sessions are not in files of ours: what keeps them removes those that have expired")
    else:
        click.echo(f"removed {removed} expired session{'' if removed == 1 else 's'}")


# ---- which pool --------------------------------------------------------------------------------------------


def _run_dir(context: click.Context) -> str:
    """What the Flask app says, if there is one that can be loaded: a broken one must not be in the way."""
    try:
        site = site_of(context)
        return site.settings.run_dir if site else ""
    except click.ClickException:
        raise
    except Exception as error:
        click.echo(f"the Flask app cannot be loaded ({type(error).__name__}: {error})", err=True)
        return ""


def _pools(context: click.Context, chosen: str | None) -> list[Pool]:
    run_dir = _run_dir(context)
    try:
        found = pools(run_dir)
    except HtagError as error:
        fail(str(error))
    if not found:
        where = run_dir or os.environ.get("HTAG_RUN_DIR")
        fail(f"no pool runs in {where}" if where else NOBODY.format(base_dir()))
    meant = [pool for pool in found if chosen in (None, str(pool.pid), pool.run_dir)]
    if not meant:
        fail(f"no pool {chosen} runs here, but these:\n{_choice(found)}")
    return meant


def _one(context: click.Context, chosen: str | None) -> Pool:
    found = _pools(context, chosen)
    if len(found) > 1:
        fail(f"several pools run, choose one:\n{_choice(found)}")
    return found[0]


def _choice(found: list[Pool]) -> str:
    return "\n".join(f"  --pool {pool.pid}   {pool.run_dir}" for pool in found)


def _state(pool: Pool) -> PoolState:
    try:
        return pool.state()
    except HtagError as error:
        fail(str(error))


# ---- how it is shown ---------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """*value* for JSON, with names; the numbers of messages are of no use to others."""
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__ if name != "id"}
        return {name: _plain(each) for name, each in fields.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _shown(pool: Pool, state: PoolState) -> str:
    of = f" of server {', '.join(map(str, state.servers))}" if state.servers else ""
    instances = [instance for worker in state.workers for instance in worker.instances]
    people = len({instance.session for instance in instances})
    memory = state.memory + sum(worker.memory for worker in state.workers)
    counts = ", ".join(
        f"{number} {what}{'' if number == 1 else 's'}"
        for number, what in (
            (len(state.workers), "worker"),
            (len(instances), "instance"),
            (people, "session"),
        )
    )
    lines = [f"pool {state.pid}{of}, {pool.run_dir}", f"{_time(state.age)} old, {counts}, {_size(memory)}"]
    if state.workers:
        lines += ["", *_workers(state)]
    if instances:
        lines += ["", *_instances(state)]
    return "\n".join(lines)


def _workers(state: PoolState) -> list[str]:
    rows = []
    for worker in state.workers:
        what = str(len(worker.instances)) if worker.answers else "does not answer"
        what += f", {worker.stuck} stuck" if worker.stuck else ""
        rows.append(
            [str(worker.pid), _time(worker.age), _size(worker.memory), worker.app, worker.mount, what]
        )
    return _table(["WORKER", "AGE", "MEMORY", "APP", "MOUNT", "INSTANCES"], rows)


def _instances(state: PoolState) -> list[str]:
    rows = []
    for worker in state.workers:
        for one in worker.instances:
            pages = [f"{client.transport}{' (hidden)' if client.hidden else ''}" for client in one.clients]
            shown = "ending" if one.ending else ", ".join(pages) or "-"
            rows.append([one.name, one.session, str(worker.pid), _time(one.age), _time(one.idle), shown])
    return _table(["INSTANCE", "SESSION", "WORKER", "AGE", "IDLE", "PAGES"], rows)


def _table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _size(memory: int) -> str:
    return f"{memory / 2**20:.0f} MB" if memory else "-"
