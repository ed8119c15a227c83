"""htag 1 would call any method of any tag of the process; a page may call what is written in it."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from htag import Tag

from tests.http_client import Refused

pytestmark = pytest.mark.htag1


class Door(Tag.body):
    """What is attacked: it logs what is called."""

    imports: list[Any] = []

    def init(self) -> None:
        self.role = "guest"
        self.log: list[str] = []
        self.knocker = Tag.button("knock", _onclick=self.knock)
        self.bell = Tag.button("ring", _onclick=self.bind.ring(1))
        self.other = Tag.button("other", _onmouseover=lambda ev: self.log.append("over"))
        self += self.knocker + self.bell + self.other
        doors.append(self)

    def knock(self, tag: Any) -> None:
        self.log.append("knock")

    def ring(self, times: int) -> None:
        self.log.append(f"ring {times}")

    def open(self, *_: Any) -> None:
        self.log.append("open")

    def take(self, tag: Any) -> Any:
        yield


doors: list[Any] = []


@pytest.fixture
def tab(host: Any) -> Any:
    doors.clear()
    return host(Door).open()


def refused(tab: Any, message: dict[str, Any]) -> None:
    """The page is told that it asked for what is not offered, gets a fresh body, and nothing has happened."""
    before = [(str(door), door.role, list(door.log)) for door in doors]
    with pytest.raises(Refused) as told:
        tab.call(message)
    assert told.value.status == 410
    assert told.value.answer.body == b"stale"
    assert [(str(door), door.role, list(door.log)) for door in doors] == before


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("__setattr__", ["role", "admin"]),
        ("__init__", []),
        ("__class__", []),
        ("__getattribute__", ["role"]),
        ("add", ["<script>"]),
        ("clear", []),
        ("remove", []),
        ("exit", []),
        ("update", []),
        ("open", []),
        ("knock", [None]),
        ("take", [None]),
        ("init", []),
        ("_getAllJs", []),
        ("_childs.append", ["x"]),
        ("__on__", []),
        ("__on__", ["onclick-1"]),
        ("__on__", [["onclick"]]),
        ("__on__", [{}]),
        ("__on__", [None]),
        ("__on_event__", ["onclick-1"]),
        (None, []),
        ("", []),
    ],
)
@pytest.mark.parametrize("target", ["root", "knocker", "bell"])
def test_a_method_that_was_not_written_into_the_page_is_refused(
    tab: Any, method: Any, args: list[Any], target: str
) -> None:
    tag = doors[0] if target == "root" else getattr(doors[0], target)
    refused(tab, tab.method(id(tag), method, *args))


def test_what_was_written_into_it_is_not(tab: Any) -> None:
    tab.click("knock")
    tab.click("ring")
    tab.fire(tab.find("other"), "mouseover")
    assert doors[0].log == ["knock", "ring 1", "over"]


def test_the_key_of_a_callback_is_for_its_own_tag(tab: Any) -> None:
    door = doors[0]
    (message,) = tab.messages(tab.find("knock").attributes["onclick"])
    refused(tab, {**message, "id": id(door)})
    refused(tab, {**message, "id": id(door.bell)})
    refused(tab, {**message, "args": [f"onmouseover-{id(door.other)}"]})
    refused(tab, {**message, "args": [f"ondblclick-{id(door.knocker)}"]})


def test_the_tag_of_another_instance_is_out_of_reach(host: Any, tab: Any) -> None:
    other = host(Door).open()
    assert len(doors) == 2
    for text in ("knock", "ring"):
        (message,) = other.messages(other.find(text).attributes["onclick"])
        refused(tab, message)
    neighbour = tab.user.open("another-query")
    (message,) = neighbour.messages(neighbour.find("knock").attributes["onclick"])
    refused(tab, message)
    other.click("knock")
    neighbour.click("knock")
    assert [door.log for door in doors] == [[], ["knock"], ["knock"]]


@pytest.mark.parametrize("tag_id", [0, 1, -1, 2**80])
def test_an_id_of_nothing_is_refused(tab: Any, tag_id: int) -> None:
    refused(tab, tab.method(tag_id, "__on__", "onclick-1"))


def test_an_object_that_is_no_tag_is_refused(tab: Any) -> None:
    refused(tab, tab.method(id(doors), "append", 1))
    refused(tab, tab.method(id(tab), "append", 1))


@pytest.mark.parametrize("how", ["remove", "clear", "parent"])
def test_a_tag_that_was_removed_is_refused_until_it_is_back(page: Any, how: str) -> None:
    log: list[str] = []

    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self.button = Tag.button("press", _onclick=lambda tag: log.append("pressed"))
            self.holder = Tag.div(self.button)
            self += self.holder
            self += Tag.button("hide", _onclick=lambda tag: self.hide())
            self += Tag.button("show", _onclick=lambda tag: self.show())

        def hide(self) -> None:
            if how == "remove":
                self.button.remove()
            elif how == "clear":
                self.holder.clear()
            else:
                self.holder.remove()

        def show(self) -> None:
            (self if how == "parent" else self.holder).add(self.holder if how == "parent" else self.button)

    tab = page(App)
    (message,) = tab.messages(tab.find("press").attributes["onclick"])
    tab.call(message)
    tab.click("hide")
    with pytest.raises(Refused):
        tab.call(message)
    tab.click("show")
    tab.call(message)
    assert log == ["pressed", "pressed"]


def test_the_next_step_of_a_generator_that_ended_is_refused(page: Any) -> None:
    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Tag.button("go", _onclick=self.go)

        def go(self, tag: Any) -> Any:
            yield "step"

    tab = page(App)
    (message,) = tab.messages(tab.find("go").attributes["onclick"])
    tab.call(message, follow=False)
    (following,) = tab.messages(tab._next.pop())
    tab.call(following)
    for wrong in (following, {**following, "id": following["id"] + 1}, {**following, "method": "send"}):
        with pytest.raises(Refused):
            tab.call(wrong)
    assert tab.find_all("step")


def test_the_generator_of_another_instance_is_out_of_reach(host: Any) -> None:
    steps = []

    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Tag.button("go", _onclick=self.go)

        def go(self, tag: Any) -> Any:
            for step in range(3):
                steps.append(step)
                yield

    mine, yours = host(App).open(), host(App).open()
    (message,) = yours.messages(yours.find("go").attributes["onclick"])
    yours.call(message, follow=False)
    (following,) = yours.messages(yours._next.pop())
    with pytest.raises(Refused):
        mine.call(following)
    assert steps == [0]


def test_a_page_of_an_instance_that_ended_reaches_nothing(tab: Any) -> None:
    (message,) = tab.messages(tab.find("knock").attributes["onclick"])
    stage = tab.user
    stage.run(stage.worker.end)
    doors.clear()
    gc.collect()
    again = stage.open()
    with pytest.raises(Refused) as told:
        tab.call(message)
    assert told.value.status == 410
    again.click("knock")
    assert doors[0].log == ["knock"]


@pytest.mark.parametrize("event", [{"target": "x"}, {"class": 1}, {"__class__": 1}, {"0": 1}])
def test_an_event_with_odd_members_is_at_worst_an_error_of_the_handler(page: Any, event: Any) -> None:
    seen = []

    class App(Tag.body):
        imports: list[Any] = []

        def init(self) -> None:
            self += Tag.button("go", _onclick=lambda ev: seen.append(ev.target))

    tab = page(App)
    (message,) = tab.messages(tab.find("go").attributes["onclick"])
    tab.call({**message, "event": event})
    tab.click("go")
    assert not any(isinstance(target, str) for target in seen)
    assert seen[-1] is not None


@pytest.mark.parametrize("args", [[2], [True], [1.0], ["1"], [], [1, 1], [None]])
def test_the_arguments_that_were_bound_cannot_be_changed(tab: Any, args: list[Any]) -> None:
    refused(tab, tab.method(id(doors[0]), "ring", *args))
