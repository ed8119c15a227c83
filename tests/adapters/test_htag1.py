"""What htag 1 alone has: components that render themselves, its errors, exit, state."""

from __future__ import annotations

from typing import Any

import pytest
from htag import Tag

from htagweb_flask.pool import instance
from tests.support import wait_until

pytestmark = pytest.mark.htag1


def test_a_component_with_a_render_method_is_drawn_as_it_is_now(page: Any) -> None:
    class Stars(Tag.span):
        def init(self) -> None:
            self.count = 1
            self.more = Tag.button("+", _onclick=self.increase)

        def increase(self, tag: Any) -> None:
            self.count += 1

        def render(self) -> None:
            self.clear()
            self += self.more
            self += "*" * self.count

    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Stars()

    tab = page(App)
    tab.click(r"\+")
    tab.click(r"\+")
    assert tab.text == tab.reload().text == "+***"


def test_an_error_is_told_by_a_number(page: Any, caplog: pytest.LogCaptureFixture) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Tag.button("go", _onclick=self.go)

        def go(self, tag: Any) -> None:
            raise ValueError("<wrong>")

    tab = page(App)
    tab.click("go")
    (told,) = tab.errors
    assert told.startswith("This did not work. The log of the server says more, at ")
    assert f"[{told[-9:-1]}] " in caplog.text
    assert "ValueError: <wrong>" in caplog.text
    assert set(tab.applied[-1][1]) == {"err"}


def test_a_handler_that_returns_something_is_an_error_as_ever(page: Any) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Tag.button("go", _onclick=lambda tag: 42)

    tab = page(App)
    tab.click("go")
    assert len(tab.errors) == 1


def test_exit_ends_the_instance_after_its_answer(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "EXIT", 0.02)

    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Tag.button("bye", _onclick=self.bye)

        def bye(self, tag: Any) -> None:
            self += "goodbye"
            self.exit()

    tab = page(App)
    tab.click("bye")
    assert tab.text == "byegoodbye"
    assert {"exit": True} in [payload for _, payload in tab.applied]
    again = tab.user.open()
    assert again.text == "bye"
    again.click("bye")
    wait_until(lambda: tab.post("poll", {"cursor": tab.cursor, "wait": 0}).status == 410, 5, "the end")


def test_a_generator_that_failed_is_forgotten(page: Any) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            apps.append(self)
            self += Tag.button("late", _onclick=self.late)
            self += Tag.button("soon", _onclick=self.soon)

        def late(self, tag: Any) -> Any:
            yield
            raise ValueError("late")

        def soon(self, tag: Any) -> Any:
            raise ValueError("soon")
            yield

    apps: list[Any] = []
    tab = page(App)
    tab.click("late")
    tab.click("soon")
    assert len(tab.errors) == 2
    assert apps[0]._hr._loop == {}


@pytest.mark.parametrize("value", [1, "é", None, [1, [2]], {"a": {"b": (1, 2)}}])
def test_the_state_of_the_root_is_in_the_session(host: Any, value: Any) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Tag.p(f"{self.state.get('value', 'nothing')}")
            self += Tag.button("keep", _onclick=self.keep)

        def keep(self, tag: Any) -> None:
            self.state["value"] = value

    stage = host(App)
    tab = stage.open()
    assert tab.find(tag="p").text == "nothing"
    tab.click("keep")
    assert list(stage.session.values()) == [{"value": value}]
    assert stage.open("new").find(tag="p").text == str(value)


def test_a_nested_change_of_the_state_is_kept(host: Any) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self.state["list"] = [1]
            self += Tag.button("add", _onclick=lambda tag: self.state["list"].append(2))
            self += Tag.button("clear", _onclick=lambda tag: self.state.clear())

    stage = host(App)
    stage.session["other"] = "untouched"
    tab = stage.open()
    tab.click("add")
    (key,) = set(stage.session) - {"other"}
    assert stage.session[key] == {"list": [1, 2]}
    tab.click("clear")
    assert stage.session == {"other": "untouched"}


def test_the_state_of_a_component_is_in_the_session_too(host: Any) -> None:
    class Part(Tag.div):
        def init(self) -> None:
            self += Tag.button("keep", _onclick=self.keep)

        def keep(self, tag: Any) -> None:
            self.state["n"] = 1

    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Part()

    stage = host(App)
    stage.open().click("keep")
    assert list(stage.session.values()) == [{"n": 1}]


def test_a_generator_of_a_page_that_was_closed_is_forgotten(page: Any) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            apps.append(self)
            self += Tag.button("go", _onclick=self.go)

        def go(self, tag: Any) -> Any:
            while True:
                yield "step"

    apps: list[Any] = []
    tab = page(App)
    (message,) = tab.messages(tab.find("go").attributes["onclick"])
    tab.call(message, follow=False)
    tab.leave()
    tab.user.open()
    assert apps[0]._hr._loop == {}


@pytest.mark.parametrize("how", ["tag in a text", "target outside of the tree"])
def test_what_a_page_shows_can_be_called_wherever_its_target_is(page: Any, how: str) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self.part = Tag.button("press", _onclick=lambda tag: self.add("pressed"))
            self.control = Tag.div()
            if how == "tag in a text":
                self += f"<p>{self.part}</p>"
            else:
                self += Tag.button("press", _onclick=self.control.bind(lambda tag: self.add("pressed")))

    tab = page(App)
    tab.click("^press$")
    assert tab.has("pressed$")
