"""htag 1: drives an HRenderer.

What htag 1 leaves open is closed here: its renderer can be called with any method of any tag of the process
(``Tag.find_tag`` looks in one table for all), so a message passes only for a call that this instance wrote
into its page, on a tag that is still in its tree.
"""

from __future__ import annotations

import asyncio
import contextvars
import html
import logging
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
from htag import Tag, __version__
from htag.render import HRenderer
from htag.tag import BaseCaller, TagState

from ...errors import AppError, BadMessage, HtagError, Refused
from ...protocol import Render, RequestInfo
from ...session import Snapshot
from .base import Adapter, Host, InitArguments, app_error, boot_block, encode_payload

__all__ = ["ADAPTER"]

logger = logging.getLogger(__name__)

COMPARED = ("1.0.0",)
"""The versions of htag whose pages and answers were compared with and without ``htag1_fast``."""

_asking: contextvars.ContextVar[_Asking | None] = contextvars.ContextVar("asking", default=None)
_thread = threading.local()


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    """What the page posts: htag's ``interact(o)``. A generator goes on with its id alone."""

    id: int
    method: str | None = None
    args: list[Any] | None = None
    kargs: dict[str, Any] | None = None
    event: dict[str, str | int | float | bool | None] | None = None


_decode = msgspec.json.Decoder(_Call).decode


class _Asking:
    """The interaction in whose context code runs, for as long as it is open: tasks started by it inherit
    the context, and outlive it."""

    def __init__(self, client: str) -> None:
        self.client: str | None = client


class _Grants:
    """The calls that an instance has written into its page: method names, and keys of callbacks, by tag."""

    def __init__(self) -> None:
        self._by_tag: dict[int, tuple[weakref.ref[Any], set[str]]] = {}

    def record(self, caller: Any) -> None:
        tag, method = caller.instance, caller.mname
        if method is None:
            return  # the next step of a generator: the renderer itself knows which are alive
        key = id(tag)
        known = self._by_tag.get(key)
        if known is None or known[0]() is not tag:
            known = self._by_tag[key] = (weakref.ref(tag, lambda _: self._by_tag.pop(key, None)), set())
        known[1].add(caller.args[0] if method in ("__on__", "__on_event__") else method)

    def allow(self, tag: Any, call: _Call) -> bool:
        """Whether *call* on *tag* stands in the page."""
        known = self._by_tag.get(id(tag))
        if known is None or known[0]() is not tag:
            return False
        granted = known[1]
        if call.method in ("__on__", "__on_event__"):
            key = call.args[0] if call.args else None
            return isinstance(key, str) and key in granted and key in vars(tag)["_callbacks_"]
        return call.method in granted


def _write_caller(caller: Any) -> str:
    grants: _Grants | None = getattr(_thread, "grants", None)
    if grants is not None:
        grants.record(caller)
    written: str = _original_write(caller)
    return written


_original_write = BaseCaller.__str__
BaseCaller.__str__ = _write_caller


def _session_of(state: Any) -> dict[str, Any]:
    """The session of a tag: htag looks for it once, when the tag is made, and finds it for the root only."""
    session: dict[str, Any] | None = state._tag.session
    if session is None:
        session = getattr(_thread, "session", None)  # not in a tree yet: that of the instance in this thread
    return state.__dict__.setdefault("_alone", {}) if session is None else session


def _set_state(state: Any, key: str, value: Any) -> None:
    session = state._current_session
    if isinstance(session, Snapshot):
        session.assign(state._fqn, key, value)
    else:
        session.setdefault(state._fqn, {})[key] = value


TagState.__setitem__ = _set_state
# What the constructor assigns to it is not used: this class has its own idea at each access.
TagState._current_session = property(_session_of, lambda state, session: None)


