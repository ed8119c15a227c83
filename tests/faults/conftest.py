"""Fixtures of the tests of faults, which are played in clear and sealed.

Each test takes the environment of its server from one of the fixtures `way` and `either`, or is marked
`clear` with the reason why it is not played sealed; one that does neither is an error.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.conftest import short_folder  # noqa: F401

CLEAR = {"HTAG_PARANO": ""}
SEALED = {"HTAG_PARANO": "1"}
EACH = {"HTAG_PARANO": "1", "HTAG_ISOLATION": "session"}

WAYS = {"in clear": CLEAR, "sealed": SEALED, "sealed, a process for each session": EACH}


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, str]:
    """What is said, and which process holds a channel, as the environment of a server."""
    return WAYS[request.param]


@pytest.fixture(scope="module", params=["in clear", "sealed"])
def either(request: pytest.FixtureRequest) -> dict[str, str]:
    """The same, where it is given whose process it is."""
    return WAYS[request.param]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each fault is played sealed, or there is a reason."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            played = {"way", "either"} & set(getattr(item, "fixturenames", ()))
            marker = item.get_closest_marker("clear")
            if bool(played) == bool(marker and marker.args):
                raise pytest.UsageError(f"{item.nodeid}: sealed, or clear with a reason?")
