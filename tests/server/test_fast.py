"""HTAG_FAST of the site reaches the processes of the pool."""

from __future__ import annotations

import pytest

from tests.http_client import User
from tests.servers import serve

pytestmark = pytest.mark.htag1


@pytest.mark.parametrize(("site", "most"), [("quick", 5), ("plain", 50)])
def test_the_setting_reaches_the_pool(site: str, most: int) -> None:
    with serve("waitress", f"tests.apps.classes:{site}", env={"HTAG_POOL_GRACE": "0.5"}) as server:
        classes = int(User(server.url).open("/").text.split()[0])
    assert (classes == 50) == (most == 50)
    assert classes <= most
