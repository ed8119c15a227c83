"""A visitor of the soak: goes on whatever happens to the server, and notes what should not have happened."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .connection import Connection, Response, Sink, with_body
from .generations import WrongReply
from .host_page import HostPage
from .pages import Tally

PATIENCE = 60.0  # seconds until a server that cannot be reached counts as one that does not come back
SLOW = 40.0  # seconds until a request counts as one that is never answered: over the grace of a long poll
AGAIN = frozenset({429, 502, 503, 504})  # what a page tries again

_KEPT = re.compile(r"kept (\d+)\.")
_PUSHED = re.compile(r"pushed\('(\w+)', ?(\d+)\)")


@dataclass
class Notes:
    """What all visitors have done and seen."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    absences: list[float] = field(default_factory=list)  # seconds until a page was there again

    def error(self, text: str) -> None:
        """What must not be."""
        self.counts["errors"] += 1
        self.wrong.append(f"{time.strftime('%H:%M:%S')} {text}")


@dataclass
class Account:
    """What a session must hold: so many clicks were acknowledged, of so many more nobody knows."""

    cookies: str = ""
    acknowledged: int = 0
    unknown: int = 0

    def check(self, shown: int) -> bool:
        """Whether the page may show this number; it is what was acknowledged then."""
        right = self.acknowledged <= shown <= self.acknowledged + self.unknown
        self.acknowledged, self.unknown = shown, 0
        return right


class Gone(Exception):
    """The instance has ended: a browser loads the page again."""


class _Stream(Connection):
    """A connection that says when it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.ended.set()


class SoakPage(HostPage):
    """A page that reconnects, and sends a click again with its number, until it knows what became of it."""

    def __init__(self, port: int, account: Account, notes: Notes) -> None:
        super().__init__(port, Tally(), account.cookies)
        self.account = account
        self.notes = notes
        self.gone = asyncio.Event()
        self.shown = 0
        self.pushes: dict[str, int] = {}
        self._collecting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load it, and begin to collect pushes. Raises OSError and WrongReply while there is no server."""
        await self.load()
        self.account.cookies = self.cookies
        found = _KEPT.search(self.text)
        self.shown = int(found[1]) if found else -1
        if not self.account.check(self.shown):
            self.notes.error(f"a page shows {found and found[0]!r}, which was not acknowledged")
        self._collecting = asyncio.ensure_future(self._collect())

    async def click(self) -> None:
        """Click once. Raises Gone."""
        self.clicks += 1
        self.account.unknown += 1
        message = self._button.message(self.clicks)
        body = f'{{"seq": {self.clicks}, "cursor": {self._cursor}, "message": {message}}}'
        batch = json.loads((await self._insist("call", body.encode())).body)
        self._apply(batch)
        if not batch["done"]:
            self.notes.counts["answers that were early"] += 1  # its result is stored a moment later
        elif self._held:
            self.notes.counts["answers before what precedes them"] += 1
        elif not self.account.check(self.shown):
            self.notes.error(f"click {self.clicks} shows {self.shown}: {self.account}")
        else:
            self.notes.counts["clicks"] += 1

    async def end(self, leave: bool) -> None:
        """Close it, with or without a word."""
        if leave:
            head = self._post_head("leave", "text/plain;charset=UTF-8", token="")
            with suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(self._send(with_body(head, self._token.encode())), SLOW)
        if self._collecting:
            self._collecting.cancel()
        self.close()

    # the wire
    async def _insist(self, url: str, body: bytes) -> Response:
        """The answer, asked for until there is one. Raises Gone."""
        until = time.monotonic() + PATIENCE
        pause = 0.05
        while True:
            with suppress(OSError, asyncio.TimeoutError):
                answer = await asyncio.wait_for(self._send(with_body(self._post_head(url), body)), SLOW)
                if answer.status in (409, 410):
                    raise Gone
                if answer.status == 200:
                    return answer
                if answer.status not in AGAIN:
                    self.notes.error(f"{url}: status {answer.status}, {answer.body[:200]!r}")
                    raise Gone
            if time.monotonic() > until:
                self.notes.error(f"{url}: no answer within {PATIENCE:g} s")
                raise Gone
            self.notes.counts["requests that were sent again"] += 1
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, 1.0)

    async def _send(self, request: bytes, sink: Sink | None = None) -> Response:
        """One request, over a connection of its own: any web process may answer."""
        connection = await Connection.open(self.port)
        try:
            return await connection.send(request, sink)
        finally:
            connection.close()

    async def _collect(self) -> None:
        """Hold a stream open, and another when it ends."""
        while not self.gone.is_set():
            with suppress(OSError, asyncio.TimeoutError):
                await self._stream_once()
            await asyncio.sleep(random.uniform(0.1, 0.5))

    async def _stream_once(self) -> None:
        loop = asyncio.get_running_loop()
        _, stream = await loop.create_connection(_Stream, "127.0.0.1", self.port)
        self._events = b""
        try:
            request = with_body(self._post_head("stream"), b'{"cursor": %d}' % self._cursor)
            answer = await asyncio.wait_for(stream.send(request, self._feed), SLOW)
            if answer.status in (409, 410):
                self.gone.set()
            elif answer.status == 200:
                await stream.ended.wait()  # a server ends the stream of an instance that has ended
            elif answer.status not in AGAIN:
                self.notes.error(f"stream: status {answer.status}")
        finally:
            stream.close()

    def _feed(self, piece: bytes) -> None:
        *events, self._events = (self._events + piece).split(b"\n\n")
        for event in events:
            fields = dict(line.partition(b": ")[::2] for line in event.splitlines())
            if fields.get(b"event") == b"batch":
                self._apply(json.loads(fields[b"data"]))
            elif fields.get(b"event") == b"gone":
                self.gone.set()

    def _apply(self, batch: dict[str, Any]) -> None:
        if batch.get("reset"):  # it is drawn anew: what was to be run in between is not
            self.notes.counts["pages that were drawn anew"] += 1
            self.pushes.clear()
        super()._apply(batch)

    def _show(self, payload: dict[str, Any]) -> None:
        if payload.get("exit"):
            self.gone.set()
        text = json.dumps(payload)
        for kept in _KEPT.findall(text):
            self.shown = int(kept)
        for name, number in _PUSHED.findall(text):
            last = self.pushes.get(name)
            self.pushes[name] = int(number)
            if last is None or int(number) == last + 1:
                self.notes.counts["pushes"] += 1
            else:
                self.notes.error(f"push {number} of {name} came after {last}")


