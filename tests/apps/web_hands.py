"""A page full of things that a user has in hand, and buttons that draw it anew."""

from __future__ import annotations

import asyncio
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION, LOG, button, named, push, run_script

RAW = "<details data-test='raw-details'><summary>raw</summary>text</details><input data-test='raw-field'>"

HEAD = """
customElements.define("own-content", class extends HTMLElement {
  connectedCallback() { this.className = "ready"; this.innerHTML = "<b>by itself</b>"; }
});
"""


def raw(html: str) -> Any:
    """Html as it is, without ids."""
    if GENERATION == 1:
        return html
    from htag.core import HTML

    return HTML(html)


class Hands(Tag.App):
    statics = [LOG, Tag.script(HEAD), Tag.style(".high { height: 2000px }")]

    def init(self) -> None:
        self.number = 0
        self.parts: dict[str, Any] = {}
        self.box = named("box", kind="div")
        self += self.box
        self.count = named("count", "0", kind="output")
        self.box += self.count
        for name, kind, attributes in (
            ("text", "input", {"_value": "first"}),
            ("number", "input", {"_type": "number"}),
            ("tick", "input", {"_type": "checkbox"}),
            ("one", "input", {"_type": "radio", "_name": "which", "_checked": True}),
            ("two", "input", {"_type": "radio", "_name": "which"}),
            ("file", "input", {"_type": "file"}),
            ("area", "textarea", {}),
            ("edit", "div", {"_contenteditable": "true"}),
            ("frame", "iframe", {"_srcdoc": "<p>frame</p>"}),
            ("custom", "own-content", {}),
            ("focusable", "p", {"_tabindex": "0"}),
        ):
            self.parts[name] = getattr(Tag, kind.replace("-", "_"))(_data_test=name, **attributes)
        self.parts["select"] = Tag.select(
            [Tag.option(text, _value=text) for text in "abc"], _data_test="select"
        )
        self.parts["details"] = Tag.details([Tag.summary("more"), Tag.p("text")], _data_test="details")
        self.parts["scroll"] = Tag.div(
            Tag.p("high", _class="high"), _data_test="scroll", _style="height: 100px; overflow: auto"
        )
        self.parts["drawing"] = Tag.svg(Tag.circle(_r="5", _data_test="circle"), _data_test="drawing")
        for part in self.parts.values():
            self.box += part
        self.parts["form"] = Tag.form(Tag.input(_name="id", _data_test="in-form"))
        self.parts["video"] = Tag.video(_src="data:video/mp4,", _data_test="video")
        self.box += [self.parts["form"], self.parts["video"], Tag.div(raw(RAW))]
        self.high = named("high", kind="div", _class="high")
        self += self.high
        for name in (
            "own",
            "around",
            "whole",
            "before",
            "later",
            "say",
            "empty",
            "options",
            "swap",
            "reduce",
        ):
            self += button(name, getattr(self, name))

    def redraw(self, *tags: Any) -> None:
        self.number += 1
        self.count.clear(f"{self.number}")
        for tag in tags:
            tag["title"] = f"drawn {self.number}"

    def own(self, ev: Any) -> None:
        self.redraw(*self.parts.values())

    def around(self, ev: Any) -> None:
        self.redraw(self.box)

    def whole(self, ev: Any) -> None:
        self.redraw(self)

    def before(self, ev: Any) -> None:
        """Something new comes before everything else."""
        self.box.clear()
        self.box += [self.count, Tag.input(_data_test="new"), Tag.div("new"), *self.parts.values()]
        self.redraw(self)

    def later(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.push_all())

    async def push_all(self) -> None:
        await asyncio.sleep(0.1)
        self.redraw(*self.parts.values(), self.box, self)
        await push(self)

    def say(self, ev: Any) -> None:
        """What the fields hold is changed by the server."""
        self.parts["text"]["value"] = "said"
        self.parts["tick"]["checked"] = True
        self.parts["details"]["open"] = True
        self.redraw(self.box)

    def empty(self, ev: Any) -> None:
        self.parts["text"]["value"] = ""
        self.redraw(self.box)

    def options(self, ev: Any) -> None:
        """The options of the select are made anew, without the first."""
        self.parts["select"].clear()
        self.parts["select"] += [Tag.option(text, _value=text) for text in "bcd"]
        self.redraw(self.box)

    def swap(self, ev: Any) -> None:
        parts = list(self.parts.values())
        self.box.clear()
        self.box += [self.count, *reversed(parts)]
        self.redraw()

    def reduce(self, ev: Any) -> None:
        self.box.clear()
        self.box += [self.count, self.parts["text"]]
        self.redraw()


