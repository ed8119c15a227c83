"""The pages that begin a sealed channel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .page import NodePage, Page, PythonPage


@pytest.fixture(scope="module")
def node() -> Iterator[NodePage]:
    with NodePage() as page:
        yield page


@pytest.fixture(params=["python", "node"])
def page(request: pytest.FixtureRequest) -> Page:
    page: Page = PythonPage() if request.param == "python" else request.getfixturevalue("node")
    return page
