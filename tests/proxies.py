"""Real proxies in front of the tests' servers: nginx and Apache, as plain processes in a folder of their own.

    with nginx(block("nginx", "listen 443"), server.port) as proxy:
        Visitor(proxy.url).open("/")

The configuration is the one that docs/deploy.md shows; ports, file names and the certificate are put in here.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.http_client import User
from tests.http_session import TIMEOUT
from tests.support import ROOT, unavailable, wait_until

__all__ = ["Running", "Visitor", "apache", "block", "blocks", "certificate", "nginx"]

DOCUMENT = ROOT / "docs" / "deploy.md"

APACHE_MODULES = (
    "mpm_event authz_core headers http2 proxy proxy_http proxy_http2 reqtimeout setenvif socache_shmcb ssl"
)

NGINX = """
daemon off;
{user}
pid {folder}/pid;
error_log stderr;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{block}
}}
"""

APACHE = """
{modules}
{user}
ServerName localhost
Listen 127.0.0.1:{port} {scheme}
PidFile {folder}/pid
DefaultRuntimeDir {folder}
Mutex file:{folder} default
ErrorLog {folder}/log
{block}
"""


def blocks(language: str) -> list[str]:
    """The blocks of that language in docs/deploy.md."""
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)


def block(language: str, part: str) -> str:
    """The one block that holds *part*."""
    (found,) = (text for text in blocks(language) if part in text)
    return found


@dataclass
class Running:
    """A proxy that runs."""

    url: str
    port: int
    folder: Path

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


class Visitor(User):
    """A browser on https, which takes the certificate that the tests have made."""

    def connect(self, timeout: float = TIMEOUT) -> http.client.HTTPConnection:
        parts = urlsplit(self.base)
        if parts.scheme == "http":
            return super().connect(timeout)
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=context)


def _program(name: str) -> str:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or unavailable(name)


@functools.cache
def certificate() -> tuple[str, str]:
    """The files of a certificate for this machine, signed by itself: (certificate, key), as PEM."""
    folder = tempfile.mkdtemp(prefix="hc", dir="/tmp")
    key, certificate = f"{folder}/key", f"{folder}/certificate"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = [_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", names]
    try:
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        return Path(certificate).read_text(), Path(key).read_text()
    finally:
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _started(command: Callable[[int, Path], list[str]], scheme: str) -> Iterator[Running]:
    """The process of *command(port, folder)*, once it accepts connections; ended at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hp", dir="/tmp"))
    folder.chmod(0o755)  # who starts as root works as another user
    signed, key = certificate()
    (folder / "certificate").write_text(signed)
    (folder / "key").write_text(key)
    port = _free_port()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command(port, folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    running = Running(f"{scheme}://127.0.0.1:{port}", port, folder)

    def ready() -> bool:
        assert process.poll() is None, running.log()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(ready, 10, "the proxy accepts connections")
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _put_in(text: str, port: int, target: int, folder: Path) -> str:
    """A block of the page, with what belongs to this machine."""
    for old, new in (
        ("127.0.0.1:8000", f"127.0.0.1:{target}"),
        ("/etc/ssl/example.org.pem", f"{folder}/certificate"),
        ("/etc/ssl/example.org.key", f"{folder}/key"),
        ("example.org", "127.0.0.1"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("*:443", f"127.0.0.1:{port}"),
    ):
        text = text.replace(old, new)
    return text


@contextlib.contextmanager
def nginx(text: str, target: int, scheme: str = "https") -> Iterator[Running]:
    """nginx with these lines of a configuration, in front of the port *target*."""
    program = _program("nginx")

    def command(port: int, folder: Path) -> list[str]:
        user = "user root;" if os.getuid() == 0 else ""
        inside = _put_in(text, port, target, folder)
        (folder / "nginx.conf").write_text(NGINX.format(user=user, folder=folder, block=inside))
        return [program, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]

    with _started(command, scheme) as running:
        yield running


def _modules() -> Path:
    known = (Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules"))
    found = [folder for folder in known if (folder / "mod_proxy_http.so").exists()]
    return found[0] if found else unavailable("Apache's modules")


@contextlib.contextmanager
def apache(text: str, target: int, scheme: str = "https") -> Iterator[Running]:
    """Apache with these lines of a configuration, in front of the port *target*."""
    program, modules = _program("apache2"), _modules()
    loaded = [
        f"LoadModule {name}_module {modules}/mod_{name}.so"
        for name in APACHE_MODULES.split()
        if (modules / f"mod_{name}.so").exists()
    ]

    def command(port: int, folder: Path) -> list[str]:
        user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
        inside = _put_in(text, port, target, folder)
        lines = {"modules": "\n".join(loaded), "user": user, "folder": folder, "port": port, "scheme": scheme}
        (folder / "apache.conf").write_text(APACHE.format(block=inside, **lines))
        return [program, "-d", str(folder), "-f", str(folder / "apache.conf"), "-DFOREGROUND"]

    with _started(command, scheme) as running:
        yield running
