"""htag 1: drives an HRenderer.

Its renderer can be called with any method of any tag of the process. Here a message passes only for a call
that this instance wrote into its page: see ``htag1_grants``.
"""

from __future__ import annotations

import asyncio
import contextvars
import html
import logging
import sys
import threading
from typing import Any, ClassVar

import htag.tag
import msgspec
from htag import Tag, __version__, render
from htag.render import HRenderer
from htag.tag import BaseCaller, TagState

from ...errors import AppError, BadMessage, HtagError, Stale
from ...protocol import Render, RequestInfo
from ...session import Snapshot
from .base import Adapter, Host, InitArguments, app_error, boot_block, encode_payload, silence, told
from .htag1_constants import stringify
from .htag1_grants import Call, Grants, call_of, descent, is_known
from .strict import Strict

__all__ = ["ADAPTER"]

logger = logging.getLogger(__name__)

COMPARED = ("1.0.0",)
"""The versions of htag whose pages and answers were compared with and without ``htag1_fast``."""

silence(render, "Exception ")

_asking: contextvars.ContextVar[_Asking | None] = contextvars.ContextVar("asking", default=None)


class _Pen:
    """What the instance of a thread draws with."""

    __slots__ = ("calls", "grants", "strict")

    def __init__(self, grants: Grants, strict: Strict | None) -> None:
        self.grants = grants
        self.strict = strict
        self.calls: list[Call] | None = None
        """Those of the tag that is being drawn; None while code of the app runs that makes texts."""


class _Thread(threading.local):
    """The instance of this thread; nothing in a thread that the app has started."""

    pen: _Pen | None = None
    session: dict[str, Any] | None = None


_thread = _Thread()


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


def _write_caller(caller: Any) -> str:
    pen = _thread.pen
    calls = None if pen is None else pen.calls
    if calls is not None and caller._htagweb_call is not None and is_known(caller):
        return _write_again(caller, calls)
    text = str(_original_write(caller))
    if caller.mname is None:  # the next step of a generator
        if pen is not None:
            asking = _asking.get()
            pen.grants.expect(id(caller.instance), asking.client if asking else None)
    elif pen is None:
        renderer = caller.instance.root._hr
        if renderer is not None:
            renderer.grants.write(caller)
    elif calls is None:
        pen.grants.write(caller)
    else:
        calls.append(call_of(caller))
    return text


def _write_again(caller: Any, calls: list[Call]) -> str:
    """What is written a second time will be written a third: its text is kept."""
    text: str | None = caller._htagweb_text
    if text is None:
        text = caller._htagweb_text = str(_original_write(caller))
    calls.append(caller._htagweb_call)
    return text


def _draw(tag: Any) -> str:
    pen = _thread.pen
    if pen is None:
        renderer = tag.root._hr
        return _written(tag, str(_original_draw(tag)), renderer and renderer.strict)
    calls: list[Call] = []
    outer, pen.calls = pen.calls, calls
    try:
        text: str = _original_draw(tag)
    finally:
        pen.calls = outer
    if calls or id(tag) in pen.grants.held:
        pen.grants.drawn(tag, calls)
    return text if pen.strict is None else _written(tag, text, pen.strict)


def _written(tag: Any, text: str, strict: Strict | None) -> str:
    return text if strict is None or tag.tag is None else strict.tag(tag.tag, text)


def _find_render(tag: Any) -> Any:
    render = _original_find_render(tag)
    pen = _thread.pen if render else None
    if pen is None:
        return render

    def aside() -> None:  # what it writes is not in the attributes of the tag
        outer, pen.calls = pen.calls, None
        try:
            render()
        finally:
            pen.calls = outer

    return aside


def _clear(tag: Any, content: Any = None) -> None:
    if tag._childs and any(isinstance(child, Tag) for child in tag._childs):
        _take_out(tag)
    _original_clear(tag, content)


def _remove(tag: Any, content: Any = None) -> Any:
    _take_out(tag)
    return _original_remove(tag, content)


def _take_out(tag: Any) -> None:
    pen = _thread.pen
    if pen is not None:
        pen.grants.removed = True
    elif tag.root._hr is not None:
        tag.root._hr.grants.strays = True


_original_write, _original_draw = BaseCaller.__str__, Tag.__str__
_original_clear, _original_remove = Tag.clear, Tag.remove
_original_find_render = Tag._hasARenderMethod
BaseCaller.__str__ = _write_caller
BaseCaller._htagweb_call = BaseCaller._htagweb_text = None  # what is known of it, and what was written then
Tag.__str__ = _draw
Tag._hasARenderMethod = _find_render
Tag.clear, Tag.remove = _clear, _remove
htag.tag.stringify = stringify


