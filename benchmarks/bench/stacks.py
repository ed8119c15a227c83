"""The stacks that are compared: how each is served, in which environment, and how its page is driven."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from .host_page import HostPage
from .pages import EchoPage, HtagwebPage, Page

APP_NAMES = ("counter", "list200")
LISTEN = "127.0.0.1:{port}"


@dataclass(frozen=True)
class Stack:
    """One way to serve an app.

    Attributes:
        name: how the command line and the report call it.
        title: what it is, for the reader of the report.
        environment: name of the Python environment that runs it.
        generation: the htag generation that it runs, 0 for none.
        command: arguments of that Python; "{port}" stands for the port.
        page: the client of its pages.
        apps: the apps it is measured with.
        env: more environment variables.
    """

    name: str
    title: str
    environment: str
    generation: int
    command: tuple[str, ...]
    page: type[Page]
    apps: tuple[str, ...] = APP_NAMES
    env: dict[str, str] = field(default_factory=dict)

    @property
    def has_sessions(self) -> bool:
        """Does it have pages and sessions to measure (the floor has only interactions)?"""
        return self.page is not EchoPage


def gunicorn(module: str, workers: int) -> tuple[str, ...]:
    """The arguments that serve ``module:flask_app`` by gunicorn's gevent workers."""
    options = f"--worker-class gevent --workers {workers} --worker-connections 10000 --graceful-timeout 2"
    return (
        "-m",
        "gunicorn",
        *options.split(),
        "--no-control-socket",
        "--bind",
        LISTEN,
        f"{module}:flask_app",
    )


def host_stack(generation: int, workers: int, options: dict[str, object]) -> Stack:
    """htagweb_flask with one htag generation and a number of gunicorn workers; the options are those of the
    blueprint."""
    return Stack(
        f"host-htag{generation}-w{workers}",
        f"htagweb_flask, htag {generation}, gunicorn gevent -w {workers}",
        f"htag{generation}",
        generation,
        gunicorn("bench.servers.host", workers),
        HostPage,
        env={"BENCH_OPTIONS": json.dumps(options)},
    )


PEER_COMMAND = (
    "-m uvicorn bench.servers.peer:asgi_app --host 127.0.0.1 --port {port} --no-access-log "
    "--loop uvloop --http httptools --ws websockets"
)
PEER = Stack(
    "htagweb",
    "htagweb 1.0.0, htag 1, WebSocket, uvicorn",
    "htagweb",
    1,
    tuple(PEER_COMMAND.split()),
    HtagwebPage,
)
FLOOR = Stack(
    "flask-floor",
    "bare Flask, gunicorn gevent -w 1, POST of 200 bytes",
    "htag1",
    0,
    gunicorn("bench.servers.echo", 1),
    EchoPage,
    apps=("counter",),
)


def all_stacks(options: dict[str, object]) -> list[Stack]:
    """Every stack; the options are those of our blueprint."""
    ours = [host_stack(generation, workers, options) for generation in (1, 2) for workers in (1, 2)]
    return [*ours, PEER, FLOOR]
