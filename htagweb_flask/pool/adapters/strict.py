"""Pages under a policy that lets only those scripts run which the server has marked for them.

Such a browser heeds no ``onclick="…"``. So the code of a Tag's handlers goes into a table beside the html,
which names it by a key that nobody can guess: ``data-htag-on="click:KEY"`` (``static/strict.js`` puts the two
together again). What a user has smuggled into a text has neither the mark nor a key.
"""

from __future__ import annotations

import hashlib
import html
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable

__all__ = ["Strict"]

WRITTEN = 10_000
"""Of the handlers that were written into html, an instance remembers the newest: an app may keep such html,
and show it later."""

_ATTRIBUTE = re.compile(r'\s+([^\s="/>]+)(="[^"]*")?')
_OPENING = re.compile(r"<[^\s>]+([^>]*)>")
_HANDLERS = re.compile(r'\bdata-htag-on="([^"]*)"')


class Strict:
    """How one instance writes its tags, and which handlers it has written."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(16)
        # Scripts get the nonce of the page when that is whole: html may be drawn long before.
        self._mark = f' nonce="{secrets.token_urlsafe(16)}"'
        self._codes: OrderedDict[str, str] = OrderedDict()

    def tag(self, name: str, text: str) -> str:
        """The html of a tag, with other attributes."""
        opening = _OPENING.match(text)
        if opening is None:
            return text
        attributes = self.attributes(name, opening[1])
        return text[: opening.start(1)] + attributes + text[opening.end(1) :]

    def attributes(self, name: str, text: str) -> str:
        """The attributes of a tag, which come as they are written into html."""
        mark = self._mark if name.lower() == "script" else ""
        if " on" not in text:
            return mark + text
        handlers: list[str] = []

        def take(attribute: re.Match[str]) -> str:
            event, value = attribute[1].lower(), attribute[2]
            if not event.startswith("on") or value is None:
                return attribute[0]
            handlers.append(f"{event[2:]}:{self._key(html.unescape(value[2:-1]))}")
            return ""

        rest = _ATTRIBUTE.sub(take, text)
        return f'{mark}{rest} data-htag-on="{" ".join(handlers)}"' if handlers else mark + rest

    def _key(self, code: str) -> str:
        key = hashlib.blake2b(code.encode("utf-8", "replace"), digest_size=12, key=self._secret).hexdigest()
        self._codes[key] = code
        self._codes.move_to_end(key)
        if len(self._codes) > WRITTEN:
            self._codes.popitem(last=False)
        return key

    def handlers(self, texts: Iterable[str]) -> dict[str, str]:
        """The code of all handlers in these pieces of html, by their keys."""
        keys = (each.partition(":")[2] for text in texts for found in _HANDLERS.findall(text)
                for each in found.split())  # fmt: skip
        return {key: self._codes[key] for key in keys if key in self._codes}

    def marked(self, page: str, nonce: str) -> str:
        """A whole page, whose marked scripts may run."""
        return page.replace(self._mark, f' nonce="{nonce}"')

    def unmarked(self, text: str) -> str:
        """Html that is drawn into a page, where scripts do not run: without the mark, which is ours."""
        return text.replace(self._mark, "")
