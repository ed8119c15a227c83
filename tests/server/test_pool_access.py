"""The pool's sockets are for the web processes of its server alone: private files, and a secret."""

from __future__ import annotations

import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from htagweb_flask.protocol import (
    MAX_FRAME,
    Decoder,
    Done,
    EnsureWorker,
    Failure,
    Hello,
    Interact,
    Message,
    encode,
)
from tests.http_client import Page
from tests.server.desk import DESK, QUICK, SOON, Anywhere, number, press, word
from tests.servers import Server, serve


@pytest.fixture(scope="module", params=["unix", "tcp"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    env = {**QUICK, "HTAG_BROKER": request.param, "HTAG_WORKERS": "1"}
    with serve("gunicorn-gevent", DESK, workers=2, env=env, options=SOON) as running:
        yield running


@pytest.fixture(autouse=True)
def page(server: Server) -> Iterator[Page]:
    """A page that still works at the end."""
    opened = Anywhere(server.url).open("/")
    yield opened
    press(opened, "hit", n=1)
    assert word(opened, "numbers") == "1"
    press(Anywhere(server.url).open("/"), "hit", n=1)


def kind(server: Server) -> str:
    return "unix" if (server.run_dir / "pool.sock").exists() else "tcp"


def addresses(server: Server) -> list[Path]:
    """Those of the supervisor and of the worker."""
    found = sorted(server.run_dir.glob("*.sock" if kind(server) == "unix" else "*.port"))
    assert len(found) == 2
    return found


def connect(address: Path) -> socket.socket:
    if address.suffix == ".sock":
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(address))
    else:
        sock = socket.create_connection(("127.0.0.1", int(address.read_text())))
    sock.settimeout(5)
    return sock


def replies(sock: socket.socket) -> list[Message]:
    """What comes until the first message, or the end."""
    decoder = Decoder()
    while data := sock.recv(65536):
        if found := decoder.feed(data):
            return found
    return []


def secret(server: Server) -> str:
    return (server.run_dir / "secret").read_text()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_other_user_of_the_machine_can_reach_them(server: Server) -> None:
    assert mode(server.run_dir) == 0o700
    for address in addresses(server):
        assert mode(address) == 0o600
        assert stat.S_ISSOCK(address.stat().st_mode) is (kind(server) == "unix")
    assert mode(server.run_dir / "secret") == 0o600
    assert len(secret(server)) >= 32
    for path in server.run_dir.iterdir():
        assert mode(path) & 0o022 == 0


def test_what_listens_on_tcp_is_bound_to_the_loopback(server: Server) -> None:
    ports = {int(address.read_text()) for address in addresses(server) if address.suffix == ".port"}
    assert bool(ports) is (kind(server) == "tcp")
    listening = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            host, _, port = fields[1].partition(":")
            if fields[3] == "0A" and int(port, 16) in ports:
                listening[int(port, 16)] = host
    assert listening == dict.fromkeys(ports, "0100007F")


OTHER = [
    encode(Hello("")),
    encode(Hello("x" * 43)),
    encode(Interact("client", b"{}")),
    encode(
        EnsureWorker(
            "slot",
            "os:system",
            {"isolation": "shared", "interaction_timeout": 1},
        )
    ),
    struct.pack(">I", MAX_FRAME + 1),
    struct.pack(">I", 2**32 - 1) + b"x" * 1000,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",  # a pickle
]


@pytest.mark.parametrize("index", range(len(OTHER)))
def test_who_does_not_know_the_secret_is_refused(server: Server, index: int) -> None:
    for address in addresses(server):
        with connect(address) as sock:
            sock.sendall(OTHER[index])
            try:
                assert replies(sock) == []
            except ConnectionResetError:
                pass  # closed before all was read


def test_the_secret_opens_and_garbage_closes(server: Server) -> None:
    for address in addresses(server):
        with connect(address) as sock:
            sock.sendall(encode(Hello(secret(server))))
            assert isinstance(replies(sock)[0], Done)
            sock.sendall(struct.pack(">I", 5) + b"hello")
            assert replies(sock) == []


def test_a_peer_of_another_version_is_told_so(server: Server) -> None:
    for address in addresses(server):
        with connect(address) as sock:
            sock.sendall(encode(Hello(secret(server), version=999)))
            (reply,) = replies(sock)
            assert isinstance(reply, Failure)
            assert "restart" in reply.text


def test_who_says_nothing_holds_up_nobody(server: Server) -> None:
    idle = [connect(address) for address in addresses(server) for _ in range(20)]
    page = Anywhere(server.url).open("/")
    press(page, "hit", n=1)
    assert number(page, "pid") in server.pool_processes()
    for sock in idle:
        sock.close()
