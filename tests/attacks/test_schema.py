"""Requests made from a description of what a mount answers (openapi.json), as it says and otherwise.

SCHEMA_REQUESTS is how many there are of each kind: for each operation, as described and not, by somebody who
has a page and by somebody who has none.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

from tests.attacks.kit import TRACES, log, victim
from tests.servers import Server

DESCRIPTION = schemathesis.openapi.from_dict(json.loads(Path(__file__).with_name("openapi.json").read_text()))
OPERATIONS = {operation.ok().label: operation.ok() for operation in DESCRIPTION.get_all_operations()}

EACH = int(os.environ.get("SCHEMA_REQUESTS", "210"))

#: Seconds in which each answer begins: what waits for pushes has something to say, or is refused.
PATIENCE = 60


@pytest.mark.parametrize("isolation", ["shared"], indirect=True)
@pytest.mark.parametrize("who", ["a page", "nobody"])
@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_no_request_is_an_error_of_the_server(server: Server, label: str, mode: Any, who: str) -> None:
    page = victim(server.url)
    mine = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in page.user.cookies), **page.headers()}
    seen: list[int] = []
    usual = page.answer.body  # its script may speak of errors

    @seed(1)
    @settings(
        max_examples=EACH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(OPERATIONS[label].as_strategy(generation_mode=GenerationMode(mode)))
    def ask(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=server.url)
        if who == "a page":
            sent["headers"] = {**sent["headers"], **mine}
            sent.pop("cookies", None)
        with browser.request(**sent, stream=True, timeout=PATIENCE) as answer:
            seen.append(answer.status_code)
            assert answer.status_code < 500, case.as_curl_command()
            body = b"" if "event-stream" in answer.headers.get("Content-Type", "") else answer.content
        assert not any(trace in body and trace not in usual for trace in TRACES), body

    with requests.Session() as browser:
        ask()
    assert len(seen) >= min(EACH, 5)
    assert log(victim(server.url)) == "look"
