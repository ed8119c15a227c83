"""What a page may say with an event: what its fields hold, and nothing of the server's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from htag import Tag

from tests.http_client import Refused
from tests.support import GENERATION

if GENERATION == 2:
    from htag import State

pytestmark = pytest.mark.htag2


class Form(Tag.App if GENERATION == 2 else object):  # type: ignore[misc]
    """Fields, and what handlers are told."""

    def init(self) -> None:
        forms.append(self)
        self.log: list[Any] = []
        self.locked = State(True)
        self.field = Tag.input(_value="old", _oninput=self.note)
        self.area = Tag.textarea(_oninput=self.note)
        self.box = Tag.div("box", _onclick=self.note)
        self.custom = Tag.my_field(_oninput=self.note)
        self.off = Tag.button("off", _onclick=self.note, _disabled=True)
        self.empty = Tag.button("empty", _onclick=self.note, _disabled="")
        self.late = Tag.button("late", _onclick=self.note, _disabled=lambda: self.locked.value)
        self.on = Tag.button("on", _onclick=self.note, _disabled=False)
        self.inside = Tag.input(_oninput=self.note)
        self.title = Tag.button("legend", _onclick=self.note)
        self.set = Tag.fieldset(Tag.legend(self.title), Tag.p(self.inside), _disabled=True)
        self.shown = Tag.div("shown", _onclick=self.note, _disabled=True)
        for tag in (self.field, self.area, self.box, self.custom, self.off, self.empty, self.late, self.on):
            self += tag
        self += self.set
        self += self.shown
        self += Tag.div(_onsave=self.note)

    def note(self, event: Any) -> str:
        self.log.append((event.target, event.id, event.name, event.value))
        return "done"


forms: list[Any] = []


@pytest.fixture
def tab(host: Callable[..., Any]) -> Any:
    forms.clear()
    return host(Form).open()


def refused(tab: Any, message: dict[str, Any], status: int) -> None:
    before = str(forms[0])
    with pytest.raises(Refused) as told:
        tab.call(message)
    assert told.value.status == status
    assert told.value.answer.body == {400: b"bad", 410: b"stale"}[status]
    assert forms[0].log == []
    assert str(forms[0]) == before


@pytest.mark.parametrize("name", ["off", "empty", "late", "inside"])
def test_what_the_server_has_disabled_is_disabled(tab: Any, name: str) -> None:
    event = "input" if name == "inside" else "click"
    refused(tab, tab.event(getattr(forms[0], name).id, event, value="x"), 410)
    assert tab.poll()["reset"] is True  # the page is told what there is


@pytest.mark.parametrize("name", ["on", "title", "shown", "box", "field"])
def test_what_it_has_not_is_not(tab: Any, name: str) -> None:
    tag = getattr(forms[0], name)
    message = tab.event(tag.id, "input" if name == "field" else "click")
    tab.call(message)
    assert tab.result(message) == "done"
    assert forms[0].log[0][0] is tag


def test_what_is_enabled_again_works(tab: Any) -> None:
    message = tab.event(forms[0].late.id, "click")
    refused(tab, message, 410)
    forms[0].locked.value = False
    tab.call(message)
    assert len(forms[0].log) == 1


@pytest.mark.parametrize("key", ["target", "__class__", "__dict__", "__init__", "__getattr__", "__", "__x"])
def test_an_event_is_not_made_into_something_else(tab: Any, key: str) -> None:
    refused(tab, tab.event(forms[0].field.id, "input", **{key: "pwn"}), 400)


def test_its_id_and_name_are_those_of_the_event(tab: Any) -> None:
    """A handler for several events may tell them apart by them."""
    tag = forms[0].childs[-1]
    message = tab.event(tag.id, "save", id="other")
    message["data"]["name"] = "delete"
    tab.call(message)
    ((target, key, name, value),) = forms[0].log
    assert (target, key, name) == (tag, tag.id, "save")
    assert (value["id"], value["name"]) == ("other", "delete")


def test_only_fields_take_values_over(tab: Any) -> None:
    form = forms[0]
    for tag in (form.box, form, form.shown, form.set):
        tab.call({"id": tag.id, "event": "click", "data": dict.fromkeys(("value", "name", "checked"), "pwn")})
        assert {"value", "name", "checked"}.isdisjoint(tag._get_attrs())
    for tag in (form.field, form.area, form.custom):
        tab.call({"id": tag.id, "event": "input", "data": {"value": "typed", "checked": True, "name": "n"}})
        attributes = tag._get_attrs()
        assert (attributes["value"], attributes["checked"], attributes["name"]) == ("typed", True, "n")


@pytest.mark.parametrize("value", [{"a": 1}, [1], [[]], {"__class__": "x"}, "x" * 65_537])
def test_a_value_is_one_value(tab: Any, value: Any) -> None:
    tab.call(tab.event(forms[0].field.id, "input", value=value))
    assert forms[0].field["value"] == "old"
    assert forms[0].log[0][3] == value  # the handler may have a look


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "", "x" * 65_536])
def test_a_field_has_any_single_value(tab: Any, value: Any) -> None:
    tab.call(tab.event(forms[0].field.id, "input", value=value))
    assert forms[0].field._get_attrs()["value"] == value


def test_a_long_text_is_for_a_text_area(tab: Any) -> None:
    tab.call(tab.event(forms[0].area.id, "input", value="x" * 200_000))
    assert len(forms[0].area._get_attrs()["value"]) == 200_000


@pytest.mark.parametrize("event", ["dblclick", "note", "init", "__init__", "_get_events", "onclick", ""])
def test_an_event_that_is_not_bound_runs_nothing(tab: Any, event: str) -> None:
    message = tab.event(forms[0].box.id, event)
    tab.call(message)
    assert tab.result(message) is None
    assert forms[0].log == []
