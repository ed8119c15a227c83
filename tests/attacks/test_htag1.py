"""What htag 1 lets a page do with the tags of its process: facts of an audit, as attacks."""

from __future__ import annotations

import re

import pytest

from tests.attacks.kit import attack, click, log, offered, refused, undone, victim
from tests.servers import Server

pytestmark = pytest.mark.htag1


def test_a_tag_of_another_user_is_out_of_reach(server: Server) -> None:
    alice, bob = victim(server.url), victim(server.url)
    own = [message for button in bob.find_all(tag="button") for message in offered(bob, button)]
    for message in (click(alice, name) for name in ("look", "rows", "bound", "row 1")):
        if message not in own:  # in a process of his own, a tag of his may have the same address
            refused(attack(bob, message), 410, "stale")
    root = int(re.findall(r'<body id="(\d+)"', alice.html)[0])
    for method in ("__init__", "clear", "remove", "_wipe_database"):
        refused(attack(bob, alice.method(root, method)), 410, "stale")
    undone(alice)
    undone(bob)


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("_wipe_database", []),
        ("__setattr__", ["is_admin", True]),
        ("__init__", []),
        ("__class__", []),
        ("__getattribute__", ["is_admin"]),
        ("init", []),
        ("add", ["<script>alert(1)</script>"]),
        ("clear", []),
        ("note", ["WIPED"]),
        ("exit", []),
        ("update", []),
        ("withdraw", [42]),
        ("wiped", [None]),
    ],
)
def test_no_method_is_called_by_its_name(server: Server, method: str, args: list[object]) -> None:
    page = victim(server.url)
    root = int(re.findall(r'<body id="(\d+)"', page.html)[0])
    refused(attack(page, page.method(root, method, *args)), 410, "stale")
    undone(page)


@pytest.mark.parametrize(
    ("args", "kargs"),
    [
        ([999_999], {"who": "me"}),
        ([42.0], {"who": "me"}),
        (["42"], {"who": "me"}),
        ([True], {"who": "me"}),
        ([42], {"who": "you"}),
        ([42], {}),
        ([], {"who": "me"}),
        ([42, "me"], {}),
        ([42], {"who": "me", "more": 1}),
        ([[42]], {"who": "me"}),
    ],
)
def test_a_constant_that_was_bound_cannot_be_another(
    server: Server, args: list[object], kargs: object
) -> None:
    page = victim(server.url)
    message = click(page, "bound")
    refused(attack(page, {**message, "args": args, "kargs": kargs}), 410, "stale")
    undone(page)
    page.call(message)
    undone(page, "42me")


def test_late_clicks_meet_nobody(server: Server) -> None:
    """Addresses are used again: hundreds of old messages, while new tags are made."""
    alice, bob = victim(server.url), victim(server.url)
    old = [click(alice, f"row {number}") for number in range(5)]
    for _ in range(14):  # fewer than the rate allows in a burst
        alice.call(click(alice, "rows"))
        bob.call(click(bob, "rows"))
        buttons = [(page, button) for page in (alice, bob) for button in page.find_all(tag="button")]
        current = [call["id"] for page, button in buttons for call in offered(page, button)]
        for message in old:
            if message["id"] not in current:  # else it is the call of a tag that is there now
                refused(attack(alice, message), 410, "stale")
                refused(attack(bob, message), 410, "stale")
    undone(alice)
    undone(bob)


def test_what_was_removed_and_is_alive_is_not_called(server: Server) -> None:
    page = victim(server.url)
    spare = [click(page, f"spare {number}") for number in range(10)]
    page.call(click(page, "clear"))
    for message in spare:
        refused(attack(page, message), 410, "stale")
    undone(page)


def test_a_generator_that_ended_is_not_gone_on_with(server: Server) -> None:
    page, other = victim(server.url), victim(server.url)
    page.call(click(page, "steps"), follow=False)
    (following,) = page.messages(page._next.pop())
    refused(attack(other, following), 410, "stale")
    page.call(following, follow=False)
    (last,) = page.messages(page._next.pop())
    page.call(last)
    for message in (following, last):
        refused(attack(page, message), 410, "stale")
    undone(page, "step0 step1")


def test_the_statics_of_another_app_are_its_own(server: Server) -> None:
    assert "statics_of_the_other" in victim(server.url, "/other/").html
    assert "statics_of_the_other" not in victim(server.url).html


def test_a_page_that_was_refused_goes_on(server: Server) -> None:
    page = victim(server.url)
    refused(attack(page, page.method(1, "nothing")), 410, "stale")
    assert page.poll()["reset"] is True
    assert log(page) == "look"
