"""A long job: the callback is a generator, and each `yield` shows a step."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from htag import Tag

from .card import Card

STEPS = ("Gather the files", "Check the totals", "Draw the charts", "Bind the pages", "Print the report")
PARTS = 4  # each step moves the bar so many times


class Job(Card):
    name = "job"
    kind = "generator"
    title = "Long job"
    note = "One callback: each yield is painted."

    def content(self) -> list[Any]:
        self.run: object | None = None  # the run that may go on; None when no job runs
        self.percent = 0
        self.bar = Tag.div(_class="bar", _role="progressbar", _aria_label="Progress", _data_test="job-bar")
        self.step = Tag.p(_class="soft", _aria_live="polite", _data_test="job-step")
        self.button = Tag.button(_onclick=self.toggle, _class="main", _data_test="job-button")
        self.show(0, "A report in five steps.", "Start")
        return [self.bar, self.step, self.button]

    async def toggle(self, ev: Any) -> AsyncIterator[None]:
        if self.run:  # the second click comes while the generator of the first one awaits
            self.run = None
            self.show(0, "Cancelled. Nothing was printed.", "Start")
            return
        run = self.run = object()
        count = len(STEPS) * PARTS
        for done in range(count):
            self.show(100 * done // count, f"{STEPS[done // PARTS]} …", "Cancel")
            yield
            await asyncio.sleep(0.18)
            if self.run is not run:  # cancelled meanwhile
                return
        self.run = None
        self.show(100, "Done: the report is printed.", "Start again")

    def show(self, percent: int, text: str, label: str) -> None:
        # The style sheet lets the bar grow from where it was to where it is.
        self.bar.clear(Tag.i(_style=f"--from:{min(self.percent, percent)}%;--to:{percent}%"))
        self.bar["aria-valuenow"] = percent
        self.bar["class"] = "bar done" if percent == 100 else "bar"
        self.percent = percent
        self.step.clear(text)
        self.button.clear(label)
