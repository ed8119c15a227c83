"""The few things that htag 1 and htag 2 write in different ways, written once.

An app for one generation only does not need this file.
"""

import html
import inspect
from collections.abc import Callable
from typing import Any

import htag

if hasattr(htag, "State"):  # htag 2

    def text(value: object) -> str:
        """*value* as the text of a tag, whatever a user typed into it: htag 2 escapes texts by itself."""
        return str(value)

    def on_typing(field: Any, callback: Callable[[str], None]) -> None:
        """Calls callback(value) at each key. The field remembers its value, so that F5 shows it again."""
        field["oninput"] = lambda ev: callback(ev.value)

    def on_tick(box: Any, callback: Callable[[bool], None]) -> None:
        """Calls callback(checked) when a checkbox is ticked or unticked."""
        box["oninput"] = lambda ev: callback(ev.value)

    def on_submit(form: Any, callback: Callable[[dict[str, str]], None]) -> None:
        """Calls callback({name: value}) with all fields of the form."""
        form["onsubmit"] = htag.prevent(lambda ev: callback(ev.value))

    def run_js(tag: Any, script: str) -> None:
        """Runs a script in the page, where `self` is the node of the tag."""
        tag.call_js(f"(function(self){{ {script} }})(document.getElementById('{tag.id}'))")

else:  # htag 1

    def text(value: object) -> str:
        return html.escape(str(value))

    def on_typing(field: Any, callback: Callable[[str], None]) -> None:
        # bytes are JavaScript, evaluated in the page when the event happens
        field["oninput"] = field.bind(lambda ev, value: callback(value), b"this.value")
        field["onchange"] = field.bind(lambda ev, value: field.__setitem__("value", value), b"this.value")

    def on_tick(box: Any, callback: Callable[[bool], None]) -> None:
        box["oninput"] = box.bind(lambda ev, checked: callback(checked), b"this.checked")

    def on_submit(form: Any, callback: Callable[[dict[str, str]], None]) -> None:
        fields = b"Object.fromEntries(new FormData(this))"
        form["onsubmit"] = "event.preventDefault()" + form.bind(lambda ev, values: callback(values), fields)

    def run_js(tag: Any, script: str) -> None:
        tag.call(script)


async def push(tag: Any) -> None:
    """Shows the tag as it is now in all open pages of the user."""
    sent = tag.update()
    if inspect.isawaitable(sent):  # htag 1
        await sent
