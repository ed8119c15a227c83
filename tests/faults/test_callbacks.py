"""What callbacks can do to the process that they share with other users, beside never coming to an end.

In the table of docs/architecture.md: exceptions of every kind, the end of the process. Further ones are in
tests/server/test_app_errors.py (sys.exit, os._exit) and test_hung_apps.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.desk import QUICK, SOON, Anywhere, number, press, word
from tests.servers import Server, serve


@pytest.fixture(scope="module")
def server(either: dict[str, str]) -> Iterator[Server]:
    env = {**QUICK, **either, "HTAG_WORKERS": "1"}
    with serve("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=SOON) as running:
        yield running


@pytest.mark.parametrize(("name", "error"), [("recurse", "RecursionError"), ("hoard", "MemoryError")])
def test_an_error_that_is_no_usual_one_is_told_and_survived(server: Server, name: str, error: str) -> None:
    page, other = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    press(page, "hit")
    press(page, name)
    assert len(page.errors) == 1
    press(page, "hit")
    press(other, "hit")
    assert (word(page, "hits"), word(other, "hits")) == ("hits 2", "hits 1")
    assert number(page, "pid") == number(other, "pid")
    assert not page.gone
    page.assert_nothing_lost()
    assert server.log_text().count(f"\n{error}") == 1, "it is logged, once"
