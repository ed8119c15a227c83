"""Fixtures of the contract suite: it runs over the adapter of the generation that is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.adapters.stage import Stage


@pytest.fixture
def host() -> Iterator[Callable[..., Stage]]:
    """Hosts apps until the end of the test: host(App, scope="tab", debug=True)."""
    with contextlib.ExitStack() as stack:
        yield lambda app, **options: stack.enter_context(Stage(app, **options))


@pytest.fixture
def page(host: Callable[..., Stage]) -> Callable[..., Any]:
    """Hosts an app and opens its page: page(App, "query")."""
    return lambda app, query="", **options: host(app, **options).open(query)
