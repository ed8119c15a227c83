"""Click, and a Python method runs."""

from typing import Any

from htag import Tag

from .card import Card


class Counter(Card):
    name = "counter"
    kind = "state"
    title = "Counter"
    note = "Kept in your session: press F5."

    def content(self) -> list[Any]:
        self.figure = Tag.output(_class="figure", _aria_live="polite", _data_test="counter-value")
        self.show()
        less = Tag.button("−", _onclick=self.less, _aria_label="One less", _data_test="counter-less")
        more = Tag.button("+", _onclick=self.more, _aria_label="One more", _data_test="counter-more")
        reset = Tag.button("Back to zero", _onclick=self.reset, _class="quiet", _data_test="counter-reset")
        return [Tag.div([less, self.figure, more], _class="stepper"), reset]

    def less(self, ev: Any) -> None:
        self.save(self.value - 1)

    def more(self, ev: Any) -> None:
        self.save(self.value + 1)

    def reset(self, ev: Any) -> None:
        self.save(0)

    @property
    def value(self) -> int:
        return self.saved.get("counter", 0)

    def save(self, value: int) -> None:
        self.saved["counter"] = value
        self.show()

    def show(self) -> None:
        self.figure.clear(f"{self.value}".replace("-", "−"))  # a real minus sign
