"""What htag 2 lets a page say with an event: facts of an audit, as attacks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.kit import attack, click, log, offered, refused, undone, victim
from tests.servers import Server

pytestmark = pytest.mark.htag2


def test_what_is_disabled_is_not_run(server: Server) -> None:
    page = victim(server.url)
    refused(attack(page, click(page, "off")), 410, "stale")
    undone(page)


@pytest.mark.parametrize("key", ["target", "__class__", "__init__", "__dict__"])
def test_an_event_is_not_turned_into_something_else(server: Server, key: str) -> None:
    page = victim(server.url)
    refused(attack(page, click(page, "look", **{key: "pwn"})), 400, "bad")
    undone(page)


@pytest.mark.parametrize("value", ["pwn", {"a": "dict"}, ["list"]])
def test_a_tag_that_is_no_field_takes_nothing_over(server: Server, value: Any) -> None:
    page = victim(server.url)
    box = page.find(tag="div", class_="box")
    (message,) = page.messages(box.attributes["onclick"])
    message["data"] |= {"value": value, "name": value, "checked": value}
    assert attack(page, message).status == 200
    again = page.user.open("/")
    assert {"value", "name", "checked"}.isdisjoint(again.find(tag="div", class_="box").attributes)


def test_a_tag_of_another_user_is_out_of_reach(server: Server) -> None:
    alice, bob = victim(server.url), victim(server.url)
    own = [message["id"] for button in bob.find_all(tag="button") for message in offered(bob, button)]
    for message in (click(alice, name) for name in ("look", "rows", "row 1")):
        if message["id"] in own:
            continue  # in a process of his own, a tag of his may have the same name
        answer = attack(bob, message)  # a promise of the page is answered, whatever it asks for
        assert answer.status == 200
    assert log(bob) == log(alice) == "look"


@pytest.mark.parametrize("event", ["wiped", "_wipe_database", "__init__", "init", "submit"])
def test_an_event_that_is_not_bound_runs_nothing(server: Server, event: str) -> None:
    page = victim(server.url)
    message = {**click(page, "look"), "event": event}
    assert attack(page, message).status == 200
    undone(page)


def test_a_get_of_another_site_ends_no_instance(server: Server) -> None:
    page = victim(server.url)
    page.call(click(page, "look"))
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    for headers in (image, {**image, "Sec-Fetch-Site": "same-site"}):
        page.user.get("/?n", headers)
    assert log(page) == "look look"
