"""A page with parano without a browser: real HTTP, and the handshake as the browser makes it.

tab = enter(User(server.url))        # a tab, as User.open() has them for any server
tab.click("more")
tab.record({...})                    # sealed, and sent by nobody: for attacks
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.http_page import Packed, Page
from tests.http_session import TRY_AGAIN, Answer, Headers, Refused
from tests.seal.page import Page as Side
from tests.seal.page import PythonPage

if TYPE_CHECKING:
    from tests.http_client import User

__all__ = ["OCTETS", "Knock", "SealedPage", "enter", "is_shell"]

OCTETS = {"Content-Type": "application/octet-stream"}


class Knock:
    """The handshake of a page that is about to be opened."""

    def __init__(
        self,
        user: User,
        path: str = "/",
        identity: bytes | None = None,
        shell: Answer | None = None,
        side: Side | None = None,
    ) -> None:
        self.user, self.url = user, user.absolute(path)
        shell = shell or user.get(path)
        if shell.status != 200:
            raise Refused(shell)
        self.shell = shell.body
        data = shell.text.partition('id="htag-shell">')[2].partition("</script>")[0]
        self.place: dict[str, str] = json.loads(data)
        self.side: Side = side or PythonPage(identity or user.identity)

    def key(self, headers: Headers | None = None, origin: str = "") -> Answer:
        """Asks for the server's half. *origin* is where the page believes to be."""
        first = self.side.first(origin or self.user.origin, self.place["path"])
        return self.user.post(self.place["key"], first, {**OCTETS, **(headers or {})})

    def page(self, answer: Answer, query: str = "") -> tuple[bytes, dict[str, str]]:
        """Body and headers of what asks for the page."""
        third = self.side.finish(answer.body)
        query = query or urlsplit(self.url).query
        record = self.side.seal(json.dumps({"query": query}).encode())
        return third + record, {**OCTETS, "X-Htag": answer.headers["X-Htag"]}

    def ask(self, body: bytes, headers: dict[str, str]) -> Answer:
        return self.user.post(self.place["page"], body, headers)

    def open(self, query: str = "") -> Answer:
        """The page, sealed, or what is there in place of it."""
        key = self.key()
        return key if key.status != 200 else self.ask(*self.page(key, query))

    def said(self, answer: Answer) -> dict[str, str]:
        """What there is in place of the shell."""
        found: dict[str, str] = json.loads(self.side.open(answer.body, 0))
        return found


def is_shell(answer: Answer) -> bool:
    """Whether that is the page before a page."""
    return b'id="htag-shell">' in answer.body


def enter(
    user: User,
    path: str = "/",
    query: str = "",
    identity: bytes | None = None,
    shell: Answer | None = None,
    side: Side | None = None,
) -> SealedPage:
    """Opens a page, of which the *shell* may be there. *side* does what the page's script does. Raises
    Refused."""
    knock = Knock(user, path, identity, shell, side)
    answer = knock.open(query)
    if answer.status != 200:
        raise Refused(answer)
    html = knock.said(answer)["html"]
    return SealedPage(knock, Answer(200, answer.headers, html.encode()))


@dataclass
class Sealed(Packed):
    """A record, which is good for one request."""

    side: Side = field(default_factory=PythonPage)

    @property
    def number(self) -> int:
        return int.from_bytes(self.body[4:12], "big")

    def opened(self, body: bytes) -> bytes:
        return self.side.open(body, self.number)

    def event(self, data: str) -> bytes:
        return self.opened(base64.b64decode(json.loads(data)))


class SealedPage(Page):
    """One tab."""

    again = TRY_AGAIN | {425}
    twice = 425

    def __init__(self, knock: Knock, answer: Answer) -> None:
        self.side = knock.side
        super().__init__(knock.user, knock.url, answer)

    def pack(self, body: Any) -> Packed:
        return Sealed(self.record(body), OCTETS, self.side)

    def record(self, body: Any) -> bytes:
        """What the page would post."""
        return self.side.seal(body if isinstance(body, bytes) else json.dumps(body).encode())

    def send(self, name: str, record: bytes) -> Answer:
        """Posts a record as it is."""
        return self.deliver(name, Packed(record, OCTETS))

    def leave(self) -> Answer:
        return self.post("leave", {})

    def message(self, name: str) -> dict[str, Any]:
        """The interaction that a click on the button *name* would post."""
        (message,) = self.messages(self.find(f"^{name}$", tag="button").attributes["onclick"])
        return {"seq": self.seq + 1, "cursor": self.cursor, "message": message}

    @property
    def count(self) -> str:
        """How often "more" was clicked, as the server says."""
        self.poll()
        return self.find(tag="output").text