class _Renderer(HRenderer):  # type: ignore[misc]  # htag has no types
    """An HRenderer that keeps the scripts of ``tag.call`` apart: they are for the page that asked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.scripts: list[str] = []
        super().__init__(*args, **kwargs)
        self._statics.pop()  # htag's own client: ours takes its place

    def _addInteractionScript(self, js: str) -> None:  # noqa: N802 - htag's name
        self.scripts.append(js)

    def _mkReponse(self, tags: list[Any]) -> dict[str, Any]:  # noqa: N802 - htag's name
        answer: dict[str, Any] = super()._mkReponse(tags)
        fresh = [id(tag) for tag in _descent(tags) if tag.js]
        if fresh:
            answer["fresh"] = fresh  # their scripts run again, and expect new nodes
        return answer

    def take_scripts(self) -> list[str]:
        scripts, self.scripts = self.scripts, []
        return scripts


class Htag1(Adapter):
    """See :class:`Adapter`."""

    generation = 1
    overlapping = False
    _arguments: ClassVar[InitArguments]

    @classmethod
    def quicken(cls) -> None:
        counted = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
        if __version__ not in COMPARED or not counted:
            logger.info(
                "htag %s works as it is: its faster ways are not known to be the same here", __version__
            )
            return
        from .htag1_fast import quicken  # it knows the insides of those versions

        quicken()

    @classmethod
    def prepare(cls, app: type) -> type:
        if not issubclass(app, Tag):
            raise AppError(f"{app.__module__}.{app.__qualname__} is not an htag Tag class")
        cls._arguments = InitArguments(app)
        return app

    def __init__(self, app: type, host: Host, request: RequestInfo) -> None:
        self._host = host
        self._grants = _thread.grants = _Grants()
        self._started: dict[str, set[int]] = {}  # generators by the client that called them
        _thread.session = host.session
        with self._arguments.building():
            self._renderer = _Renderer(
                app,
                "",
                exit_callback=host.exit,
                init=self._arguments.fitting(request.query),
                fullerror=host.debug,
                session=host.session,
            )
            self._renderer.sendactions = self._push
        if type(self._renderer.tag) is not app:  # the renderer's own page about an error
            raise AppError(f"init: {self._renderer.tag.innerHTML}")

    async def before_page(self, request: RequestInfo, first: bool) -> None:
        """Nothing to do: the tree is rendered as it is."""

    def page(self, message: Render, cursor: int) -> str:
        renderer = self._renderer
        try:
            body = str(renderer.tag)
            scripts = renderer.tag._getAllJs() + renderer.take_scripts()
            statics = "".join(str(static) for static in renderer._statics)
        except Exception as error:
            raise app_error("render", error) from error
        boot = boot_block(message, 1, cursor, {"post": "\n".join(scripts)})
        return (
            f'<!DOCTYPE html><html><head><meta charset="utf-8">{boot}<link rel="icon" href="data:,">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta name="version" content="htag {__version__}">{statics}'
            f"<title>{html.escape(renderer.title)}</title></head>{body}</html>"
        )

    async def interact(self, message: bytes, client: str) -> None:
        try:
            call = _decode(message)
        except (ValueError, RecursionError) as error:
            raise BadMessage(str(error)) from None
        self._check(call)
        asking = _Asking(client)
        token = _asking.set(asking)
        generators = self._renderer._loop
        known = set(generators)
        try:
            answer = await self._renderer.interact(
                call.id, call.method, call.args or [], call.kargs or {}, call.event or {}
            )
        except BaseException:  # cancelled: the page will not ask for a next step
            for key in (set(generators) - known) | {call.id}:
                generators.pop(key, None)
            raise
        finally:
            asking.client = None
            _asking.reset(token)
        self._started.setdefault(client, set()).update(set(generators) - known)
        if "err" in answer:  # htag keeps those that have failed, and every callback is one
            for key in (set(generators) - known) | {call.id}:
                generators.pop(key, None)
        self._emit(answer, client)

    def failed(self, message: bytes, client: str, error: HtagError) -> None:
        text = f"{error}\n{error.trace}" if self._host.debug else str(error)
        self._host.emit(encode_payload({"err": text}), to=client)

    def _check(self, call: _Call) -> None:
        if call.id in self._renderer._loop and call.method is None:
            return
        tag = Tag.find_tag(call.id)
        if not self._grants.allow(tag, call) or not _holds(self._renderer.tag, tag):
            raise Refused(f"the page does not offer {call.method!r} on {call.id}")

    def _emit(self, answer: dict[str, Any], client: str | None) -> bool:
        """*answer* to the page that asked, and to the others what they must see of it."""
        host, scripts = self._host, self._renderer.take_scripts()
        shared: dict[str, Any] = {
            key: answer[key] for key in ("update", "fresh", "stream", "post") if key in answer
        }
        if client is not None and shared:
            host.emit(encode_payload(shared), but=client)
        if scripts:
            answer["post"] = "\n".join([answer["post"], *scripts] if "post" in answer else scripts)
        return host.emit(encode_payload(answer), to=client) if answer else True

    async def _push(self, actions: dict[str, Any]) -> bool:
        asking = _asking.get()
        reached = self._emit(actions, asking.client if asking else None)
        await asyncio.sleep(0)  # let it go out now, even if what follows blocks
        return reached

    async def attached(self) -> None:
        """Nothing waits for that in htag 1."""

    async def left(self, client: str) -> None:
        for key in self._started.pop(client, ()):
            self._renderer._loop.pop(key, None)  # nobody will ask for its next step

    async def close(self) -> None:
        """Nothing to do: its tasks are cancelled with the loop."""

    def snapshot(self) -> bytes:
        tag = self._renderer.tag
        answer = {"update": {0: str(tag)}, "post": "\n".join(tag._getAllJs())}
        return encode_payload({**answer, "fresh": [id(each) for each in _descent([tag]) if each.js]})


def _descent(tags: list[Any]) -> Iterator[Any]:
    """*tags*, their children, and so on."""
    level = tags
    while level:
        yield from level
        level = [child for tag in level for child in tag._childs if isinstance(child, Tag)]


def _holds(root: Any, tag: Any) -> bool:
    """Whether *tag* is in the tree of *root*: walked down, as a removed tag may still name its parent."""
    return any(found is tag for found in _descent([root]))


ADAPTER = Htag1
