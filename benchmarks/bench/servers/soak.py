"""The app of the soak: it counts clicks in ``tag.state``, and pushes numbers by itself."""

from __future__ import annotations

import asyncio
import inspect
import random
import secrets
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint

PAUSE = 2.0  # seconds between two pushes of an instance


class Soak(Tag.App):
    """Says ``kept N.`` for N clicks of its session, and calls ``pushed('INSTANCE', N)`` again and again."""

    def init(self) -> None:
        self.name = secrets.token_hex(4)
        self.pushes = 0
        self.kept = Tag.span(f"kept {self.state.get('kept', 0)}.")
        self.pushed = Tag.span("")
        self.add([self.kept, self.pushed, Tag.button("+1", _onclick=self.click)])
        self.task = asyncio.ensure_future(self.push())

    def click(self, _: object) -> None:
        """Count, and keep what was counted."""
        self.state["kept"] = self.state.get("kept", 0) + 1
        self.kept.clear(f"kept {self.state['kept']}.")

    async def push(self) -> None:
        """Push without end: the instance ends it."""
        run: Any = getattr(self, "call_js", None) or self.call
        while True:
            await asyncio.sleep(random.uniform(0.5, 1.5) * PAUSE)
            self.pushes += 1
            self.pushed.clear(str(self.pushes))
            run(f"pushed('{self.name}', {self.pushes})")
            seen = self.update()
            if inspect.isawaitable(seen):
                await seen


flask_app = Flask(__name__)
flask_app.register_blueprint(htag_blueprint(Soak, workers=2))
