"""The page's side in Chromium: on plain http, where there is no WebCrypto, and where there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from htagweb_flask.errors import Altered
from htagweb_flask.noise import new_key, public_key

from .page import BrowserPage, connected
from .vectors import KINDS, pairs

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

PLAIN, SECURE = "http://plain.test/", "https://secure.test/"
"""There is nothing: the browser is told what comes from there."""

Visit = Callable[[str], BrowserPage]


@pytest.fixture
def visit(context: BrowserContext) -> Visit:
    """An empty page of an address, with the script."""
    for url in (PLAIN, SECURE):
        context.route(
            f"{url}**", lambda route: route.fulfill(body="<!DOCTYPE html>", content_type="text/html")
        )

    def visited(url: str) -> BrowserPage:
        web = context.new_page()
        web.goto(url)
        assert web.evaluate("Boolean(crypto.subtle)") == (url == SECURE)
        return BrowserPage(web)

    return visited


@pytest.mark.parametrize("url", [PLAIN, SECURE], ids=["plain", "secure"])
def test_the_script_makes_what_the_standards_say(visit: Visit, url: str) -> None:
    page = visit(url)
    for kind in KINDS:
        vectors, expected = pairs(kind)
        assert page.ask("vectors", kind=kind, vectors=vectors) == expected


@pytest.mark.parametrize("url", [PLAIN, SECURE], ids=["plain", "secure"])
def test_a_page_and_a_server_understand_each_other(visit: Visit, url: str) -> None:
    page, static, secret = visit(url), new_key(), new_key()
    channel = connected(page, static, public_key(static), secret)
    for number, size in enumerate([0, 100, 32_000, 33_000, 200_000]):  # small, and what WebCrypto is for
        message = bytes(range(256)) * (size // 256)
        record = page.seal(message)
        assert channel.open(record) == (number, message)
        answer = channel.seal(message, number)
        wrong = answer[:-1] + bytes([answer[-1] ^ 1])
        with pytest.raises(Altered):
            page.open(wrong, number)
        assert page.open(answer, number) == message
        with pytest.raises(Altered):
            page.open(answer, number)


def test_a_browser_keeps_a_key_for_each_origin(visit: Visit) -> None:
    keys = {url: {connected(visit(url)).peer for _ in range(2)} for url in (PLAIN, SECURE)}
    assert all(len(found) == 1 for found in keys.values())
    assert keys[PLAIN] != keys[SECURE]


def test_pages_that_begin_together_have_one_key(visit: Visit) -> None:
    for url in (PLAIN, SECURE):
        page = visit(url)
        many = "Promise.all(Array.from({ length: 20 }, () => sealed.identity()))"
        assert len(set(page.web.evaluate(many))) == 1


def test_no_script_can_read_the_key_where_the_browser_can_keep_it(visit: Visit) -> None:
    stored = """new Promise((resolve) => {
      const opening = indexedDB.open("htag");
      opening.onsuccess = () => {
        const reading = opening.result.transaction("parano").objectStore("parano").get("identity");
        reading.onsuccess = () => {
          const { secret } = reading.result;
          resolve([secret.constructor.name, secret.extractable]);
        };
      };
    })"""
    for url, kept in ((SECURE, ["CryptoKey", False]), (PLAIN, ["Uint8Array", None])):
        page = visit(url)
        connected(page)
        assert page.web.evaluate(stored) == kept
