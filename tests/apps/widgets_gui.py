"""htag 1: a page with the widgets of htagui, which its author has written for htag and nobody for us."""

from __future__ import annotations

from typing import Any

import htagui.basics as ui
from htag import Tag


class Demo(ui.App):  # type: ignore[misc]  # it has no types
    imports = ui.ALL

    def init(self) -> None:
        entries = {name: lambda name=name: self.ui.notify(name) for name in ("one", "two")}
        calls = {
            "box": lambda ev: self.ui.box("a box", size=0.5) if hasattr(self.ui, "box") else None,
            "alert": lambda ev: self.ui.alert("told"),
            "notify": lambda ev: self.ui.notify("hello", 300),
            "confirm": lambda ev: self.ui.confirm("Sure?", self.ui.notify),
            "prompt": lambda ev: self.ui.prompt("Name?", "me", self.ui.notify),
            "pop": lambda ev: self.ui.pop(ui.Menu(entries), (ev.clientX, ev.clientY)),
            "drawer": lambda ev: self.ui.drawer(ui.Menu(entries), "left"),
            "block": lambda ev: self.ui.block(ui.Button("unblock", _onclick=lambda ev: self.ui.close())),
            "page": lambda ev: self.ui.page(ui.Button("back", _onclick=lambda ev: self.ui.close())),
        }
        self += [ui.Button(name, _onclick=call) for name, call in calls.items()]
        self += [self.form(), self.fields(), self.places()]

    def told(self, what: Any) -> None:
        self.ui.notify(str(what), 300)

    def form(self) -> Any:
        row = ui.hflex("0 0 70px", "*")
        form = ui.Form(onsubmit=self.told)
        form += row("text", ui.Input(_name="text", _value="x"))
        form += row("tick", Tag.label([ui.Input(_name="tick", _type="checkbox"), "tick"]))
        form += row("choice", ui.Select({1: "a", 2: "b"}, _value=2, _name="choice"))
        form += row("note", ui.Textarea("note", _name="note"))
        form += [ui.Button("submit"), ui.Button("reset", _type="reset")]
        return form

    def fields(self) -> Any:
        choices = {"a": "A", "b": "B"}
        return Tag.div(
            [
                ui.IText("text", onchange=self.told),
                ui.IPassword("secret", onchange=self.told),
                ui.ITextarea("area", onchange=self.told),
                ui.IBool(True, onchange=self.told),
                ui.IRange(5, onchange=self.told),
                ui.ISelect("a", choices, onchange=self.told),
                ui.IRadios("a", choices, onchange=self.told),
            ]
        )

    def places(self) -> Any:
        tabs = ui.Tabs(Tag.div("1", name="first"), Tag.div("2", name="second"), onchange=self.told)
        more = ui.Button("more", _onclick=lambda ev: tabs.add_tab(Tag.div("3", name="third")))
        split = ui.HSplit(Tag.p("A"), Tag.p("B"), sizes=[30, 70], onchange=self.told, _style="height:80px")
        sortable = ui.Sortable([Tag.p("s1"), Tag.p("s2")], onchange=self.told)
        return Tag.div([tabs, more, split, sortable, ui.FileUpload(self.told), ui.Spinner()])


class Attacked(Demo):
    """The same page with what a user has written."""

    def init(self) -> None:
        super().init()
        self += "<img src=x onerror='window.hit = 1'><script>window.hit = 2</script>"
