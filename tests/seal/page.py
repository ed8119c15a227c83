"""Pages that begin a sealed channel: one in Python, and the real script, in Node or in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from htagweb_flask.errors import Altered
from htagweb_flask.noise import Noise, new_key
from htagweb_flask.seal import PINNED, SECRET, SUITES, VERSION, Channel, Handshake, prologue
from tests.support import ROOT, unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Page as WebPage

ORIGIN, MOUNT = "https://example.org", "/app/"


class Page(Protocol):
    """What all of them can do. All raise Altered, or Replayed."""

    def first(
        self, origin: str = ORIGIN, mount: str = MOUNT, pin: bytes | None = None, secret: bytes | None = None
    ) -> bytes:
        """Begins a handshake."""

    def finish(self, answer: bytes) -> bytes:
        """The third message."""

    def seal(self, message: bytes, number: int | None = None) -> bytes:
        """A record that asks: the next one, or that of a number."""

    def open(self, record: bytes, answers: int) -> bytes:
        """The message of a record that answers."""


class PythonPage:
    """The page's side, made of what the server has."""

    def __init__(self, identity: bytes | None = None, ephemeral: bytes | None = None) -> None:
        self.identity, self.ephemeral = identity or new_key(), ephemeral
        self._lock = threading.Lock()

    def first(
        self, origin: str = ORIGIN, mount: str = MOUNT, pin: bytes | None = None, secret: bytes | None = None
    ) -> bytes:
        suite = (PINNED if pin else 0) + (SECRET if secret else 0)
        where = prologue(suite, origin, mount)
        self.noise = Noise(SUITES[suite], where, True, self.identity, pin, secret, self.ephemeral)
        return bytes([VERSION, suite]) + self.noise.write()

    def finish(self, answer: bytes) -> bytes:
        assert self.noise.read(answer) == b""
        third = self.noise.write()
        self.channel = Channel(*self.noise.split())
        return third

    def seal(self, message: bytes, number: int | None = None) -> bytes:
        with self._lock:
            if number is not None:
                self.channel._said = number
            return self.channel.seal(message)

    def open(self, record: bytes, answers: int) -> bytes:
        with self._lock:
            return self.channel.open(record, answers)[1]


class ScriptPage:
    """``static/seal.js``, and ``tests/js/seal_page.js``, which has it do things."""

    @staticmethod
    def code() -> str:
        """The page: an expression."""
        static = ROOT / "htagweb_flask" / "static"
        noble, seal = ((static / name).read_text() for name in ("vendor/noble.min.js", "seal.js"))
        names = re.findall(r"^(?:async )?(?:class|function|const) (\w+)", seal, re.MULTILINE)
        has = f'(function () {{ "use strict"; {noble}\n{seal}\nreturn {{ {", ".join(names)}, noble }}; }})()'
        page = (ROOT / "tests" / "js" / "seal_page.js").read_text()
        return f"({page.partition(chr(10) * 2)[2].strip()})({has})"

    def ask(self, do: str, **values: Any) -> Any:
        """Has it do that; bytes go and come as hexadecimal texts."""
        said = self._ask(
            do, {key: each.hex() if isinstance(each, bytes) else each for key, each in values.items()}
        )
        if said.get("error", "").startswith("Altered: "):
            raise Altered(said["error"])
        assert "error" not in said, said["error"]
        return said["result"]

    def _ask(self, do: str, values: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def first(
        self,
        origin: str = ORIGIN,
        mount: str = MOUNT,
        pin: bytes | None = None,
        secret: bytes | None = None,
        **keys: bytes,
    ) -> bytes:
        known = {name: key for name, key in {"pin": pin, "secret": secret, **keys}.items() if key}
        return bytes.fromhex(self.ask("first", origin=origin, mount=mount, **known))

    def finish(self, answer: bytes) -> bytes:
        return bytes.fromhex(self.ask("finish", answer=answer))

    def seal(self, message: bytes, number: int | None = None) -> bytes:
        return bytes.fromhex(self.ask("seal", message=message, number=number))

    def open(self, record: bytes, answers: int) -> bytes:
        return bytes.fromhex(self.ask("open", record=record, answers=answers))


class NodePage(ScriptPage):
    """One in a process of Node."""

    def __init__(self) -> None:
        node = shutil.which("node")
        if node is None:
            unavailable("Node")
        self._process = subprocess.Popen(
            [str(node), str(ROOT / "tests" / "js" / "seal_node.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask("load", code=self.code())

    def __enter__(self) -> NodePage:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=60)

    def _ask(self, do: str, values: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said


class BrowserPage(ScriptPage):
    """One in the page *web* of a browser."""

    def __init__(self, web: WebPage) -> None:
        self.web = web
        web.evaluate(f"globalThis.sealed = {self.code()}; null")

    def _ask(self, do: str, values: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = self.web.evaluate(
            """async ([name, values]) => {
              try { return { result: await sealed[name](values) }; }
              catch (error) { return { error: `${error.constructor.name}: ${error.message}` }; }
            }""",
            [do, values],
        )
        return said


def connected(
    page: Page, static: bytes | None = None, pin: bytes | None = None, secret: bytes | None = None
) -> Channel:
    """The server's channel with *page*."""
    handshake = Handshake(ORIGIN, MOUNT, static, secret)
    return handshake.finish(page.finish(handshake.answer(page.first(pin=pin, secret=secret))))
