"""A page of htagweb_flask: its calls, its event stream and the rule of the cursor (a payload is applied
once, in the order of the numbers, whichever of the two brings it first).
"""

from __future__ import annotations

import asyncio
import html
import json
import re
from typing import Any

from .connection import Connection, request_head, with_body
from .generations import BUTTONS, WrongReply
from .pages import Page, Tally

_BOOT = re.compile(r'<script\b[^>]*\bid="htag-boot"[^>]*>(.*?)</script>', re.DOTALL)


class HostPage(Page):
    """A page with its event stream open, as in the browser; *cookies* are those of another page in it."""

    def __init__(self, port: int, tally: Tally, cookies: str = "") -> None:
        super().__init__(port, tally)
        self.cookies = cookies
        self._cursor = 0
        self._held: dict[int, dict[str, Any]] = {}  # payloads beyond a gap, by number
        self._shown = 0  # the last click whose number the page shows
        self._waiter: asyncio.Future[None] | None = None
        self._stream: Connection | None = None
        self._events = b""

    async def load(self) -> None:
        response = await self.get(self.cookies)
        text = response.body.decode()
        found = _BOOT.search(text)
        if response.status != 200 or found is None:
            raise WrongReply(f"page: status {response.status}, {text[:300]!r}")
        boot: dict[str, Any] = json.loads(found[1])
        if boot["transport"] != "sse":
            raise WrongReply(f"the benchmark measures event streams, the page asks for {boot['transport']}")
        self.text = text[found.end() :]
        self._button = BUTTONS[boot["generation"]](self.text)
        self._cursor = boot["cursor"]
        self._urls: dict[str, str] = boot["urls"]
        self._token: str = boot["token"]
        self.cookies = response.cookies() or self.cookies
        self._call_head = self._post_head("call")

    async def connect(self) -> None:
        """Open the event stream and wait for its hello."""
        self._stream = await Connection.open(self.port)
        self._waiter = hello = asyncio.get_running_loop().create_future()
        body = b'{"cursor": %d}' % self._cursor
        response = await self._stream.send(with_body(self._post_head("stream"), body), self._feed)
        if response.status != 200:
            raise WrongReply(f"stream: status {response.status}")
        await hello

    async def click(self) -> None:
        self.clicks += 1
        message = self._button.message(self.clicks)
        body = f'{{"seq": {self.clicks}, "cursor": {self._cursor}, "message": {message}}}'
        response = await self.post(with_body(self._call_head, body.encode()))
        if response.status != 200:
            raise WrongReply(f"click {self.clicks}: status {response.status}, {response.body[:300]!r}")
        batch = json.loads(response.body)
        self._apply(batch)
        if self._shown != self.clicks:
            if batch.get("done", True) and not self._held:
                raise WrongReply(f"click {self.clicks}: {response.body[:300]!r}")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter  # the answer comes by the stream

    async def leave(self) -> None:
        """Send the beacon of a page that is being hidden."""
        if self.connection is not None:
            head = self._post_head("leave", "text/plain;charset=UTF-8", token="")
            response = await self.post(with_body(head, self._token.encode()))
            if response.status >= 300:
                raise WrongReply(f"leave: status {response.status}, {response.body[:300]!r}")

    def close(self) -> None:
        super().close()
        if self._stream is not None:
            self._stream.close()

    def _post_head(self, url: str, content_type: str = "application/json", token: str | None = None) -> bytes:
        path = html.unescape(self._urls[url])
        origin = f"http://127.0.0.1:{self.port}"
        return request_head(
            "POST",
            path.removeprefix(origin),
            self.port,
            Accept="*/*",
            Content_Type=content_type,
            Origin=origin,
            Sec_Fetch_Mode="cors",
            Sec_Fetch_Site="same-origin",
            Cookie=self.cookies,
            X_Htag=self._token if token is None else token,
        )

    def _feed(self, piece: bytes) -> None:
        """Take a piece of the event stream."""
        *events, self._events = (self._events + piece).split(b"\n\n")
        for event in events:
            fields = dict(line.partition(b": ")[::2] for line in event.splitlines())
            if fields.get(b"event") == b"batch":
                self._apply(json.loads(fields[b"data"]))
            elif fields.get(b"event") == b"hello":
                self._wake()
            elif fields.get(b"event") in (b"gone", b"bye"):
                self._wake(WrongReply(f"the stream ends: {event!r}"))

    def _apply(self, batch: dict[str, Any]) -> None:
        """Apply what comes after the cursor, and hold back what comes after a gap."""
        first: int = batch["first"]
        if batch.get("reset"):
            self._held.clear()
            self._cursor = first - 1
        for number, payload in enumerate(batch["payloads"], first):
            if number > self._cursor:
                self._held[number] = payload
        while (payload := self._held.pop(self._cursor + 1, None)) is not None:
            self._cursor += 1
            self._show(payload)

    def _show(self, payload: dict[str, Any]) -> None:
        if self._button.shows(payload, self.clicks):
            self._shown = self.clicks
            self._wake()

    def _wake(self, error: Exception | None = None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
