"""A page without a browser: the rules of the client in the browser, every payload on record.

It executes no script. What htag writes into the page is understood as far as a click needs: interact({..}) of
htag 1, the htag_event('id', 'name', event) of htag 2.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from tests.dom import Element, parse
from tests.htag_js import js_calls, js_events
from tests.http_session import TIMEOUT, TRY_AGAIN, Answer, Headers, ProtocolError, Refused
from tests.inbox import Inbox
from tests.push import Polling, Stream
from tests.support import wait_until

if TYPE_CHECKING:
    from tests.http_client import User

__all__ = ["Packed", "Page"]


@dataclass
class Packed:
    """What a page posts, as it goes over the wire, and how it reads what it is answered."""

    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def opened(self, body: bytes) -> bytes:
        """What a whole answer says."""
        return body

    def event(self, data: str) -> bytes:
        """What an event of a stream says."""
        return data.encode()


class Page:
    """One tab: its document, its cursor, its numbered calls. Its methods may be used from several threads."""

    again = TRY_AGAIN
    #: What it is answered when the network has sent a call twice, the second time.
    twice = 200

    def __init__(self, user: User, url: str, answer: Answer) -> None:
        self.user, self.url, self.answer = user, url, answer
        self.html = answer.text
        self.dom = parse(self.html)
        boot = self.dom.by_id("htag-boot")
        if boot is None:
            raise ProtocolError(f"no htag-boot in the page: {self.html[:500]!r}")
        self.boot: dict[str, Any] = json.loads(boot.source)
        self.generation: int = self.boot["generation"]
        self.token: str = self.boot["token"]
        self.urls: dict[str, str] = {name: urljoin(url, path) for name, path in self.boot["urls"].items()}
        #: (number, payload) of all that was applied, in the order in which it was.
        self.applied: list[tuple[int, Any]] = []
        #: Every batch as it came, with where it came from and when.
        self.batches: list[tuple[float, str, dict[str, Any]]] = []
        #: JavaScript that payloads brought, in order. It is not run.
        self.scripts: list[str] = []
        #: Error texts that payloads brought.
        self.errors: list[str] = []
        self.retries = 0
        self.seq = 0
        self.gone = False
        self._calling = threading.Lock()
        self._changed = threading.Condition(threading.RLock())
        payloads = self.boot["payloads"]
        self._next: list[str] = []
        self.inbox = Inbox(self.boot["cursor"] - len(payloads), self._apply)
        self.take({"first": self.inbox.cursor + 1, "payloads": payloads}, "page")

    # -- what a person sees

    @property
    def cursor(self) -> int:
        return self.inbox.cursor

    @property
    def text(self) -> str:
        """What can be read on the page now."""
        with self._changed:
            body = next((one for one in self.dom.walk() if one.tag == "body"), self.dom)
            return body.text

    @property
    def title(self) -> str:
        return next((one.text for one in self.dom.walk() if one.tag == "title"), "")

    def find(self, text: str | None = None, *, tag: str | None = None, **attributes: str) -> Element:
        """The first such element: page.find("go"), page.find(tag="input", name="^city$", class_="x")."""
        with self._changed:
            found = self.find_all(text, tag=tag, **attributes)
        if not found:
            wanted = f"{text!r} {tag or ''} {attributes or ''}"
            raise AssertionError(f"no element with {wanted} in {self.text[:500]!r}")
        return found[0]

    def find_all(
        self, text: str | None = None, *, tag: str | None = None, **attributes: str
    ) -> list[Element]:
        with self._changed:
            return self.dom.find_all(text, tag=tag, **attributes)

    def has(self, text: str) -> bool:
        """Whether the page shows a text that this regular expression matches."""
        return re.search(text, self.text) is not None

    def wait_for(self, condition: Callable[[], Any], timeout: float = 10, what: str = "") -> Any:
        """Waits until what arrived makes it true. Asks for what a gap that stays has swallowed."""

        def look() -> Any:
            if self.inbox.gap_is_old:
                self.poll(0)
            with self._changed:
                value = condition()
                if not value:
                    self._changed.wait(0.1)
                return value

        return wait_until(look, timeout, what or f"condition on {self.text[:300]!r}", every=0)

    def wait_text(self, text: str, timeout: float = 10) -> None:
        self.wait_for(lambda: self.has(text), timeout, f"{text!r} on the page")

    # -- what a person does

    def click(self, text: str | None = None, *, event: str = "click", **choose: Any) -> list[dict[str, Any]]:
        """Clicks the element with this text; what its handler calls is called, and followed to its end."""
        return self.fire(self.find(text, **{f"on{event}": "", **choose}), event)

    def input(self, value: Any, *, event: str = "input", **choose: Any) -> list[dict[str, Any]]:
        """Types into the element."""
        return self.fire(self.find(**{f"on{event}": "", **choose}), event, value=value)

    def click_matching(self, pattern: str, **event: Any) -> list[dict[str, Any]]:
        """Clicks the first element in whose start tag or text this regular expression is found."""
        with self._changed:
            for element in self.dom.walk():
                attributes = "".join(f' {name}="{value}"' for name, value in element.attributes.items())
                shown = f"<{element.tag}{attributes}>{element.text}"
                if "onclick" in element.attributes and re.search(pattern, shown):
                    break
            else:
                raise AssertionError(f"no element with onclick matches {pattern!r}")
        return self.fire(element, "click", **event)

    def fire(self, element: Element, event: str, **data: Any) -> list[dict[str, Any]]:
        """Runs the calls of an element's handler. *data* is what the event holds."""
        code = element.attributes.get(f"on{event}")
        if code is None:
            raise AssertionError(f"{element!r} has no on{event}")
        data.setdefault("value", element.attributes.get("value", ""))
        messages = self.messages(code, data)
        if not messages:
            raise AssertionError(f"no call to the server in on{event} of {element!r}: {code}")
        return [self.call(message) for message in messages]

    def messages(self, code: str, event: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The messages that this JavaScript of htag would send."""
        data = dict(event or {})
        if self.generation == 2:
            return [self.event(tag, name, **data) for tag, name in js_events(code)]
        values = {"jevent(event)": data, "this.value": data.get("value"), "this.checked": data.get("checked")}
        return js_calls(code, values)

    def event(self, tag: str, name: str, **data: Any) -> dict[str, Any]:
        """A message of htag 2."""
        return {"id": tag, "event": name, "data": {"callback_id": f"c{random.getrandbits(48):x}", **data}}

    def method(self, tag: int, name: str, *args: Any, event: Any = None, **kargs: Any) -> dict[str, Any]:
        """A message of htag 1."""
        return {"id": tag, "method": name, "args": list(args), "kargs": kargs, "event": event or {}}

    # -- the wire

    def headers(self) -> dict[str, str]:
        return {**self.user.same_origin(), "Referer": self.url, "X-Htag": self.token}

    def pack(self, body: Any) -> Packed:
        """What it posts to say that."""
        return Packed(body)

    def post(self, name: str, body: Any, headers: Headers | None = None) -> Answer:
        """A bare POST to one of the page's urls ("call", "poll", "leave"): not tried again, not applied."""
        return self.deliver(name, self.pack(body), headers)

    def deliver(self, name: str, packed: Packed, headers: Headers | None = None) -> Answer:
        """The same, of what may have been sent before."""
        sent = {**self.headers(), **packed.headers, **(headers or {})}
        answer = self.user.request("POST", self.urls[name], packed.body, sent)
        if answer.status == 200:
            answer.body = packed.opened(answer.body)
        return answer

    def call(
        self,
        message: dict[str, Any],
        *,
        headers: Headers | None = None,
        follow: bool = True,
        at: int | None = None,
    ) -> dict[str, Any]:
        """Sends a numbered message, applies the answer and returns it. One at a time, as in the browser.

        With *follow*, the next step of an htag 1 generator is asked for as soon as its payload is applied.
        *at* is the cursor when the user acted, if it was sent later.
        """
        with self._calling:
            self.seq += 1
            then = {} if at is None else {"at": at}
            batch = self._send({"seq": self.seq, "cursor": self.cursor, "message": message, **then}, headers)
        if follow:
            self.follow()
        return batch

    def resend(self, seq: int, message: dict[str, Any]) -> dict[str, Any]:
        """Sends an old number again, as after a lost answer."""
        return self._send({"seq": seq, "cursor": self.cursor, "message": message}, None)

    def follow(self) -> None:
        """Asks for the next steps of the generators that wait for it."""
        while True:
            with self._changed:
                if not self._next:
                    return
                code = self._next.pop(0)
            for message in self.messages(code):
                self.call(message, follow=False)

    def poll(self, wait: float = 0, connection: http.client.HTTPConnection | None = None) -> dict[str, Any]:
        """What comes after the cursor, at once or within *wait* seconds. On a connection of its own."""
        connection = connection or self.user.connect(TIMEOUT + wait)
        try:
            packed = self.pack({"cursor": self.cursor, "wait": wait})
            sent = {**self.headers(), **packed.headers}
            response = self.user.send(connection, "POST", self.urls["poll"], packed.body, sent)
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        if answer.status == 200:
            answer.body = packed.opened(answer.body)
        return self._accept(answer, "poll")

    def stream(self, **options: Any) -> Stream:
        """Collects pushes by server-sent events, in a thread; a context manager."""
        return Stream(self, **options)

    def polling(self, wait: float = 10) -> Polling:
        """Collects pushes by long-polling, in a thread; a context manager."""
        return Polling(self, wait)

    def announce(self) -> dict[str, Any]:
        """Says once that the page is there, where no push channel does it."""
        return self.poll(0)

    def leave(self) -> Answer:
        """What the browser sends when the tab is closed."""
        plain = {"Content-Type": "text/plain;charset=UTF-8", "X-Htag": None, "Sec-Fetch-Mode": "no-cors"}
        return self.post("leave", self.token.encode(), plain)

    def reload(self) -> Page:
        """F5: leaves, and loads the same address anew."""
        self.leave()
        return self.user.open(self.url)

    def _send(self, body: dict[str, Any], headers: Headers | None) -> dict[str, Any]:
        deadline = time.monotonic() + TIMEOUT
        for attempt in range(1000):
            try:
                answer = self.post("call", body, headers)
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
            else:
                if answer.status not in self.again or time.monotonic() > deadline:
                    break
            self.retries += 1
            time.sleep(min(1.0, 0.05 * 2**attempt) * random.uniform(0.5, 1))
        batch = self._accept(answer, "call")
        if batch.get("seq") != body["seq"] or not isinstance(batch.get("done"), bool):
            raise ProtocolError(f"not the answer to seq {body['seq']}: {batch!r}")
        return batch

    def _accept(self, answer: Answer, source: str) -> dict[str, Any]:
        if answer.status != 200:
            stale = answer.headers["X-Htag"] == "stale" or b"stale" in answer.body
            self.gone = self.gone or (answer.status == 410 and not stale)
            raise Refused(answer)
        batch: dict[str, Any] = answer.json()
        self.take(batch, source)
        return batch

    def take(self, batch: dict[str, Any], source: str) -> None:
        """Puts a batch on record and applies it."""
        with self._changed:
            self.batches.append((time.monotonic(), source, batch))
            self.inbox.take(batch)
            self._changed.notify_all()

    def _apply(self, number: int, payload: Any) -> None:
        self.applied.append((number, payload))
        if self.generation == 1:
            self._apply1(payload)
        else:
            self._apply2(payload)

    def _apply1(self, payload: dict[str, Any]) -> None:
        for tag, html in payload.get("update", {}).items():
            element = self._body() if str(tag) == "0" else self.dom.by_id(str(tag))
            if element is not None:
                element.replace(html)
        for tag, html in payload.get("stream", {}).items():
            element = self.dom.by_id(str(tag))
            if element is not None:
                element.append(html)
        self.scripts += [payload["post"]] if "post" in payload else []
        self._next += [payload["next"]] if "next" in payload else []
        self.errors += [payload["err"]] if "err" in payload else []

    def _apply2(self, payload: dict[str, Any]) -> None:
        for tag, html in (payload.get("updates") or {}).items():
            element = self.dom.by_id(str(tag))
            if element is not None:
                element.replace(html)
        self.scripts += payload.get("js") or []
        if payload.get("action") == "error":
            self.errors.append(str(payload.get("traceback")))

    def _body(self) -> Element | None:
        return next((one for one in self.dom.walk() if one.tag == "body"), None)

    # -- what a test asserts

    def result(self, message: dict[str, Any]) -> Any:
        """What the handler of this message of htag 2 returned. Raises KeyError while no payload told it."""
        wanted = message["data"]["callback_id"]
        with self._changed:
            for _, payload in self.applied:
                if payload.get("callback_id") == wanted:
                    return payload.get("result")
        raise KeyError(wanted)

    def assert_nothing_lost(self) -> None:
        """Every number up to the last known one was applied, in order, except over a reset."""
        with self._changed:
            if self.inbox.held:
                raise ProtocolError(f"lost: {self.cursor + 1} to {min(self.inbox.held) - 1}")
            numbers = [number for number, _ in self.applied]
        for before, after in zip(numbers, numbers[1:], strict=False):
            if after != before + 1 and after not in self.inbox.resets:
                raise ProtocolError(f"{after} was applied after {before}")
