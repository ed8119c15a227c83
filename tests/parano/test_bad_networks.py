"""Cuts, and proxies that buffer, cut and repeat: what is promised in clear holds for what is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import Complaints
from tests.parano.scenarios import one_user  # noqa: F401
from tests.servers import Server
from tests.web import test_bad_networks as networks
from tests.web.pages import gunicorn
from tests.web.test_delivery import (  # noqa: F401
    proxy,
    test_a_click_while_the_browser_is_offline_is_executed_when_it_is_online,
    test_a_click_whose_answer_is_cut_off_is_executed_once,
    test_a_late_answer_does_not_bring_back_what_a_push_has_replaced,
    test_a_tag_that_is_missing_in_a_page_does_not_keep_the_rest_from_it,
    test_after_more_than_is_kept_for_a_page_it_is_drawn_anew,
    test_behind_a_proxy_that_holds_streams_back_pushes_come_by_polls,
    test_clicks_during_a_cut_are_executed_once_after_it,
    test_pushes_during_a_cut_arrive_after_it_once_and_in_order,
    test_without_pushes_a_cut_shows_at_the_next_click_which_is_executed_once,
)

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


@pytest.fixture(scope="module")
def site() -> Iterator[Server]:
    with gunicorn("tests.apps.web_delivery:app", HTAG_PARANO="1") as server:
        yield server


@pytest.mark.parametrize("way", ["buffers", "cuts", "repeats", "refuses streams"])
def test_through_a_proxy_that(
    context: BrowserContext, site: Server, complaints: Complaints, way: str
) -> None:
    networks.test_through_a_proxy_that(context, site, complaints, way)


def test_ten_seconds_without_a_network(context: BrowserContext, site: Server, complaints: Complaints) -> None:
    networks.test_ten_seconds_without_a_network(context, site, complaints)
