"""htag 1: what is appended, what runs, and what is in the head of a page."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from htag import Tag

pytestmark = pytest.mark.htag1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        (["a", "b"], "ab"),
        (("a", "b"), "ab"),
        (lambda: Tag.b("bold"), "bold"),
        (lambda: [Tag.b("x"), Tag.i("y")], "xy"),
    ],
)
def test_what_is_yielded_is_appended_without_drawing_the_rest_again(
    page: Any, content: Any, text: str
) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self.list = Tag.ul("0")
            self += self.list
            self += Tag.button("go", _onclick=self.list.bind(self.go))

        def go(self, tag: Any) -> Any:
            yield content() if callable(content) else content
            yield "."

    tab = page(App)
    other = tab.user.open()
    tab.click("go")
    assert tab.find(tag="ul").text == f"0{text}."
    assert not any("update" in payload for _, payload in tab.applied)
    other.poll()
    assert other.find(tag="ul").text == f"0{text}."
    assert other.reload().find(tag="ul").text == f"0{text}."


class Scripts(Tag.body):
    """Scripts at every occasion."""

    imports: list[Any] = []
    js = "root()"

    def init(self) -> None:
        self.call("once_at_init()")
        self.first = Tag.p("first", js="first()")
        self += self.first
        self += Tag.button("more", _onclick=lambda tag: self.add(Tag.p("later", js="later()")))
        self += Tag.button("less", _onclick=lambda tag: self.first.remove())
        self += Tag.button("call", _onclick=lambda tag: self.call("called()"))


def ran(tab: Any, name: str) -> int:
    return sum(script.count(name) for script in tab.scripts)


def test_scripts_run_with_the_page(page: Any) -> None:
    tab = page(Scripts)
    assert {name: ran(tab, name) for name in ("root()", "first()", "once_at_init()", "later()")} == {
        "root()": 1,
        "first()": 1,
        "once_at_init()": 1,
        "later()": 0,
    }


def test_a_reload_runs_the_scripts_of_the_tree_as_it_is(page: Any) -> None:
    tab = page(Scripts)
    tab.click("more")
    tab.click("less")
    again = tab.reload()
    assert [ran(again, name) for name in ("root()", "later()", "first()")] == [1, 1, 0]


def test_what_init_called_is_not_called_again(page: Any) -> None:
    tab = page(Scripts)
    for again in (tab.reload(), tab.user.open()):
        assert ran(again, "once_at_init()") == 0
    assert ran(tab.user.open("new"), "once_at_init()") == 1


def test_a_called_script_is_for_the_page_that_asked_and_that_of_a_tag_for_all(page: Any) -> None:
    tab = page(Scripts)
    other = tab.user.open()
    tab.click("call")
    tab.click("more")
    other.poll()
    assert (ran(tab, "called()"), ran(other, "called()")) == (1, 0)
    assert (ran(tab, "later()"), ran(other, "later()")) == (1, 1)
    assert other.reload().scripts[0].count("called()") == 0


def test_two_interactions_at_once_do_not_mix_their_scripts(page: Any) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            for name in ("a", "b"):
                self += Tag.button(name, name=name, _onclick=self.go)

        async def go(self, tag: Any) -> None:
            self.call(f"{tag.name}1()")
            await asyncio.sleep(0)
            self.call(f"{tag.name}2()")

    first = page(App)
    second = first.user.open()
    first.click("^a$")
    second.click("^b$")
    assert [ran(first, name) for name in ("a1()", "a2()", "b1()", "b2()")] == [1, 1, 0, 0]
    assert [ran(second, name) for name in ("a1()", "a2()", "b1()", "b2()")] == [0, 0, 1, 1]


def test_statics_of_every_kind_are_in_the_page_once(page: Any) -> None:
    class Part(Tag.div):
        statics = [
            ".part {}",
            b"part()",
            Tag.style(".same {}"),
            Tag.link(_rel="stylesheet", _href="part.css"),
        ]

    class App(Tag.body):
        imports = [Part]
        statics = ".app {}", b"app()", Tag.style(".same {}")

        def init(self) -> None:
            self += Part("x") + Part("y")

    source = page(App).html
    for text in (".part {}", "part()", ".app {}", "app()", ".same {}", 'href="part.css"'):
        assert source.count(text) == 1, text


def test_with_imports_the_statics_of_others_stay_out(page: Any) -> None:
    class Stranger(Tag.div):
        statics = [".stranger {}"]

    class Named(Tag.div):
        statics = [".named {}"]

    class App(Tag.body):
        imports = Named

        def init(self) -> None:
            self += Stranger()

    source = page(App).html
    assert ".named {}" in source
    assert ".stranger {}" not in source


def test_without_imports_the_statics_of_every_component_are_in(page: Any) -> None:
    class Part(Tag.div):
        statics = [".somewhere {}"]

    class App(Tag.body):
        def init(self) -> None:
            self += "x"

    assert page(App).html.count(".somewhere {}") == 1
    assert Part.tag == "div"


def test_htag_s_own_client_is_not_in_the_page(page: Any) -> None:
    assert "function interact" not in page(Scripts).html
    assert "function action" not in page(Scripts).html
