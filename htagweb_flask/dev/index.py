"""The app that shows a folder and what can be run in it. It works with both generations of htag, as it is run
by the one that is there."""

from __future__ import annotations

import asyncio
import html
import inspect
import os
from typing import Any
from urllib.parse import quote

import htag
from htag import Tag

from ..errors import ConfigError
from .folder import FOLDER, Entry, Folder

__all__ = ["Apps"]

LOOK = 1.0
"""Seconds between two looks whether something has been added or saved."""

ESCAPES = hasattr(htag, "State")  # htag 2 does so by itself

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 8vh auto; padding: 0 1.5rem }
:root { color-scheme: light dark }
h1 { font-size: 1.4rem; margin: 0 0 1.5rem; overflow-wrap: anywhere }
h1 a { color: inherit }
.entry { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: .6rem .9rem; border-radius: .5rem;
  margin: .3rem 0; border: 1px solid color-mix(in srgb, currentColor 18%, transparent) }
.entry a { font-weight: 600; text-decoration: none }
.entry a:hover { text-decoration: underline }
.entry span { opacity: .7; overflow-wrap: anywhere }
.broken a { color: #d33 }
.other { border-color: transparent; padding-block: .1rem }
.other b { font-weight: 400; opacity: .6 }
"""


def _text(text: str) -> str:
    return text if ESCAPES else html.escape(text)


class Apps(Tag.App):  # type: ignore[misc]  # htag has no types
    """One folder; ``?folder=a/b`` is another one below the first."""

    imports: list[Any] = []  # else htag 1 adds the styles of all classes that there are
    statics = [Tag.style(STYLE)]

    def init(self, folder: str = "") -> None:
        self.folder = Folder(os.environ[FOLDER])
        self.name = (folder or "").strip("/")
        self.listed: list[Entry] | None = None
        self.title = Tag.h1()
        self.list = Tag.main()
        self += self.title
        self += self.list
        self._head()
        self._look()
        self.task = asyncio.ensure_future(self._watch())

    def _head(self) -> None:
        parts = self.name.split("/") if self.name else []
        self.title += Tag.a(_text(self.folder.root.name or "/"), _href="?")
        for count, part in enumerate(parts, 1):
            self.title += " / "
            self.title += Tag.a(_text(part), _href=f"?folder={quote('/'.join(parts[:count]))}")

    def _look(self) -> bool:
        """Draws the list if it has changed."""
        try:
            found, empty = self.folder.entries(self.name), "There is no Python file here."
        except (ConfigError, OSError):
            found, empty = [], "There is no such folder."
        if found == self.listed:
            return False
        self.listed = found
        self.list.clear()
        for entry in found:
            self.list += self._line(entry)
        if not found:
            self.list += Tag.p(empty)
        return True

    def _line(self, entry: Entry) -> Any:
        line = Tag.div(_class=f"entry {entry.kind}")
        below = quote(f"{self.name}/{entry.name}" if self.name else entry.name)
        if entry.kind == "folder":
            line += Tag.a(_text(f"{entry.name}/"), _href=f"?folder={below}")
        elif entry.kind == "other":
            line += Tag.b(_text(entry.name))
            line += Tag.span("no app in it")
        else:
            line += Tag.a(_text(entry.name), _href=below)
            for name in entry.apps[1:]:
                line += Tag.a(_text(name), _href=f"{below}:{quote(name)}")
            line += Tag.span(_text(entry.note))
        return line

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if self._look():
                seen = self.list.update()
                if inspect.isawaitable(seen):  # htag 1
                    await seen
