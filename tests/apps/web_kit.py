"""What the apps of the browser tests share: the few things that the generations of htag write differently."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import htag
from htag import Tag

GENERATION = 2 if hasattr(htag, "State") else 1

#: A script for the head: ran(x) writes x down.
LOG = Tag.script("window.log = []; function ran(x) { window.log.push(x); }")


def run_script(tag: Any, code: str) -> None:
    """Has *code* run in the page, once."""
    tag.call(code) if GENERATION == 1 else tag.call_js(code)


async def push(tag: Any) -> Any:
    """Sends what changed in *tag* to the pages, without an interaction. htag 1 tells whether one is there."""
    seen = tag.update()
    return await seen if inspect.isawaitable(seen) else None


def on_js(tag: Any, event: str, callback: Callable[[Any], Any], code: str) -> None:
    """Calls callback(value) with the value that *code* has in the page, at each such event."""
    if GENERATION == 1:
        tag[event] = tag.bind(lambda tag, value: callback(value), code.encode())
    else:
        tag["onsent"] = lambda ev: callback(ev.sent)
        tag[event] = f"htag_event('{tag.id}', 'sent', {{sent: {code}}})"


def named(name: str, content: Any = "", kind: str = "p", **attributes: Any) -> Any:
    """A tag that the tests find by its name."""
    make = getattr(Tag, kind)
    return make(content, _data_test=name, **attributes) if content else make(_data_test=name, **attributes)


def button(name: str, callback: Any) -> Any:
    """A button that calls *callback*."""
    return Tag.button(name, _onclick=callback, _data_test=name)


class Pushing:
    """What pushes by itself: a mixin of apps that have a tag *pushed*."""

    pushed: Any

    def tick(self, ev: Any) -> None:
        """Starts a task that pushes *n* times."""
        self.task = asyncio.ensure_future(self.push_times(ev.n))

    async def push_times(self, times: int) -> None:
        for number in range(1, times + 1):
            await asyncio.sleep(0.02)
            self.pushed.clear(f"push {number}")
            run_script(self, f"pushed({number})")
            await push(self)
