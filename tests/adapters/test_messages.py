"""Messages that are not what a page sends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.test_interactions import Steps, output
from tests.http_client import Refused

DEEP = b"[" * 5000 + b"]" * 5000
MESSAGES = {
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "types": b'{"id": {}, "event": 3, "method": [], "data": 1}',
    "not UTF-8": b'{"id": "x", "event": "\xff", "data": {}, "\xff": 1}',
}
ENVELOPES = {
    "nothing": b"",
    "torn": b'{"seq": 1, "cursor": 1, "message": {',
    "no number": b'{"cursor": 1, "message": {}}',
    "negative": b'{"seq": -1, "cursor": 1, "message": {}}',
    "cursor below zero": b'{"seq": 1, "cursor": -1, "message": {}}',
    "unknown member": b'{"seq": 1, "cursor": 1, "message": {}, "more": 1}',
    "not UTF-8": b'{"\xff": 1}',
    "deep": DEEP,
    "deep message": b'{"seq": 1, "cursor": 1, "message": %s}' % DEEP,
    "not a number": b'{"seq": NaN, "cursor": 1, "message": {}}',
}


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_no_message_is_refused_and_counts(page: Any, name: str) -> None:
    tab = page(Steps)
    tab.seq += 1
    assert tab.post("call", b'{"seq":1,"cursor":1,"message":%s}' % MESSAGES[name]).status == 400
    tab.click(class_="plain")
    assert output(tab) == "[plain]"


@pytest.mark.parametrize("name", ENVELOPES)
def test_what_is_no_interaction_at_all_is_refused(page: Any, name: str) -> None:
    tab = page(Steps)
    assert tab.post("call", ENVELOPES[name]).status == 400
    tab.click(class_="plain")
    assert output(tab) == "[plain]"


def test_half_of_a_surrogate_pair_is_no_reason_to_refuse(page: Any) -> None:
    """JavaScript cuts texts where it likes, and sends the halves of an emoji as escapes."""
    tab = page(Steps)
    halves = {"key": "\ud83d", "code": "\ude00"}
    (message,) = tab.messages(tab.find(class_="plain").attributes["onclick"], halves)
    assert tab.call(message)["done"]
    assert output(tab) == "[plain]"


def test_members_that_are_not_of_a_message_are_refused(page: Any) -> None:
    tab = page(Steps)
    (message,) = tab.messages(tab.find(class_="plain").attributes["onclick"])
    with pytest.raises(Refused) as refused:
        tab.call({**message, "extra": 1})
    assert refused.value.status == 400
    assert output(tab) == ""
