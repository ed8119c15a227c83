"""htag 1: a page with the widgets of htbulma, which its author has written for htag and nobody for us."""

from __future__ import annotations

from typing import Any

import htbulma as b
from htag import Tag

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


class Attacked(Demo):
    """The same page with what a user has written."""

    def init(self) -> None:
        super().init()
        self += "<img src=x onerror='window.hit = 1'><script>window.hit = 2</script>"
