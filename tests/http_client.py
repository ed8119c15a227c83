"""A browser that is none: real HTTP, and pages by the rules of the client in the browser.

    user = User(server.url)                      # a browser: its cookies, its connections, its key
    page = user.open("/")                        # a tab, which is sealed where the server demands that
    page.click("go")                             # the button that reads "go"
    with page.stream():                          # or page.polling(): pushes arrive in a thread
        page.wait_for(lambda: "7" in page.text)
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urljoin

from tests.http_page import Page
from tests.http_sealed import Knock, enter, is_shell
from tests.http_session import Answer, Headers, ProtocolError, Refused, Session

__all__ = ["Answer", "Page", "ProtocolError", "Refused", "User"]


class User(Session):
    """A browser that opens pages."""

    def __init__(
        self, url: str, *, keep_alive: bool = True, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(url, keep_alive=keep_alive, headers=headers)
        #: By which servers know it again, with parano: any 32 bytes are a key.
        self.identity = secrets.token_bytes(32)

    def open(self, path: str = "/", headers: Headers | None = None) -> Page:
        """Loads a page of an htag app, following redirects as a browser does. Raises Refused."""
        for _ in range(5):
            answer = self.get(path, headers)
            if answer.status not in (301, 302, 303, 307, 308):
                break
            path = urljoin(self.absolute(path), answer.headers["Location"])
        if answer.status != 200:
            raise Refused(answer)
        if is_shell(answer):
            return enter(self, path, shell=answer)
        return Page(self, self.absolute(path), answer)

    def visit(self, path: str) -> Answer:
        """The answer to who opens a page, if it is there or not; of a sealed one, the one that tells."""
        answer = self.get(path)
        return Knock(self, path, shell=answer).open() if is_shell(answer) else answer
