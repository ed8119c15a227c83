"""A form that answers while you type, and is checked in Python."""

import re
from typing import Any

from htag import Tag

from .card import Card
from .compat import on_submit, on_typing, text

MAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
Hint = tuple[str, str]  # a mood (a class of the style sheet) and a message


class Form(Card):
    name = "form"
    kind = "events"
    title = "Form"
    note = "Checked in Python at each key; only the hint is sent back."

    def content(self) -> list[Any]:
        person = Tag.input(_name="person", _type="text", _autocomplete="name", _data_test="form-name")
        mail = Tag.input(_name="mail", _type="email", _autocomplete="email", _data_test="form-mail")
        self.person_hint = Tag.p(_aria_live="polite", _data_test="form-name-hint")
        self.mail_hint = Tag.p(_aria_live="polite", _data_test="form-mail-hint")
        self.result = Tag.p(_role="status", _data_test="form-result")
        send = Tag.button("Say hello", _class="main", _data_test="form-submit")
        form = Tag.form(
            [
                Tag.div([Tag.label(["Your name", person]), self.person_hint], _class="field"),
                Tag.div([Tag.label(["Your email", mail]), self.mail_hint], _class="field"),
                Tag.div([send, self.result], _class="send"),
            ],
            _novalidate=True,  # Python does it
        )
        on_typing(person, self.typed_person)
        on_typing(mail, self.typed_mail)
        on_submit(form, self.submit)
        self.typed_person("")
        self.typed_mail("")
        return [form]

    def typed_person(self, value: str) -> None:
        show(self.person_hint, about_person(value.strip()))
        show(self.result, ("", ""))

    def typed_mail(self, value: str) -> None:
        show(self.mail_hint, about_mail(value.strip()))
        show(self.result, ("", ""))

    def submit(self, values: dict[str, str]) -> None:
        person, mail = values["person"].strip(), values["mail"].strip()
        if about_person(person)[0] == about_mail(mail)[0] == "good":
            show(self.result, ("good", f"Thank you, {person}."))
        else:
            show(self.result, ("bad", "Please look at the hints."))


def about_person(name: str) -> Hint:
    if not name:
        return "", "At least two letters."
    if len(name) == 1:
        return "bad", "One letter? Give us one more."
    return "good", f"Hello, {name}! {len(name)} characters."


def about_mail(mail: str) -> Hint:
    if not mail:
        return "", "It stays here: nothing is sent."
    if MAIL.fullmatch(mail):
        return "good", f"Looks right: {mail}"
    return "bad", "Not yet an address, as name@example.org."


def show(tag: Any, hint: Hint) -> None:
    mood, message = hint
    tag["class"] = f"hint {mood}"
    tag.clear(text(message))
