"""How tags are written for pages under a strict policy."""

from __future__ import annotations

import re

import pytest

from htagweb_flask.pool.adapters import strict
from htagweb_flask.pool.adapters.strict import Strict

KEYS = re.compile(r"(\w+):([0-9a-f]{24})")


def written(attributes: str, name: str = "p") -> tuple[str, dict[str, str]]:
    """The attributes without handlers, and the code of these, by event."""
    drawn = Strict()
    text = drawn.attributes(name, attributes)
    table = drawn.handlers([f"<p{text}>"])
    rest, _, named = text.partition(" data-htag-on=")
    return rest, {event: table[key] for event, key in KEYS.findall(named)}


@pytest.mark.parametrize(
    ("attributes", "rest", "handlers"),
    [
        (' class="a" id="1"', ' class="a" id="1"', {}),
        (' onclick="a()" id="1"', ' id="1"', {"click": "a()"}),
        (' id="1" onClick="a()" checked oninput="b(&quot;&lt;&#x27;)"', ' id="1" checked',
         {"click": "a()", "input": "b(\"<')"}),
        (' title="x onclick=" id="1"', ' title="x onclick=" id="1"', {}),
        (' title="x onclick=&quot;a()&quot;" id="1"', ' title="x onclick=&quot;a()&quot;" id="1"', {}),
        (' title=" onload=" onclick="a()"', ' title=" onload="', {"click": "a()"}),
        (" onclick", " onclick", {}),
        (' on="a()" data-on="b()"', ' data-on="b()"', {}),
    ],
)  # fmt: skip
def test_handlers_leave_the_attributes_and_nothing_else_does(
    attributes: str, rest: str, handlers: dict[str, str]
) -> None:
    assert written(attributes) == (rest, handlers)


def test_only_what_stands_in_the_opening_is_read() -> None:
    drawn = Strict()
    text = drawn.tag("p", '<p onclick="a()">a <b onclick="evil()">b</b></p>')
    assert re.sub(KEYS, r"\1:", text) == '<p data-htag-on="click:">a <b onclick="evil()">b</b></p>'
    assert list(drawn.handlers([text]).values()) == ["a()"]


def test_keys_are_those_of_one_instance() -> None:
    one, other = Strict(), Strict()
    text = one.attributes("p", ' onclick="a()"')
    assert one.attributes("p", ' onclick="a()"') == text
    assert other.attributes("p", ' onclick="a()"') != text
    assert (list(one.handlers([text]).values()), other.handlers([text])) == (["a()"], {})


def test_old_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict, "WRITTEN", 3)
    drawn = Strict()
    texts = [drawn.attributes("p", f' onclick="{name}"') for name in "abcad"]
    assert [list(drawn.handlers([text]).values()) for text in texts] == [["a"], [], ["c"], ["a"], ["d"]]


def test_scripts_are_marked_for_one_page() -> None:
    drawn = Strict()
    text = drawn.tag("script", '<script id="1">go()</script>')
    marked = '<script nonce="N" id="1">go()</script>'
    assert (drawn.marked(text, "N"), drawn.unmarked(text)) == (marked, '<script id="1">go()</script>')
    assert drawn.marked('<script nonce="">evil()</script>', "N") == '<script nonce="">evil()</script>'
