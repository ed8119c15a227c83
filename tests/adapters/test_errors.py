"""Errors of an app while its page is made: told with their traceback, and the next request tries again."""

from __future__ import annotations

from typing import Any

import pytest
from htag import Tag

from htagweb_flask.errors import AppError


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_in_init_is_told_with_its_traceback_and_tried_again(host: Any, debug: bool) -> None:
    builds = []

    class App(Tag.App):
        def init(self) -> None:
            builds.append(self)
            if len(builds) == 1:
                raise ValueError("<no luck>")
            self += "built"

    stage = host(App, debug=debug)
    with pytest.raises(AppError, match="init: ValueError: <no luck>") as failed:
        stage.open()
    assert "in init\n" in failed.value.trace
    assert len(builds) == 1
    assert stage.open().text == "built"


def test_a_type_error_in_init_is_told_and_init_runs_once(host: Any) -> None:
    builds = []

    class App(Tag.App):
        def init(self, name: str = "") -> None:
            builds.append(name)
            len(5)

    with pytest.raises(AppError, match="init: TypeError: object of type 'int'") as failed:
        host(App).open("name=x")
    assert "len(5)" in failed.value.trace
    assert builds == ["x"]


def test_an_error_in_a_child_is_told_as_well(host: Any) -> None:
    class Child(Tag.div):
        def init(self) -> None:
            raise KeyError("child")

    class App(Tag.App):
        def init(self) -> None:
            self += Child()

    with pytest.raises(AppError, match="KeyError"):
        host(App).open()


@pytest.mark.parametrize("way", ["sys.exit", "missing argument"])
def test_what_else_can_go_wrong_in_init_ends_nothing_but_the_page(host: Any, way: str) -> None:
    class App(Tag.App):
        if way == "sys.exit":

            def init(self) -> None:
                raise SystemExit(1)
        else:

            def init(self, needed: str) -> None:
                self += needed

    stage = host(App)
    with pytest.raises(AppError, match="SystemExit" if way == "sys.exit" else "needed"):
        stage.open("other=1")
    if way != "sys.exit":
        assert stage.open("needed=here").text == "here"


def test_an_error_while_rendering_is_told_and_a_reload_tries_again(host: Any) -> None:
    broken = [True]

    class Part(Tag.div):
        def __str__(self) -> str:
            if broken:
                raise RuntimeError("<torn>")
            return "<div>whole</div>"

    class App(Tag.App):
        def init(self) -> None:
            self += Part()

    stage = host(App)
    for _ in range(2):
        with pytest.raises(AppError, match="render: RuntimeError: <torn>") as failed:
            stage.open()
        assert "__str__" in failed.value.trace
    broken.clear()
    assert stage.open().text == "whole"


def test_what_is_no_tag_class_is_refused_at_once(host: Any) -> None:
    class NoTag:
        pass

    with pytest.raises(AppError, match="is not an htag Tag class"):
        host(NoTag)
