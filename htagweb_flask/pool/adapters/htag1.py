"""htag 1: drives an HRenderer.

Its renderer can be called with any method of any tag of the process. Here a message passes only for a call
that this instance wrote into its page: see ``htag1_grants``.
"""

from __future__ import annotations

import asyncio
import html
import logging
import sys
from typing import Any, ClassVar

import msgspec
from htag import Tag, __version__, render
from htag.render import HRenderer
from htag.tag import TagState

from ...errors import AppError, BadMessage, HtagError, Stale
from ...protocol import Render, RequestInfo
from ...session import Snapshot
from .base import Adapter, Host, InitArguments, app_error, boot_block, encode_payload, silence, told
from .htag1_drawing import Asking, Pen, asking, here, quicken
from .htag1_grant import descent
from .htag1_grants import Grants
from .strict import Strict

__all__ = ["ADAPTER"]

logger = logging.getLogger(__name__)

COMPARED = ("1.0.0",)
"""The versions of htag whose pages and answers were compared with and without ``htag1_fast``."""

silence(render, "Exception ")

class _Call(msgspec.Struct, forbid_unknown_fields=True):
    """What the page posts: htag's ``interact(o)``. A generator goes on with its id alone."""

    id: int
    method: str | None = None
    args: list[Any] | None = None
    kargs: dict[str, Any] | None = None
    event: dict[str, str | int | float | bool | None] | None = None


_decode = msgspec.json.Decoder(_Call).decode


def _session_of(state: Any) -> dict[str, Any]:
    """The session of a tag: htag looks for it once, when the tag is made, and finds it for the root only."""
    session: dict[str, Any] | None = state._tag.session
    if session is None:
        session = here.session  # not in a tree yet: that of the instance in this thread
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

        quicken(htag1_fast.draw)
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
        here.pen = Pen(self._grants, self._strict)
        self._started: dict[str, set[int]] = {}  # generators by the client that called them
        here.session = host.session
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
        interaction = Asking(client)
        token = asking.set(interaction)
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
            interaction.client = None
            asking.reset(token)
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
        else:
            self._grants.settle()
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
        interaction = asking.get()
        reached = self._emit(actions, interaction.client if interaction else None)
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
