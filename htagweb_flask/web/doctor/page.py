"""A page that was opened, and what is found there."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .visitor import Answer, Visitor

__all__ = ["FAIL", "OK", "WARN", "Finding", "Page", "boot_of", "told"]

BOOT = re.compile(r'<script[^>]*\bid="htag-boot"[^>]*>(.*?)</script>', re.S)


OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Finding:
    """What a check says: ok, warn or fail."""

    name: str
    level: str
    text: str
    cure: str = ""


@dataclass
class Page:
    """A page that was opened."""

    visitor: Visitor
    answer: Answer
    boot: dict[str, Any]
    long: bool = False
    others: list[Page] = field(default_factory=list)

    @property
    def transport(self) -> str:
        """How it collects what the server has to say."""
        return str(self.boot["transport"])

    def headers(self, changed: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Those of its requests; one that is None is left out."""
        sent: dict[str, str | None] = {
            "Content-Type": "application/json",
            "Origin": self.visitor.origin,
            "X-Htag": self.boot["token"],
            "Sec-Fetch-Site": "same-origin" if self.visitor.secure else None,
            **(changed or {}),
        }
        return {name: value for name, value in sent.items() if value is not None}

    def where(self, wait: float = 0) -> bytes:
        """The body of a poll."""
        return json.dumps({"cursor": self.boot["cursor"], "wait": wait}).encode()

    def poll(self, changed: Mapping[str, str | None] | None = None, wait: float = 0) -> Answer:
        """Asks what is new."""
        url = self.boot["urls"]["poll"]
        return self.visitor.ask("POST", url, self.where(wait), self.headers(changed))

    def leave(self) -> None:
        """Says that it is closed."""
        with suppress(OSError, http.client.HTTPException):
            headers = self.headers({"X-Htag": None, "Content-Type": "text/plain"})
            self.visitor.ask("POST", self.boot["urls"]["leave"], self.boot["token"].encode(), headers)

    def another(self, headers: Mapping[str, str] | None = None) -> Page | None:
        """Another page of the same visitor, closed together with this one; None when there is none."""
        answer = self.visitor.ask("GET", self.visitor.url, headers={"Accept": "text/html", **(headers or {})})
        boot = boot_of(answer)
        if boot is None:
            return None
        opened = Page(self.visitor, answer, boot)
        self.others.append(opened)
        return opened


def boot_of(answer: Answer) -> dict[str, Any] | None:
    """What a page tells its script; None when it is no page of an htag app."""
    found = BOOT.search(answer.body.decode("utf-8", "replace"))
    if answer.status != 200 or not found:
        return None
    try:
        boot = json.loads(found[1])
        return boot if {"token", "urls", "cursor", "transport", "generation"} <= set(boot) else None
    except (ValueError, TypeError):
        return None


def told(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {error}".rstrip(": ")
