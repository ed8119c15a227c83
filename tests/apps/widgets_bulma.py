"""htag 1: a page with the widgets of htbulma, which its author has written for htag and nobody for us."""

from __future__ import annotations

from typing import Any

import htbulma as b
from htag import Tag
from htbulma import inputs2

TAGS = ["banana", "apple", "pear"]


class Demo(Tag.body):
    def init(self) -> None:
        self.service = b.Service(self)
        nav = b.Nav("Widgets")
        nav.addEntry("alert", lambda: self.service.alert("told"))
        nav.addEntry("confirm", lambda: self.service.confirm("Sure?", ok=lambda o: self.toast("yes")))
        nav.addEntry("prompt", lambda: self.service.prompt("Name?", "", ok=lambda o: self.toast(o.value)))
        tabs = b.Tabs()
        tabs.addTab("Fields", self.fields())
        tabs.addTab("Choices", self.choices())
        tabs.addTab("Table", b.Table([(i, i * 2) for i in range(25)], cols=["a", "b"], pageSize=10))
        tabs.addTab("Files", b.FileSelect(".", self.toast, "*.md"))
        tabs.addTab("Text", b.RichText("<b>Hello</b>", onsave=lambda o: self.toast("saved")))
        self += [nav, b.Section(tabs)]
        self += b.HBox(b.Button("menu", _onclick=self.bind.menu(b"event.clientX", b"event.clientY")))
        self += b.HFlex(b.Button("toast", _onclick=lambda o: self.toast("hello")), b.Progress(), b.Loader())
        self += b.Button("modal", _onclick=self.bind.modal())

    def toast(self, text: Any) -> None:
        self.service.toast(str(text), 300)

    def changed(self, field: Any) -> None:
        self.toast(field.value)

    def menu(self, x: int, y: int) -> None:
        self.service.popmenu({"one": lambda: self.toast("one"), "two": lambda: self.toast("two")}, (x, y))

    def modal(self) -> None:
        self.service.alert(self.choices())

    def fields(self) -> Any:
        fields = b.Fields()
        fields.addField("Name", b.Input("me", _onchange=self.changed))
        fields.addField("Note", b.Textarea("", _rows="2", _onchange=self.changed))
        fields.addField("Size", b.Range(10, _min=0, _max=100, _onchange=self.changed))
        fields.addField("Sure", b.Checkbox(False, "Sure?", _onchange=self.changed))
        form = b.Form(lambda values: self.toast(values))
        form += [b.Input("in a form", name="word"), b.Button("send", _type="submit")]
        return Tag.div([fields, form, b.FileUpload(lambda name, content: self.toast(name))])

    def choices(self) -> Any:
        choices = [b.Radio, b.SelectButtons, b.Select]
        fields = [kind(2, [1, 2, 3], _onchange=self.changed) for kind in choices]
        return Tag.div([*fields, b.Tags(["pear"], TAGS), b.HSplit(Tag.p("left"), Tag.p("right"))])


class More(Tag.body):
    """What such pages do beside that: they draw themselves anew, chain handlers, open menus out of menus,
    keep one at the side, make fields anew as others say."""

    def init(self) -> None:
        self.service = b.Service(self)
        self.main = b.Content("nothing yet")
        self.text = b.RichText("a <i>text</i>", onsave=lambda o: self.told(o))
        self.off, self.needed = (inputs2.Checkbox(False, name) for name in ("off", "needed"))
        for box in (self.off, self.needed):
            box["onchange"].bind(self.renew)
        self.form = b.Form(self.told)
        self.renew()
        self.redraw()

    def told(self, what: Any) -> None:
        self.service.toast(str(getattr(what, "value", what)), 200)

    def redraw(self, _: Any = None) -> None:
        self.clear()
        places = b.VBox(b.Button("here", _onclick=self.went), b.A("there", _onclick=self.went))
        self.side = b.NavSide("Places", places)
        self += [self.side, self.main, b.HBox(b.Button("menu", _onclick=self.menu), self.off, self.needed)]
        self += b.VFlex(b.Button("anew", _onclick=self.redraw), b.Button("ask", _onclick=self.ask))
        self += b.Button("copy", _onclick=lambda o: self.service.clipboard("copied"))
        self += [b.Button(f"all {n}", _onclick=self.bind(self.set_all, n)) for n in (0, 1)]
        self += [
            self.form,
            b.VSplit(Tag.p("above"), Tag.p("below")),
            b.TabsHeader(2, [1, 2, 3], _onchange=self.told),
        ]
        self += [b.Input("secret", type="password", _onchange=self.told), self.text]
        self += b.Button("keep", _onclick=self.text.eventSave())

    def went(self, where: Any) -> None:
        self.side.hide()
        self.main += where.innerHTML

    def menu(self, where: Any) -> None:
        entry = Tag.a("told", v="1", _onclick=lambda o: self.service.alert(self.nested(o.v)))
        again = Tag.button("again", _onclick=self.menu)
        self.service.popmenu(
            [entry, Tag.A("toast", _onclick=lambda o: self.told("toast")), "or:", again], where
        )

    def nested(self, text: str) -> Any:
        tabs = b.Tabs()
        tabs.addTab("one", text)
        tabs.addTab("two", b.Box(b.Select(1, {1: "a", 2: "b"}, _onchange=self.told)))
        tabs.selected = "two"
        return tabs

    def ask(self, _: Any) -> None:
        self.service.confirm("Sure?", lambda o: self.told("yes"), lambda o: self.told("no"), "Yes", "No")

    def set_all(self, number: int) -> None:
        for field in self.form.childs:
            if isinstance(field, inputs2.NewInput):
                field.value = number

    def renew(self, _: Any = None) -> None:
        options = {"_disabled": self.off.value, "_required": self.needed.value}
        some, named = [0, 1, 12], {0: "zero", 1: "one", "a": "A"}
        self.form.clear()
        self.form += [
            inputs2.Input(12, some, name="input", **options),
            inputs2.Range(5, name="range", **options),
        ]
        self.form += [
            inputs2.Checkbox(True, "tick", name="tick"),
            inputs2.Textarea("a", name="area", **options),
        ]
        for kind in (inputs2.Select, inputs2.SelectButtons, inputs2.TabsHeader, inputs2.Radio):
            self.form += [kind(12, some, name=f"{kind.__name__}1", **options), kind("a", named, **options)]
        self.form += Tag.button("send")
        for field in self.form.childs:
            if isinstance(field, inputs2.NewInput):
                field["onchange"].bind(self.told)


class Attacked(Demo):
    """The same page with what a user has written."""

    def init(self) -> None:
        super().init()
        self += "<img src=x onerror='window.hit = 1'><script>window.hit = 2</script>"
