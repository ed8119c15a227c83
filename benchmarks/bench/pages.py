"""One loaded page as its browser would drive it: the contract, and the pages of the peers."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass

from .connection import Connection, Response, request_head, with_body
from .generations import Htag1Button, WrongReply
from .websocket import WebSocket


@dataclass
class Tally:
    """What was tried again on one server: pages after a 500, and requests over a closed connection."""

    retries: int = 0
    reconnections: int = 0


class Page(ABC):
    """A page of a new session; ``clicks`` is the number of clicks made so far."""

    def __init__(self, port: int, tally: Tally) -> None:
        self.port = port
        self.tally = tally
        self.clicks = 0
        self.connection: Connection | None = None

    @abstractmethod
    async def load(self) -> None:
        """GET the page over a new connection and find its button."""

    @abstractmethod
    async def connect(self) -> None:
        """Open the channel by which the page receives pushes."""

    @abstractmethod
    async def click(self) -> None:
        """Click once and wait until the page shows the number of the click.

        Raises:
            WrongReply: the answer is not that of this click.
        """

    async def leave(self) -> None:  # noqa: B027  # most protocols have no word for it
        """Tell the server that the page is being closed."""

    def close(self) -> None:
        """Close the connections at once."""
        if self.connection is not None:
            self.connection.close()

    async def post(self, request: bytes) -> Response:
        """Send a request over the page's connection; over a new one, as a browser does, if the server has
        closed it meanwhile (gunicorn does so after two idle seconds).
        """
        assert self.connection is not None
        try:
            return await self.connection.send(request)
        except ConnectionResetError:
            self.tally.reconnections += 1
            self.connection = await Connection.open(self.port)
            return await self.connection.send(request)

    async def get(self, cookies: str = "") -> Response:
        """GET the page as a navigating browser with these cookies, over a new connection."""
        self.connection = await Connection.open(self.port)
        head = request_head(
            "GET",
            "/",
            self.port,
            Accept="text/html,*/*;q=0.8",
            Sec_Fetch_Mode="navigate",
            Sec_Fetch_Dest="document",
            Sec_Fetch_Site="none",
            Cookie=cookies,
        )
        return await self.connection.send(head + b"\r\n")


class HtagwebPage(Page):
    """htagweb 1.0.0 over its WebSocket, which carries the messages and the answers of htag 1 as they are."""

    max_retries = 10

    def __init__(self, port: int, tally: Tally) -> None:
        super().__init__(port, tally)
        self._websocket: WebSocket | None = None

    async def load(self) -> None:
        response = await self.get()
        for _ in range(self.max_retries):
            if response.status != 500:  # 500: "Process failed to create sockets after 1.0s"
                break
            self.tally.retries += 1
            self.close()
            response = await self.get()
        if response.status != 200:
            raise WrongReply(f"page: status {response.status}")
        self._cookies = response.cookies()
        self._page = response.body.decode()
        self._button = Htag1Button(self._page)

    async def connect(self) -> None:
        path = self._page.split('location.host + webroot + "')[1].split('"')[0]
        self._websocket = await WebSocket.open(self.port, f"/{path}", self._cookies)
        del self._page

    async def click(self) -> None:
        assert self._websocket is not None
        self.clicks += 1
        answer = await self._websocket.ask(self._button.message(self.clicks).encode())
        if not self._button.shows(json.loads(answer), self.clicks):
            raise WrongReply(f"click {self.clicks}: {answer[:300]!r}")

    def close(self) -> None:
        super().close()
        if self._websocket is not None:
            self._websocket.close()


class EchoPage(Page):
    """The Flask floor: a "click" is a POST of 200 bytes, whose answer is its own body."""

    size = 200

    async def load(self) -> None:
        self.connection = await Connection.open(self.port)

    async def connect(self) -> None:
        self._head = request_head(
            "POST",
            "/",
            self.port,
            Accept="*/*",
            Content_Type="application/json",
            Origin=f"http://127.0.0.1:{self.port}",
            Sec_Fetch_Mode="cors",
            Sec_Fetch_Site="same-origin",
        )

    async def click(self) -> None:
        self.clicks += 1
        body = b'{"seq": %d, "pad": "' % self.clicks
        body += b"x" * (self.size - len(body) - 2) + b'"}'
        response = await self.post(with_body(self._head, body))
        if response.body != body:
            raise WrongReply(f"click {self.clicks}: status {response.status}, {response.body[:300]!r}")
