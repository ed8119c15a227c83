"""Whether a stream of server-sent events passes, and at once."""

from __future__ import annotations

from collections.abc import Iterator

from ..transports import BEAT
from .page import FAIL, OK, WARN, Finding, Page
from .visitor import Stream

__all__ = ["stream"]

HELLO = 3.0
"""Seconds that a page waits for the first event of a stream, before it polls."""


def stream(page: Page) -> Iterator[Finding]:
    """Opens the real one."""
    if page.transport != "sse":
        why = "by the app, or as the server does one request at a time"
        yield Finding("stream", OK, f"not used: pages are told {page.transport!r}, {why}")
        return
    headers = page.headers({"Accept": "text/event-stream", "Accept-Encoding": "gzip"})
    connection = page.visitor.begin("POST", page.boot["urls"]["stream"], page.where(), headers, HELLO)
    opened = None
    try:
        opened = Stream(connection)
        yield from _first_event(page, opened)
    except TimeoutError:
        yield _held_back("" if opened is None else "its headers come, but ")
    finally:
        opened.close() if opened else connection.close()


def _held_back(before: str) -> Finding:
    cure = (
        "something on the way holds streams back; pages poll instead. nginx: no proxy_ignore_headers "
        "X-Accel-Buffering, or proxy_buffering off; no gzip of text/event-stream"
    )
    return Finding("stream", FAIL, f"{before}no event comes within {HELLO:g} s: it is buffered", cure)


def _first_event(page: Page, stream: Stream) -> Iterator[Finding]:
    response, headers = stream.response, stream.response.headers
    kind = headers.get("Content-Type", "")
    if response.status != 200 or not kind.startswith("text/event-stream"):
        text = f"status {response.status}, {kind or 'no type'}"
        yield Finding("stream", FAIL, text, "look into the logs of the proxy and of the server")
        return
    name, seconds = stream.event(HELLO)
    if name != "hello":
        cure = "something on the way answers in the server's place"
        yield Finding("stream", FAIL, f"it begins with {name or 'its end'!r}", cure)
        return
    length, packed = headers.get("Content-Length"), headers.get("Content-Encoding")
    if length is not None or not _stays_open(stream):
        text = f"it ends at once{'' if length is None else ': it came with a Content-Length'}"
        yield Finding("stream", FAIL, text, _held_back("").cure)
        return
    eaten = "seen" if "X-Accel-Buffering" in headers else "taken by nginx, or by another proxy"
    text = f"first event after {seconds:.2f} s, and it stays open; X-Accel-Buffering was {eaten}"
    yield Finding("stream", OK, text)
    if packed:
        cure = "leave text/event-stream out of what the proxy compresses"
        yield Finding("stream", WARN, f"it is compressed ({packed}): events may wait for others", cure)
    if page.long:
        yield _beats(stream)


def _stays_open(stream: Stream) -> bool:
    try:
        return stream.event(0.5)[0] not in ("", "bye", "gone")
    except TimeoutError:
        return True


def _beats(stream: Stream) -> Finding:
    """Two heartbeats: who cuts silent connections does so within them."""
    times: list[float] = []
    while len(times) < 2:
        try:
            name, seconds = stream.event(BEAT + 10)
        except TimeoutError:
            cure = "something on the way holds back what is small; pages poll instead"
            return Finding("heartbeat", FAIL, f"{len(times)} heartbeats came, and then nothing", cure)
        if name in ("", "bye", "gone"):
            cure = f"timeouts on the way must be above {BEAT:g} seconds"
            return Finding("heartbeat", FAIL, f"the stream was cut after {seconds:.0f} s", cure)
        times += [seconds] if name == "beat" else []
    return Finding("heartbeat", OK, f"after {times[0]:.0f} and {times[1]:.0f} s")