class Echo(Tag.App):
    """Fields that tell the server what is typed."""

    statics = [LOG]

    def init(self) -> None:
        self.number, self.wanted = 0, ""
        self.box = named("box", kind="div")
        self += self.box
        self.field = Tag.input(_data_test="field")
        self.entry = Tag.input(_data_test="entry")
        self.area = Tag.textarea(_data_test="area")
        self.tick = Tag.input(_type="checkbox", _data_test="tick")
        self.shown = named("shown", "-", kind="output")
        for tag in (self.field, self.entry, self.area, self.tick, self.shown):
            self.box += tag
        if GENERATION == 1:
            self.field["oninput"] = self.bind(self.typed, b"this.value")
            self.entry["onchange"] = self.bind(self.entered, b"this.value")
            self.area["onchange"] = self.bind(self.area_entered, b"this.value")
            self.tick["onchange"] = self.bind(self.ticked, b"this.checked")
        else:
            self.field["oninput"] = lambda ev: self.typed(ev.value)
            self.entry["onchange"] = lambda ev: self.entered(ev.value)
            self.area["onchange"] = lambda ev: self.area_entered(ev.value)
            self.tick["onchange"] = lambda ev: self.ticked(ev.checked)
        self += [button("redraw", self.redraw), button("tell", self.tell), button("nothing", self.nothing)]

    def show(self, text: str) -> None:
        self.number += 1
        self.shown.clear(text or "-")
        self.box["title"] = f"drawn {self.number}"

    def typed(self, text: str) -> None:
        self.field["value"] = text
        self.show(text)

    def entered(self, text: str) -> None:
        """A line is taken, and the field cleared for the next. htag 1 has to be told what it holds."""
        if GENERATION == 1:
            self.entry["value"] = text if self.entry["value"] != text else ""
        else:
            self.entry["value"] = ""
        self.show(text)

    def area_entered(self, text: str) -> None:
        self.area["value"] = ""
        self.show(text)

    def ticked(self, ticked: bool) -> None:
        self.show(f"{ticked}")

    def redraw(self, ev: Any) -> None:
        self.show("redrawn")

    def tell(self, ev: Any) -> None:
        self.number += 1
        self.entry["value"] = f"said {self.number}"
        self.show("set")

    def nothing(self, ev: Any) -> None:
        pass


class Scripts(Tag.App):
    """htag 1: tags with scripts, which run whenever they are drawn, on a node that nothing was done to."""

    statics = [LOG]

    def init(self) -> None:
        self.js = "ran('body ' + !self.seen); self.seen = true"
        self.number = 0
        self.box = named("box", kind="div")
        self += self.box
        self.field = Tag.input(_data_test="field")
        script = "ran(!self.seen); self.seen = true; self.insertAdjacentHTML('beforeend', '<b>widget</b>')"
        self.inner = Tag.input(_data_test="inner")
        self.widget = Tag.div(self.inner, _data_test="widget", js=script)
        self.box += [self.field, self.widget]
        self += [button("around", self.around), button("whole", self.whole), button("call", self.run)]

    def around(self, ev: Any) -> None:
        self.number += 1
        self.box["title"] = f"drawn {self.number}"

    def whole(self, ev: Any) -> None:
        self.number += 1
        self["title"] = f"drawn {self.number}"

    def run(self, ev: Any) -> None:
        """A script that is called is for once, and no reason for a new node."""
        run_script(self.field, "ran('called ' + !!document.querySelector('[data-test=field]').mine)")
        self.around(ev)


app = Flask(__name__)
for part in (Hands, Echo, Scripts):
    app.register_blueprint(htag_blueprint(part), url_prefix=f"/{part.__name__.lower()}")
