"""For the scenarios of tests/web, played sealed. PARANO=1 pytest tests/web plays all of them so; what looks
into requests, or needs listeners from before the page, fails then, and says nothing of parano."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import Complaints, one_identity

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

__all__ = ["one_user"]


@pytest.fixture(name="new_user")
def one_user(
    new_user: Callable[..., BrowserContext], complaints: Complaints
) -> Callable[..., BrowserContext]:
    """A user who has one key at all ports of this machine, as the cookie is for all of them."""
    complaints.allow("status of 425")  # something on the way, or the browser itself, has sent a record twice

    def make(**options: Any) -> BrowserContext:
        context = new_user(**options)
        context.add_init_script(one_identity())
        return context

    return make
