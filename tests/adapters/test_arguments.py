"""The query string becomes the arguments of ``init``, on both generations and as htag 1 reads it."""

from __future__ import annotations

from typing import Any

import pytest
from htag import Tag
from hypothesis import given
from hypothesis import strategies as st

from htagweb_flask.pool.adapters.base import query_arguments

FORMS = [
    ("", (), {}),
    ("x", ("x",), {}),
    ("x&y", ("x", "y"), {}),
    ("x&k=v", ("x",), {"k": "v"}),
    ("k=v&x", ("x",), {"k": "v"}),
    ("k=", (), {"k": None}),
    ("k=1&k=2", (), {"k": "2"}),
    ("k=1&k=", (), {"k": None}),
    ("a+b", ("a b",), {}),
    ("a%20b%26c", ("a b&c",), {}),
    ("k=a+b%3D", (), {"k": "a b="}),
    ("k=a=b", (), {"k": "a=b"}),
    ("a;b", ("a;b",), {}),
    ("k=1;l=2", (), {"k": "1;l=2"}),
    ("%6b=v", (), {"k": "v"}),
    ("%6b=", (), {"%6b": None}),
    ("&&x&", ("x",), {}),
    ("=v", (), {}),
    ("=", (), {}),
    ("%F0%9F%98%80", ("😀",), {}),
    ("%ff", ("\ufffd",), {}),
]


@pytest.mark.parametrize(("query", "args", "kwargs"), FORMS)
def test_each_form_of_a_query_is_read_as_by_htag_1(query: str, args: Any, kwargs: Any) -> None:
    assert query_arguments(query) == (args, kwargs)


@pytest.mark.parametrize(("query", "args", "kwargs"), FORMS)
def test_init_gets_them(page: Any, query: str, args: Any, kwargs: Any) -> None:
    got = []

    class App(Tag.App):
        def init(self, *args: Any, **kwargs: Any) -> None:
            got.append((args, kwargs))

    page(App, query)
    assert got == [(args, kwargs)]


@given(st.text(alphabet="ab=&%;+ _js0f\u00e9", max_size=30))
def test_no_query_is_too_odd_and_none_reaches_what_htag_keeps_for_itself(query: str) -> None:
    args, kwargs = query_arguments(query)
    assert all(isinstance(value, str) for value in args)
    assert not any(key == "js" or key.startswith("_") or not key for key in kwargs)


@pytest.mark.parametrize(
    "query", ["js=alert(1)", "_onload=alert(1)", "_class=x", "_hr_=1", "_=1", "%6as=alert(1)", "%5Fonload=x"]
)
def test_keys_that_htag_reads_as_code_never_reach_init(page: Any, query: str) -> None:
    got = []

    class App(Tag.App):
        def init(self, **kwargs: Any) -> None:
            got.append(kwargs)

    tab = page(App, f"{query}&name=x")
    assert got == [{"name": "x"}]
    assert "alert" not in tab.html.partition("</head>")[2]
    assert not any("alert" in script for script in tab.scripts)


@pytest.mark.parametrize("query", ["a&b", "other=1", "a&name=b", "name=a&other=", "first=1"])
def test_arguments_that_do_not_fit_are_all_left_out(page: Any, query: str) -> None:
    got = []

    class App(Tag.App):
        def init(self, name: str = "nobody", /) -> None:
            got.append(name)

    page(App, query)
    assert got == ["nobody"]


@pytest.mark.parametrize(("query", "expected"), [("Jim&42", ("Jim", "42")), ("Jim", ("Jim", 12))])
def test_defaults_fill_what_is_missing(page: Any, query: str, expected: Any) -> None:
    got = []

    class App(Tag.App):
        def init(self, name: str, age: Any = 12) -> None:
            got.append((name, age))

    page(App, query)
    assert got == [expected]


@pytest.mark.parametrize("query", ["x", "tag=script", "childs=x", "parent=x", "init=x&render=y&id=z"])
def test_an_app_without_arguments_is_not_touched_by_any(page: Any, query: str) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += "calm"

    assert page(App, query).text == "calm"


def test_an_app_without_an_init_takes_nothing_from_the_query(page: Any) -> None:
    class App(Tag.App):
        pass

    tab = page(App, "<b>x</b>&title=y")
    assert tab.text == ""


def test_arguments_are_for_the_root_alone(page: Any) -> None:
    """Even where a child is of the same class."""
    got = []

    class App(Tag.App):
        def init(self, name: str = "child") -> None:
            got.append(name)
            if name != "child":
                self += Tag.p(name)
                self.other = Tag.div([kind()])

    kind = App
    assert page(App, "root").text.startswith("root")
    assert got == ["root", "child"]


def test_an_inherited_init_gets_them_too(page: Any) -> None:
    class Base(Tag.App):
        def init(self, name: str = "?") -> None:
            self += f"{type(self).__name__} {name}"

    class App(Base):
        pass

    assert page(App, "x").text == "App x"


def test_each_instance_gets_its_own(page: Any) -> None:
    class App(Tag.App):
        def init(self, name: str = "?") -> None:
            self += name

    tab = page(App, "a")
    assert [tab.text, *(tab.user.open(query).text for query in ("b", "name=c", ""))] == ["a", "b", "c", "?"]


@pytest.mark.htag2
@pytest.mark.parametrize(("query", "name"), [("n", "?"), ("n=1", "?"), ("x&n", "x"), ("n&name=x", "x")])
def test_what_asks_for_a_new_instance_is_no_argument(page: Any, query: str, name: str) -> None:
    class App(Tag.App):
        def init(self, name: str = "?") -> None:
            self += name

    assert page(App, query).text == name
