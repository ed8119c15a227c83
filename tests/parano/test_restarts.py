"""What ends while a sealed page is open: its process, the web workers, the whole server. A channel ends with
its process, and the page that comes back has another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parano.scenarios import one_user  # noqa: F401
from tests.servers import Server
from tests.web.pages import gunicorn
from tests.web.test_restarts import (  # noqa: F401
    hangs,
    page,
    test_an_action_whose_outcome_is_unknown_is_reported_and_never_repeated,
    test_new_web_workers_are_nothing_that_a_page_notices,
    test_what_was_entered_is_there_again,
    test_when_the_process_of_an_instance_dies_the_page_gets_another_with_its_state,
    test_when_the_whole_server_is_started_again_the_page_comes_back_by_itself,
)


@pytest.fixture(scope="module")
def site(hangs: Path) -> Iterator[Server]:  # noqa: F811
    patient = ("--graceful-timeout", "20")
    with gunicorn("tests.apps.web_restarts:app", *patient, HANGS=str(hangs), HTAG_PARANO="1") as server:
        yield server