class Visitor:
    """Opens pages, clicks, reloads, closes, comes back, until it is over."""

    def __init__(self, port: int, notes: Notes, think: float) -> None:
        self.port = port
        self.notes = notes
        self.think = think
        self.account = Account()
        self.accounts = [self.account]

    async def run(self, until: float) -> None:
        """Until that time of the monotonic clock."""
        away = None
        while time.monotonic() < until:
            page = SoakPage(self.port, self.account, self.notes)
            try:
                await asyncio.wait_for(page.open(), SLOW)
            except (OSError, WrongReply, asyncio.TimeoutError) as error:
                away = away or time.monotonic()
                self.notes.counts["pages that were asked for again"] += 1
                if time.monotonic() - away > PATIENCE:
                    self.notes.error(f"no page within {PATIENCE:g} s: {error}")
                    away = time.monotonic()
                await page.end(leave=False)
                await asyncio.sleep(random.uniform(0.2, 0.8))
                continue
            if away:
                self.notes.absences.append(time.monotonic() - away)
                away = None
            self.notes.counts["pages"] += 1
            away = await self._look_around(page, until)

    async def _look_around(self, page: SoakPage, until: float) -> float | None:
        """Use a page until it is closed: when it was lost, or None."""
        try:
            while time.monotonic() < until:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(page.gone.wait(), self.think * random.uniform(0.5, 1.5))
                if page.gone.is_set():
                    raise Gone
                what = random.random()
                if what < 0.80:
                    await page.click()
                else:
                    return await self._close(page, what)
        except Gone:
            self.notes.counts["pages that were lost"] += 1
            await page.end(leave=False)
            return time.monotonic()
        await page.end(leave=True)
        return None

    async def _close(self, page: SoakPage, what: float) -> None:
        if what < 0.92:
            self.notes.counts["reloads"] += 1
            await page.end(leave=True)
        elif what < 0.96:
            self.notes.counts["pages that vanished"] += 1
            await page.end(leave=False)
        else:
            self.notes.counts["sessions that were left"] += 1
            await page.end(leave=True)
            self.account = Account()
            self.accounts.append(self.account)