def _session_of(state: Any) -> dict[str, Any]:
    """The session of a tag: htag looks for it once, when the tag is made, and finds it for the root only."""
    session: dict[str, Any] | None = state._tag.session
    if session is None:
        session = _thread.session  # not in a tree yet: that of the instance in this thread
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

    def __init__(self, grants: Grants, strict: Strict | None, *args: Any, **kwargs: Any) -> None:
        self.grants = grants
        self.strict = strict
        self.scripts: list[str] = []
        super().__init__(*args, **kwargs)
        self._statics.pop()  # htag's own client: ours takes its place

    def _addInteractionScript(self, js: str) -> None:  # noqa: N802 - htag's name
        self.scripts.append(js)

    def _mkReponse(self, tags: list[Any]) -> dict[str, Any]:  # noqa: N802 - htag's name
        answer: dict[str, Any] = super()._mkReponse(tags)
        fresh = [id(tag) for tag in descent(tags) if tag.js]
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
        from . import htag1_fast  # it knows the insides of those versions

        global _original_draw
        _original_draw = htag1_fast.draw
        htag1_fast.quicken()

    @classmethod
    def prepare(cls, app: type) -> type:
        if not issubclass(app, Tag):
            raise AppError(f"{app.__module__}.{app.__qualname__} is not an htag Tag class")
        cls._arguments = InitArguments(app)
        return app

    def __init__(self, app: type, host: Host, request: RequestInfo) -> None:
        self._host = host
        self._grants = Grants(lambda: host.emission)
        self._strict = Strict() if host.strict else None
        _thread.pen = _Pen(self._grants, self._strict)
        self._started: dict[str, set[int]] = {}  # generators by the client that called them
        _thread.session = host.session
        with self._arguments.building():
            self._renderer = _Renderer(
                self._grants,
                self._strict,
                app,
                "",
                exit_callback=host.exit,
                init=self._arguments.fitting(request.query),
                fullerror=True,
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
            self._grants.sweep(renderer.tag)
        except Exception as error:
            raise app_error("render", error) from error
        if self._strict is not None:
            message.boot["on"] = self._strict.handlers([body, statics])
            body, statics = (self._strict.marked(part, message.nonce) for part in (body, statics))
        boot = boot_block(message, 1, cursor, {"post": "\n".join(scripts)})
        return (
            f'<!DOCTYPE html><html><head><meta charset="utf-8">{boot}<link rel="icon" href="data:,">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta name="version" content="htag {__version__}">{statics}'
            f"<title>{html.escape(renderer.title)}</title></head>{body}</html>"
        )

    async def interact(self, message: bytes, client: str, seen: int) -> None:
        try:
            call = _decode(message)
        except (ValueError, RecursionError) as error:
            raise BadMessage(str(error)) from None
        target = self._target(call, client, seen)  # kept alive: htag looks for it once more
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
            del target
        self._started.setdefault(client, set()).update(set(generators) - known)
        if "err" in answer:
            answer["err"] = told(self._host, answer["err"])
            # htag keeps those that have failed, and every callback is one
            for key in (set(generators) - known) | {call.id}:
                generators.pop(key, None)
        self._emit(answer, client)

    def failed(self, message: bytes, client: str, error: HtagError) -> None:
        text = f"{error}\n{error.trace}" if self._host.debug else str(error)
        self._host.emit(encode_payload({"err": text}), to=client)

    def _target(self, call: _Call, client: str, seen: int) -> Any:
        """What *call* is for: a tag, or a generator. Raises Stale."""
        if call.method is None:
            generators = self._renderer._loop
            if call.id in generators and self._grants.step(call.id, client):
                return generators[call.id]
        else:
            root, args, kargs = self._renderer.tag, call.args or [], call.kargs or {}
            tag = self._grants.target(root, call.id, call.method, args, kargs, seen)
            if tag is not None:
                return tag
        raise Stale(f"the page does not offer {call.method!r} of {call.id} with these arguments")

    def _emit(self, answer: dict[str, Any], client: str | None) -> bool:
        """*answer* to the page that asked, and to the others what they must see of it."""
        host, scripts = self._host, self._renderer.take_scripts()
        if "update" in answer or "stream" in answer:
            self._grants.sweep(self._renderer.tag)
        self._take_handlers(answer)
        shared: dict[str, Any] = {
            key: answer[key] for key in ("update", "fresh", "stream", "post", "on") if key in answer
        }
        if client is not None and shared:
            host.emit(encode_payload(shared), but=client)
        if scripts:
            answer["post"] = "\n".join([answer["post"], *scripts] if "post" in answer else scripts)
        return host.emit(encode_payload(answer), to=client) if answer else True

    def _take_handlers(self, answer: dict[str, Any]) -> None:
        """Under a strict policy, the handlers in the html of *answer* are beside it."""
        drawn = [answer[key] for key in ("update", "stream") if key in answer]
        if self._strict is not None and drawn:
            answer["on"] = self._strict.handlers(text for texts in drawn for text in texts.values())
            for texts in drawn:
                texts.update({key: self._strict.unmarked(text) for key, text in texts.items()})

    async def _push(self, actions: dict[str, Any]) -> bool:
        asking = _asking.get()
        reached = self._emit(actions, asking.client if asking else None)
        await asyncio.sleep(0)  # let it go out now, even if what follows blocks
        return reached

    async def attached(self) -> None:
        """Nothing waits for that in htag 1."""

    async def left(self, client: str) -> None:
        for key in self._started.pop(client, ()):  # nobody will ask for its next step
            self._renderer._loop.pop(key, None)
            self._grants.step(key, client)

    async def close(self) -> None:
        """Nothing to do: its tasks are cancelled with the loop."""

    def snapshot(self) -> bytes:
        tag = self._renderer.tag
        answer: dict[str, Any] = {"update": {0: str(tag)}, "post": "\n".join(tag._getAllJs())}
        self._take_handlers(answer)
        self._grants.sweep(tag)
        return encode_payload({**answer, "fresh": [id(each) for each in descent([tag]) if each.js]})


ADAPTER = Htag1
