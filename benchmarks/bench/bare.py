"""htag alone, in one process without transport: the cost of a page and of a click that no host can avoid.

Run by the Python of an environment as ``python -m bench.bare APP CLICKS PAGES``; prints one line of JSON with
the CPU time of each in microseconds. The pages stay alive while they are measured, as those of a server do.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import htag

from bench.apps import APPS
from bench.generations import BUTTONS, Button

GENERATION = 2 if hasattr(htag, "State") else 1
Click = Callable[[dict[str, Any]], Awaitable[str]]


def page_of_htag1(app_class: type) -> tuple[str, Click]:
    """A new session's page and how to click on it."""
    from htag.render import HRenderer

    renderer = HRenderer(app_class, "start()", session={})

    async def click(message: dict[str, Any]) -> str:
        arguments = (message[name] for name in ("id", "method", "args", "kargs", "event"))
        return json.dumps(await renderer.interact(*arguments))

    return str(renderer), click


def page_of_htag2(app_class: type) -> tuple[str, Click]:
    """A new session's page and how to click on it."""
    sent: list[str] = []

    class Socket:
        async def send_text(self, text: str) -> None:
            sent.append(text)

    app: Any = app_class()
    app.debug = False
    socket = Socket()
    app.websockets.add(socket)
    app._trigger_mount()

    async def click(message: dict[str, Any]) -> str:
        await app.handle_event(message, socket)
        return sent.pop()

    return app._render_page(), click


async def measure(app_class: type, clicks: int, pages: int) -> dict[str, float]:
    """CPU time of one page and of one click, in microseconds."""
    new_page = {1: page_of_htag1, 2: page_of_htag2}[GENERATION]
    alive = [new_page(app_class)]
    start = time.process_time()
    alive += [new_page(app_class) for _ in range(pages)]
    page_us = (time.process_time() - start) / pages * 1e6

    text, click = alive[0]
    button: Button = BUTTONS[GENERATION](text)
    start = time.process_time()
    for number in range(1, clicks + 1):
        payload = json.loads(await click(json.loads(button.message(number))))
        assert button.shows(payload, number), payload
    return {"page_us": page_us, "click_us": (time.process_time() - start) / clicks * 1e6}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(APPS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])))))
