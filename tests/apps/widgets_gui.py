"""htag 1: a page with the widgets of htagui, which its author has written for htag and nobody for us."""

from __future__ import annotations

from typing import Any

import htagui.basics as ui
from htag import Tag, expose


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


class Slides(Tag.div):
    """Makes what is shown when it is shown: an event of the page calls what is exposed."""

    def init(self, makers: list[Any]) -> None:
        self.makers = makers
        self += [Tag.p("not yet") for _ in makers]
        self.js = "self.addEventListener('slide', (event) => self._show(event.detail.index));"

    @expose
    def _show(self, index: int) -> None:
        self.childs[index].clear(self.makers[index]())


class More(ui.App):  # type: ignore[misc]  # it has no types
    """What such pages do beside that: all sides, steps from outside, lists that go on when scrolled."""

    imports = ui.ALL

    def init(self) -> None:
        sides = {
            side: lambda ev, side=side: self.ui.drawer(side, side) for side in ("right", "top", "bottom")
        }
        calls = {
            **sides,
            "pop": lambda ev: self.ui.pop("a text", (ev.clientX, ev.clientY)),
            "small": lambda ev: self.ui.alert("small", size=0.2),
            "wait": lambda ev: self.ui.block(Tag.div([ui.Spinner(), self.unblock()])),
        }
        self += [ui.Button(name, _onclick=call) for name, call in calls.items()]
        self += [self.form(), self.fields(), self.places(), self.slides(), self.rows()]

    def unblock(self) -> Any:
        return ui.Button("go on", _onclick=lambda ev: self.ui.close())

    def told(self, what: Any) -> None:
        self.ui.notify(str(getattr(what, "selected", what)), 200)

    def changed(self, ev: Any) -> None:
        self.told(getattr(ev.target, "value", ev.type))

    def form(self) -> Any:
        with ui.Form(onsubmit=self.told) as form:
            radios = [Tag.label([ui.Input(_name="one", _type="radio", _value=n), str(n)]) for n in (1, 2)]
            form += ui.vflex("*", "*")(ui.Input(_name="text", _required=True, _value="x"), radios)
            form += [
                ui.Input(_name="range", _type="range"),
                ui.Button("send"),
                ui.Button("no", _type="button"),
            ]
        return form

    def fields(self) -> Any:
        fields = [
            ui.Input(_value="text", _onchange=self.changed),
            ui.Input(_type="checkbox", _checked=True, _onchange=self.changed),
            ui.Input(_type="range", _value=42, _onchange=self.changed),
            ui.Textarea("area", _onchange=self.changed),
            ui.Select({1: "a", 2: "b"}, _value=1, _onchange=self.changed),
        ]
        return ui.Tabs(Tag.div(fields, name="fields"), Tag.div("none", name="none"))

    def places(self) -> Any:
        tabs = ui.Tabs(*(Tag.div(name, name=name) for name in ("one", "two")), onchange=self.told)

        def select(number: int) -> None:
            tabs.selected = number

        buttons = [ui.Button(f"to {n}", _onclick=lambda ev, n=n: select(n)) for n in (0, 1)]
        split = ui.VSplit(Tag.p("A"), Tag.p("B"), sizes=[50, 50], _style="height:80px")
        return Tag.div([*buttons, tabs, split])

    def slides(self) -> Any:
        slides = Slides([lambda n=n: ui.Button(f"slide {n}", _onclick=self.changed) for n in range(2)])
        code = "this.previousElementSibling.dispatchEvent(new CustomEvent('slide', {detail: {index: %s}}))"
        return Tag.div([slides, Tag.button("slide", _onclick=code % 1)])

    def rows(self) -> Any:
        makers = [lambda n=n: ui.Button(f"row {n}", _onclick=self.changed) for n in range(12)]
        pager = ui.VScrollPager(makers, preload=4, moreload=3)
        down = Tag.button("down", _onclick="this.nextElementSibling.firstElementChild.scrollTop = 9999")
        return Tag.div([down, Tag.div(pager, _style="height:40px")])


class Attacked(Demo):
    """The same page with what a user has written."""

    def init(self) -> None:
        super().init()
        self += "<img src=x onerror='window.hit = 1'><script>window.hit = 2</script>"
