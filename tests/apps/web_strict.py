"""What somebody has smuggled into the texts of an app, beside all that the app does itself."""

from __future__ import annotations

import threading
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import GENERATION, LOG, button, named, run_script

SMUGGLED = (
    "<img src=x onerror=ran('image')>",
    "<script>ran('script')</script>",
    "<svg onload=ran('svg')></svg>",
    "<button data-test=evil onclick=ran('click')>evil</button>",
    "<a data-test=link href=\"javascript:ran('link')\">link</a>",
    "<iframe srcdoc=\"<script>parent.ran('frame')</script>\"></iframe>",
    "<button data-test=forged data-htag-on=click:0123456789abcdef01234567>forged</button>",
    "<script nonce>ran('nonce')</script><script nonce=x>ran('nonce x')</script>",
    "<object data=\"javascript:ran('object')\"></object>",
    "<details open ontoggle=ran('toggle')><summary></summary></details>",
)
CONFUSED = 'x onclick="ran(1)" y onclick='


def raw(text: str) -> Any:
    """*text* as html."""
    if GENERATION == 1:
        return text
    from htag.core import HTML

    return HTML(text)


class Smuggled(Tag.App):
    statics = [LOG]

    def init(self) -> None:
        self += Tag.div(raw("".join(SMUGGLED)))
        self.later = Tag.div()
        self.shown = named("shown", "0", kind="output")
        self += [self.later, self.shown, named("titled", "titled", _title=CONFUSED)]
        for callback in (self.draw, self.count, self.elsewhere, self.fail, self.garble):
            self += button(callback.__name__, callback)
        # Drawn now, and kept as a text.
        self += raw(f"<p>{button('kept', self.count)}</p>")
        self += named("script", "script", kind="button", _onclick="ran(this.dataset.test)")
        self += named("wrong", "wrong", kind="button", _onclick="ran(")
        form = named("form", kind="form", _onsubmit="ran(who.value + nodeName); return false")
        form += Tag.input(_name="who", _value="me")
        form += named("inside", "inside", kind="button", _onclick="ran(who.value + event.type + nodeName)")
        self += form
        self["onhashchange"] = "ran(location.hash + (this === window))"
        self += Tag.img(_src="/nowhere", _onerror="ran('own image')")

    def draw(self, ev: Any) -> None:
        self.later.clear(raw("".join(SMUGGLED)))

    def count(self, ev: Any) -> None:
        self.shown.clear(str(int(str(self.shown.childs[0])) + 1))

    def fail(self, ev: Any) -> None:
        run_script(self, "ran('before'); nothing_there()")

    def garble(self, ev: Any) -> None:
        run_script(self, "a b")

    def elsewhere(self, ev: Any) -> None:
        """A thread of the app draws its tags."""
        thread = threading.Thread(target=self.keep)
        thread.start()
        thread.join()

    def keep(self) -> None:
        text = button("threaded", self.count)
        self.later.clear(text)
        self.later += raw(str(self.later))


class Toggle(Tag.App):
    """A tag whose handlers come, change and go, while it stays."""

    statics = [LOG]

    def init(self) -> None:
        self.target = named("target", "target", kind="button", _onclick="ran('a')")
        self += [self.target, button("change", self.change), button("drop", self.drop)]

    def change(self, ev: Any) -> None:
        self.target["onclick"] = "ran('b')"
        self.target["ondblclick"] = "ran('c')"

    def drop(self, ev: Any) -> None:
        if GENERATION == 1:
            self.target["onclick"] = None
        else:
            del self.target["onclick"]


app = Flask(__name__)
for part in (Smuggled, Toggle):
    app.register_blueprint(htag_blueprint(part, csp="strict"), url_prefix=f"/{part.__name__.lower()}")
app.register_blueprint(htag_blueprint(Smuggled, name="open"), url_prefix="/open")
