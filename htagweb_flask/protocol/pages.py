"""What web processes ask for pages: to render one, to run an interaction, what is new."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..errors import BadMessage
from .base import Struct
from .sessions import Delta

__all__ = [
    "Batch",
    "Handshake",
    "Interact",
    "Leave",
    "Page",
    "Poll",
    "Render",
    "RequestInfo",
    "Shaken",
]


class RequestInfo(Struct):
    """The HTTP request of a page, as far as htag 2 shows it to apps as ``request``."""

    method: str
    scheme: str
    host: str
    port: int
    root_path: str
    path: str
    query: str
    client: tuple[str, int]
    headers: list[tuple[str, str]]


class Render(Struct):
    """Render the app's page for *client*, with its session as it was *loaded* (at that time by the monotonic
    clock of this machine); *renew* says that a new instance may be asked for by the query; *nonce* marks its
    scripts, where a strict policy lets no others run. Reply: Page.

    With parano, *sealed* is the end of the handshake and what the browser asks for; *peer* is the key by
    which the browser of this session is known, if it is; *integrity* is what the page says of its script."""

    client: str
    link: str
    sid: str
    request: RequestInfo
    session: bytes
    loaded: float
    renew: bool
    transport: str
    script: str
    boot: dict[str, str | bool | dict[str, str]]
    sealed: bytes = b""
    peer: str = ""
    integrity: str = ""
    nonce: str = ""


class Page(Struct):
    """A whole HTML page; with parano, sealed."""

    html: bytes
    delta: Delta | None = None


class Handshake(Struct):
    """Parano: the browser's *first* message of a handshake, for the page of *client* in session *link*, which
    the server takes to be at *origin* + *place*. Reply: Shaken."""

    client: str
    link: str
    origin: str
    place: str
    first: bytes


class Shaken(Struct):
    """The server's message of a handshake."""

    second: bytes


class Interact(Struct):
    """An interaction: *body* is the JSON that the browser posted, not looked at on its way. Reply: Batch."""

    client: str
    body: bytes


class _Where(msgspec.Struct, forbid_unknown_fields=True):
    """What a page posts to be told what is new."""

    cursor: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]  # whole numbers that JavaScript has
    wait: float = 0.0
    hidden: bool = False


class Poll(Struct):
    """What comes after *cursor*, after at most *wait* seconds. *fresh* says that the cursor is the browser's
    own word (a new stream, a poll), and not what was written to a stream that is still open. A *hidden* page
    is one that nobody looks at. Reply: Batch.

    With parano, the browser's own word is *sealed*; a stream goes on with the number that it *answers*."""

    client: str
    cursor: int
    wait: float
    fresh: bool = True
    hidden: bool = False
    sealed: bytes = b""
    answers: int = 0

    @classmethod
    def read(cls, client: str, body: bytes, longest: float) -> Poll:
        """What the page *client* asks for, waiting *longest* seconds at most. Raises BadMessage."""
        try:
            where = msgspec.json.decode(body, type=_Where)
        except (ValueError, RecursionError) as error:
            raise BadMessage(str(error)) from None
        return cls(client, where.cursor, min(max(where.wait, 0.0), longest), hidden=where.hidden)


class Batch(Struct):
    """JSON for the browser (empty when there is nothing to say), and the number of its last payload.

    With a delta, the browser gets it when that is stored: what a user has seen is never lost. *sid* is the
    id of the session now (empty: as it was). With parano, the body is sealed, as the answer to the record of
    the number that it *answers*."""

    body: bytes
    last: int
    delta: Delta | None = None
    sid: str = ""
    answers: int = 0

    @property
    def answer(self) -> bytes:
        """The same for who has asked, and is told that there is nothing."""
        return self.body or b'{"first":%d,"payloads":[]}' % (self.last + 1)


class Leave(Struct):
    """The browser says that this page is closed; with parano, by a record. Reply: Done."""

    client: str
    sealed: bytes = b""
