"""A page with parano without a browser: real HTTP, and the handshake as the browser makes it.

tab = enter(User(server.url))        # a tab: sealed, as tests.http_client has them in clear
tab.click("more")
tab.record({...})                    # sealed, and sent by nobody: for attacks
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin

from tests.http_client import Answer, Page, User
from tests.http_session import Headers, Refused
from tests.seal.page import PythonPage

__all__ = ["OCTETS", "Knock", "SealedPage", "enter"]

OCTETS = {"Content-Type": "application/octet-stream"}


class Knock:
    """The handshake of a page that is about to be opened."""

    def __init__(self, user: User, path: str = "/", identity: bytes | None = None) -> None:
        self.user, self.url = user, user.absolute(path)
        shell = user.get(path)
        if shell.status != 200:
            raise Refused(shell)
        self.shell = shell.body
        data = shell.text.partition('id="htag-shell">')[2].partition("</script>")[0]
        self.place: dict[str, str] = json.loads(data)
        self.side = PythonPage(identity)

    def key(self, headers: Headers | None = None, origin: str = "") -> Answer:
        """Asks for the server's half. *origin* is where the page believes to be."""
        first = self.side.first(origin or self.user.origin, self.place["path"])
        return self.user.post(self.place["key"], first, {**OCTETS, **(headers or {})})

    def page(self, answer: Answer, query: str = "") -> tuple[bytes, dict[str, str]]:
        """Body and headers of what asks for the page."""
        third = self.side.finish(answer.body)
        record = self.side.seal(json.dumps({"query": query}).encode())
        return third + record, {**OCTETS, "X-Htag": answer.headers["X-Htag"]}

    def ask(self, body: bytes, headers: dict[str, str]) -> Answer:
        return self.user.post(self.place["page"], body, headers)

    def said(self, answer: Answer) -> dict[str, str]:
        """What there is in place of the shell."""
        found: dict[str, str] = json.loads(self.side.open(answer.body, 0))
        return found


def enter(user: User, path: str = "/", query: str = "", identity: bytes | None = None) -> SealedPage:
    """Opens a page. Raises Refused."""
    knock = Knock(user, path, identity)
    key = knock.key()
    if key.status != 200:
        raise Refused(key)
    answer = knock.ask(*knock.page(key, query))
    if answer.status != 200:
        raise Refused(answer)
    html = knock.said(answer)["html"]
    return SealedPage(knock, Answer(200, answer.headers, html.encode()))


class SealedPage(Page):
    """One tab."""

    def __init__(self, knock: Knock, answer: Answer) -> None:
        self.side = knock.side
        super().__init__(knock.user, urljoin(knock.url, knock.place["path"]), answer)

    def record(self, body: Any) -> bytes:
        """What the page would post."""
        return self.side.seal(body if isinstance(body, bytes) else json.dumps(body).encode())

    def send(self, name: str, record: bytes) -> Answer:
        """Posts a record as it is."""
        return super().post(name, record, OCTETS)

    def post(self, name: str, body: Any, headers: Headers | None = None) -> Answer:
        record = self.record(body)
        answer = super().post(name, record, {**OCTETS, **(headers or {})})
        if answer.status == 200:
            answer.body = self.side.open(answer.body, int.from_bytes(record[4:12], "big"))
        return answer

    def poll(self, wait: float = 0, connection: Any = None) -> dict[str, Any]:
        return self._accept(self.post("poll", {"cursor": self.cursor, "wait": wait}), "poll")

    def message(self, name: str) -> dict[str, Any]:
        """The interaction that a click on the button *name* would post."""
        (message,) = self.messages(self.find(f"^{name}$", tag="button").attributes["onclick"])
        return {"seq": self.seq + 1, "cursor": self.cursor, "message": message}

    @property
    def count(self) -> str:
        """How often "more" was clicked, as the server says."""
        self.poll()
        return self.find(tag="output").text
