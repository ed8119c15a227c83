"""The page of an app: what it shows, what it runs, and what a reload finds."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from htag import Tag

from tests.dom import parse
from tests.support import GENERATION

#: What breaks careless templates, scripts and streams.
TEXTS = {
    "emoji": "👩‍🚀 🇫🇷 é",
    "right to left": "שלום \u202e עולם",
    "line separators": "a\u2028b\u2029c",
    "quotes": "' \" ` \\ \\n ${x} &quot;",
    "end of script": "</script><script>x()</script><!-- ]]>",
    "json": '{"a": [1, null]}',
    "nul and friends": "\x01 \x7f \ufffd",
}


def raw(text: str) -> str:
    """*text* as an app adds it: htag 1 adds HTML, htag 2 escapes."""
    return html.escape(text) if GENERATION == 1 else text


def script(code: str) -> Any:
    """What an app puts in its statics for a script."""
    return Tag.script(code)


def test_a_page_shows_the_app_and_its_title(page: Any) -> None:
    class Shop(Tag.App):
        def init(self) -> None:
            self += Tag.h1("open")

    tab = page(Shop)
    assert tab.text == "open"
    assert tab.title == "Shop"
    assert tab.html.lower().startswith("<!doctype html>")


@pytest.mark.htag2
def test_the_title_is_that_of_the_statics(page: Any) -> None:
    class Shop(Tag.App):
        statics = [Tag.title("The shop")]

        def init(self) -> None:
            self += "open"

    assert page(Shop).title == "The shop"


def test_our_script_comes_before_any_other(page: Any) -> None:
    class App(Tag.App):
        statics = [script("early()")]

        def init(self) -> None:
            self += script("late()")

    scripts = [one for one in page(App).dom.walk() if one.tag == "script"]
    assert scripts[0].attributes == {"type": "application/json", "id": "htag-boot"}
    assert scripts[1].attributes == {"src": "/_htag/client.js"}
    assert "early()" in [one.source for one in scripts]


def test_no_absolute_url_is_left_in_the_page(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += "x"

    assert re.findall(r'(?:href|src)="/(?!_htag/client\.js)', page(App).html) == []


def test_statics_of_an_app_and_of_what_it_inherits_are_there_once(page: Any) -> None:
    class Base(Tag.App):
        statics = [Tag.style(".base {}")]

    class App(Base):
        statics = [*Base.statics, Tag.style(".own {}"), Tag.style(".own {}"), script("own()")]

        def init(self) -> None:
            self += "x"

    source = page(App).html
    assert [source.count(text) for text in (".base {}", ".own {}", "own()")] == [1, 1, 1]


@pytest.mark.parametrize("name", TEXTS)
def test_any_text_is_the_same_on_the_page_and_back(page: Any, name: str) -> None:
    text = TEXTS[name]
    got = []

    class App(Tag.App):
        def init(self) -> None:
            self.shown = Tag.p(raw(text), _title=text)
            self += self.shown
            field = Tag.input(_class="field")
            field["oninput"] = field.bind(self.typed, b"this.value") if GENERATION == 1 else self.typed2
            self += field

        def typed(self, _field: Any, value: str) -> None:
            got.append(value)
            self.shown.clear(raw(value * 2))

        def typed2(self, ev: Any) -> None:
            self.typed(None, ev.value)

    tab = page(App)
    assert tab.find(tag="p").text == text
    assert tab.find(tag="p").attributes["title"] == text
    tab.input(text, class_="field")
    assert got == [text]
    assert tab.find(tag="p").text == text * 2


@pytest.mark.parametrize("name", TEXTS)
def test_any_script_is_the_same_in_the_boot_data_and_in_payloads(page: Any, name: str) -> None:
    code = f"show({json.dumps(TEXTS[name], ensure_ascii=False)})"

    class App(Tag.App):
        def init(self) -> None:
            self.run()
            self += Tag.button("go", _onclick=lambda ev: self.run())

        def run(self) -> None:
            self.call(code) if GENERATION == 1 else self.call_js(code)

    tab = page(App)
    assert [code in one for one in tab.scripts if one] == [True]
    tab.click("go")
    assert code in tab.scripts[-1]


def test_a_lone_surrogate_breaks_nothing(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self.shown = Tag.p("a\ud800b")
            self += self.shown
            self += Tag.button("go", _onclick=lambda ev: self.shown.clear("c\udfffd"))

    tab = page(App)
    assert "a?b" in tab.text
    tab.click("go")
    assert not tab.errors
    assert tab.has("^c.+d")


def test_a_reload_shows_the_same_tree_as_it_is_now(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("go", _onclick=lambda ev: self.add(Tag.p("more")))

    tab = page(App)
    tab.click("go")
    again = tab.reload()
    assert again.text == tab.text == "gomore"
    assert again.find(tag="button").attributes == tab.find(tag="button").attributes
    again.click("go")
    assert again.text == "gomoremore"
    assert tab.user.instances == 1


def test_a_second_tab_takes_nothing_from_the_first(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("go", _onclick=lambda ev: self.add(Tag.p("more")))

    first = page(App)
    second = first.user.open()
    second.click("go")
    third = first.user.open()
    first.poll()
    assert first.text == second.text == third.text == "gomore"


def test_another_query_is_another_instance(page: Any) -> None:
    class App(Tag.App):
        def init(self, name: str = "") -> None:
            self += Tag.button("go", _onclick=lambda ev: self.add(Tag.p("more")))

    first = page(App, "name=a")
    second = first.user.open("name=b")
    first.click("go")
    second.poll()
    assert second.text == "go"
    assert first.user.open("name=a").text == "gomore"


def test_with_scope_tab_every_load_is_an_instance(host: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("go", _onclick=lambda ev: self.add(Tag.p("more")))

    first = host(App, scope="tab").open()
    first.click("go")
    assert first.user.open().text == "go"


def test_a_class_that_is_no_app_is_served_too(page: Any) -> None:
    class Hello(Tag.div):
        def init(self) -> None:
            self += Tag.b("hello world")
            self += Tag.button("go", _onclick=lambda ev: self.add("again"))

    tab = page(Hello)
    assert tab.title == "Hello"
    tab.click("go")
    assert tab.text == "hello worldgoagain"
    assert len([one for one in parse(tab.html).walk() if one.tag == "body"]) == 1
