"""htag 2: drives an AppRunner through one permanent socket.

``htag.web`` is not used: its server does not start with Starlette 1.0, and its transports lose what happens
while no browser listens. The runner believes it has one WebSocket that never closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from htag import runner
from htag.context import current_request
from htag.core import GTag
from htag.runner import AppRunner
from starlette.requests import Request

from ...errors import AppError, HtagError, trace_of
from ...protocol import Render, RequestInfo
from .base import Adapter, Host, InitArguments, app_error, boot_block, encode_payload, silence, told
from .htag2_events import check_event
from .htag2_messages import Reader, decode_event
from .htag2_state import StateOfTag
from .strict import Strict

__all__ = ["ADAPTER"]

silence(runner, "Error ")

_FAVICON = '<link rel="icon" href="/logo.png">'  # an absolute URL that belongs to htag's own server
_OWN_END = "window.HTAG_CSRF = "  # in the last script that htag's page has of its own
_FINAL = '"callback_id": "'
_ERROR = '{"action": "error"'

DESTROY = 5.0
"""Seconds that an asynchronous ``on_destroy`` may take."""

_thread = threading.local()


def _attributes(tag: Any) -> str:
    text: str = _original_attributes(tag)
    strict: Strict | None = getattr(_thread, "strict", None)
    return text if strict is None else strict.attributes(tag.tag or "", text)


_original_attributes = GTag._render_attrs
GTag._render_attrs = _attributes
GTag.state = StateOfTag()


class _Socket:
    """The WebSocket that htag sees: never closed, ends in the outboxes."""

    def __init__(self, host: Host, client: str | None = None, rests: bool = True) -> None:
        self._host = host
        self._client = client
        self._rests = rests

    # One that stands for a single page is equal to the one for all: htag sends updates to all of its
    # sockets and to the asking one unless it is among them, but errors to the asking one alone.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Socket)

    def __hash__(self) -> int:
        return hash(_Socket)

    async def send_text(self, text: str) -> None:
        if text.startswith(_ERROR):
            # htag sends it where it handles the error, and without debug it does not say which.
            error = sys.exc_info()[1]
            told_text = told(self._host, trace_of(error) if error else text)
            text = json.dumps({**json.loads(text), "traceback": told_text})
        self._host.emit(_told_apart(text), to=self._client)
        if _FINAL not in text and self._rests:
            # A step on the way: let it go out now, even if what follows blocks.
            await asyncio.sleep(0)


def _told_apart(text: str) -> bytes:
    """The payload *text*; under a strict policy, with the handlers in its html beside it."""
    strict: Strict | None = getattr(_thread, "strict", None)
    payload = json.loads(text) if strict else {}
    if strict is None or "updates" not in payload:
        return text.encode()
    updates, statics = payload["updates"], payload["statics"]
    payload["on"] = strict.handlers([*updates.values(), *statics])
    payload["updates"] = {key: strict.unmarked(html) for key, html in updates.items()}
    payload["statics"] = [strict.unmarked(static) for static in statics]
    return encode_payload(payload)


class _Statics(dict[str, None]):
    """The statics that went into pages, in order. All go into each further page, as the tags they are for may
    come back: htag would forget those whose tags are gone, and load them twice where they are."""

    def update(self, statics: Iterable[str]) -> None:  # type: ignore[override]
        super().update(dict.fromkeys(statics))

    def clear(self) -> None:
        """For htag, which does so before each page."""


class Htag2(Adapter):
    """See :class:`Adapter`."""

    generation = 2
    overlapping = True
    _arguments: ClassVar[InitArguments]

    @classmethod
    def prepare(cls, app: type) -> type:
        if not issubclass(app, GTag):
            raise AppError(f"{app.__module__}.{app.__qualname__} is not an htag Tag class")
        cls._arguments = InitArguments(app, GTag.init)
        return app if issubclass(app, AppRunner) else _wrapped(app)

    @classmethod
    def renewal(cls, query: str) -> tuple[str, bool]:
        parts = query.split("&")
        kept = [part for part in parts if part.partition("=")[0] != "n"]
        return "&".join(kept), len(kept) < len(parts)

    def __init__(self, app: type, host: Host, request: RequestInfo) -> None:
        self._host = host
        self._reader = Reader()
        self._loop = asyncio.get_running_loop()
        self._render_error: Exception | None = None
        self._found: tuple[str, Any] = ("", None)
        self._strict = _thread.strict = Strict() if host.strict else None
        self._request = _request(request, host)
        arguments = self._arguments.fitting(self.renewal(request.query)[0])
        with self._current_request(), self._arguments.building(arguments):
            self._app = app()
        self._app.debug = host.debug
        self._app.htag_request = self._request
        self._app.websockets = {_Socket(host)}
        self._app.sent_statics = _Statics()
        self._app._consume_generator = self._consume_generator
        self._app.update = self._update
        self._app.render_initial = self._render_initial
        self._app.collect_statics = self._collect_statics
        self._app.find_tag = self._find_tag

    @contextlib.contextmanager
    def _current_request(self) -> Iterator[None]:
        token = current_request.set(self._request)
        try:
            yield
        finally:
            current_request.reset(token)

    def _update(self, throttle: float | None = None) -> None:
        """``app.update()``, from any thread: htag's own needs the thread of the loop."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._loop.call_soon_threadsafe(AppRunner.update, self._app, throttle)
        else:
            AppRunner.update(self._app, throttle)

    def _render_initial(self) -> str:
        # _render_page() turns an error into a page of its own, with status 200 and unescaped text.
        try:
            rendered: str = AppRunner.render_initial(self._app)
        except Exception as error:
            self._render_error = error
            raise
        return rendered

    def _collect_statics(self, tag: Any, result: list[str]) -> str | None:
        title: str | None = AppRunner.collect_statics(self._app, tag, result)
        return title and html.escape(title)  # htag writes it as it is

    def _find_tag(self, root: Any, key: str) -> Any:
        """``app.find_tag()``, which walks over the whole tree: not again for the event that was checked."""
        (found, tag), self._found = self._found, ("", None)
        return tag if key == found else AppRunner.find_tag(self._app, root, key)

    async def before_page(self, request: RequestInfo, first: bool) -> None:
        self._request = self._app.htag_request = _request(request, self._host)
        with self._current_request():
            try:
                if not first:
                    await self._give_out()
                    self._app._trigger_unmount()
                self._app._trigger_mount()
            except Exception as error:
                raise app_error("mount", error) from error

    async def _give_out(self) -> None:
        """Sends what has changed, which the next page would take from the others. No task of the app runs in
        between: what it changed would be for that page alone."""
        sockets, self._app.websockets = self._app.websockets, {_Socket(self._host, rests=False)}
        try:
            await self._app.broadcast_updates()
        finally:
            self._app.websockets = sockets

    def page(self, message: Render, cursor: int) -> str:
        self._render_error = None
        with self._current_request():
            page: str = self._app._render_page().strip()
        if self._render_error is not None:
            raise app_error("render", self._render_error)
        scripts: list[str] = []

        def visit(tag: Any) -> None:
            tag._reset_dirty()  # all of it was rendered just now
            scripts.extend(tag._consume_js_calls())

        self._app._walk_tree(self._app, visit)
        payload = {"action": "update", "updates": {}, "js": scripts, "statics": []} if scripts else None
        page = page.replace(_FAVICON, '<link rel="icon" href="data:,">', 1)
        elsewhere = "".join(static for static in self._app.sent_statics if static not in page)
        if elsewhere:
            page = page.replace("</head>", f"{elsewhere}</head>", 1)
        if self._strict is not None:
            page = self._marked(page, message)
        boot = boot_block(message, 2, cursor, payload)
        return page.replace("<head>", f"<head>{boot}", 1)

    def _marked(self, page: str, message: Render) -> str:
        strict: Any = self._strict
        message.boot["on"] = strict.handlers([page])
        own, end, rest = page.partition(_OWN_END)  # htag's own scripts, which are no tags
        own = own.replace("<script>", f'<script nonce="{message.nonce}">')
        marked: str = strict.marked(own + end + rest, message.nonce)
        return marked

    async def _consume_generator(self, generator: Any, socket: Any = None) -> None:
        """What a mount or unmount has returned: htag sends each step, but not what comes after the last."""
        await AppRunner._consume_generator(self._app, generator, socket)
        await self._app.broadcast_updates()

    async def attached(self) -> None:
        self._app._flush_pending_lifecycle_generators(_Socket(self._host))

    async def interact(self, message: bytes, client: str, seen: int) -> None:
        event = self._reader.read(message)
        with self._current_request():
            if "data" in event:
                self._found = event["id"], AppRunner.find_tag(self._app, self._app, event["id"])
                check_event(self._found[1], event["data"])
            await self._app.handle_event(event, _Socket(self._host, client))

    def failed(self, message: bytes, client: str, error: HtagError) -> None:
        payload = {
            "action": "error",
            "traceback": f"{error}\n{error.trace}" if self._host.debug else "Internal Server Error",
            "callback_id": decode_event(message).data.get("callback_id"),
            "result": None,
        }
        self._host.emit(encode_payload(payload), to=client)

    def snapshot(self) -> bytes:
        updates = {self._app.id: AppRunner.render_initial(self._app)}
        return _told_apart(json.dumps({"action": "update", "updates": updates, "js": [], "statics": []}))

    async def left(self, client: str) -> None:
        """Its handlers and generators run to their end by themselves."""

    async def close(self) -> None:
        others = asyncio.all_tasks()
        self._app._trigger_destroy()  # starts a task when the app's on_destroy is a coroutine
        await asyncio.wait_for(asyncio.gather(*(asyncio.all_tasks() - others)), DESTROY)


def _wrapped(tag: type) -> type:
    """An app that holds one plain *tag*, so that ``class App(Tag.div)`` is served as on htag 1."""

    def init(self: Any) -> None:
        tag()  # htag adds it to the tag whose init runs

    return type(tag.__name__, (AppRunner,), {"init": init, "__module__": tag.__module__})


def _request(info: RequestInfo, host: Host) -> Request:
    """The request that apps see. Its body was read by nobody and cannot be: a page is asked for by GET."""
    return Request(
        {
            "type": "http",
            "http_version": "1.1",
            "method": info.method,
            "scheme": info.scheme,
            "server": (info.host, info.port),
            "client": tuple(info.client),
            "root_path": info.root_path,
            "path": info.root_path + info.path,
            "raw_path": (info.root_path + info.path).encode(),
            "query_string": info.query.encode(),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
                        for name, value in info.headers],
            "session": host.session,
        }
    )  # fmt: skip


ADAPTER = Htag2
