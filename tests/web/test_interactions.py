"""Clicks: what they redraw, in which order they are handled, how much they carry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.servers import Server
from tests.support import GENERATION, wait_until
from tests.web.pages import click, connected, gunicorn, log, part, requests

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Writes down what changes in the document; but for the class that htag 2 gives to a busy body, and the place
#: outside of it where nodes are kept while others are moved.
OBSERVE = """() => {
  const name = (node) => node.dataset?.test ?? node.nodeName;
  window.changes = [];
  new MutationObserver((all) => all.forEach(({ type, target, addedNodes, removedNodes, attributeName }) => {
    const busy = target === document.body && attributeName === 'class';
    if (!busy && target !== document.documentElement)
      changes.push([type, name(target), [...addedNodes].map(name), [...removedNodes].map(name)]);
  })).observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    # Without keep-alive each request makes a connection of its own, which any of the workers takes.
    with gunicorn("tests.apps.web_work:app", "--keep-alive", "0") as server:
        yield server


@pytest.fixture
def work(page: Page, site: Server) -> Page:
    page.goto(site.url)
    return connected(page)


def workers(page: Page) -> set[str]:
    """Collects which web processes answer the page, from now on."""
    found: set[str] = set()
    page.on("response", lambda response: found.add(response.headers.get("x-worker", "")))
    return found


def test_only_what_has_changed_is_drawn_anew(work: Page) -> None:
    work.evaluate(OBSERVE)
    click(work, "change")
    expect(part(work, "item-1")).to_have_text("changed")
    assert work.evaluate("changes") == [["characterData", "#text", [], []]]


def test_where_nothing_has_changed_nothing_is_drawn(work: Page) -> None:
    work.evaluate(OBSERVE)
    cursor, calls = work.evaluate("htagweb.cursor"), requests(work, "call")
    click(work, "nothing")
    click(work, "change")
    expect(part(work, "item-1")).to_have_text("changed")
    assert work.evaluate("changes") == [["characterData", "#text", [], []]]
    # Nothing was sent, either; but for the end of a call, which resolves its promise in htag 2.
    wait_until(lambda: work.evaluate("0") or len(calls) == 2)
    assert work.evaluate("htagweb.cursor") == cursor + GENERATION


def test_a_click_after_an_input_sees_what_was_typed_last(work: Page) -> None:
    seen = workers(work)
    typed = [f"text {number}" for number in range(25)]
    work.evaluate(
        """(texts) => texts.forEach((text) => {
          const field = document.querySelector('[data-test="field"]');
          field.value = text;
          field.dispatchEvent(new Event('input', { bubbles: true }));
          document.querySelector('[data-test="say"]').click();
        })""",
        typed,
    )
    wait_until(lambda: len(log(work)) >= len(typed), 30)
    assert log(work) == typed
    assert len(seen) > 1


def test_a_click_right_after_fast_typing_sees_all_of_it(work: Page) -> None:
    text = "The quick brown fox jumps over the lazy dog"
    part(work, "field").press_sequentially(text)
    click(work, "say")
    wait_until(lambda: log(work), 30)
    assert log(work) == [text]


@pytest.mark.parametrize(("clicks", "pause"), [(40, 50), (60, 0)], ids=["20-a-second", "all-at-once"])
def test_of_many_clicks_none_is_lost_and_none_counts_twice(work: Page, clicks: int, pause: int) -> None:
    seen = workers(work)
    work.evaluate(
        """async ([clicks, pause]) => {
          for (let left = clicks; left; left -= 1) {
            document.querySelector('[data-test="hit"]').click();
            if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
          }
        }""",
        [clicks, pause],
    )
    wait_until(lambda: len(log(work)) >= clicks, 30, f"{clicks} clicks")
    assert log(work) == [*range(1, clicks + 1)]
    assert len(seen) > 1


def test_three_megabytes_go_up_and_come_down(work: Page) -> None:
    work.evaluate("window.big = 'äöü – €uro '.repeat(300000)")
    assert work.evaluate("new Blob([big]).size") > 3_000_000
    click(work, "give")
    same = """document.querySelector('[data-test="echo"]').textContent === big"""
    work.wait_for_function(same, timeout=30_000)
    click(work, "change")
    expect(part(work, "item-1")).to_have_text("changed")


def test_a_message_over_the_limit_is_refused_in_words_and_the_page_goes_on(
    page: Page, site: Server, complaints: Complaints
) -> None:
    complaints.allow(r"413")
    page.goto(f"{site.url}/small/")
    page.evaluate("window.big = 'x'.repeat(200000)")
    click(page, "give")
    wait_until(lambda: page.evaluate("0") or len(complaints.all) >= 2, 20, "two complaints")
    assert "COM ERROR: HTTP 413 (too large to be sent)" in " ".join(complaints.all)
    click(page, "change")
    expect(part(page, "item-1")).to_have_text("changed")
    assert part(page, "echo").inner_text() == ""
