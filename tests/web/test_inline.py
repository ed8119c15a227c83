"""A site without a pool, in the browser: its pages are those of any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.servers import Server, serve
from tests.web.pages import click, connected, log, logged, part

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    env = {"HTAG_BROKER": "inline"}
    options = ("--graceful-timeout", "1")
    with serve("gunicorn-gevent", "tests.apps.web_life:app", workers=1, env=env, options=options) as server:
        yield server


def test_clicks_pushes_tabs_and_f5(context: BrowserContext, site: Server) -> None:
    page, tab = context.new_page(), context.new_page()
    for each in (page, tab):
        each.goto(f"{site.url}/memory/?name=Ada")
        connected(each)
    click(page, "more")
    click(tab, "later")
    for each in (page, tab):
        expect(part(each, "count")).to_have_text("2")
        logged(each, 2)
    page.reload()
    expect(part(page, "count")).to_have_text("2")
    expect(part(page, "name")).to_have_text("Ada")
    connected(page)
    click(page, "more")
    expect(part(tab, "count")).to_have_text("3")
    assert log(tab) == [2]
    assert site.pool_processes() == {}
