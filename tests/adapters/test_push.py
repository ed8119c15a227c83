"""Pushes: what an app shows without being asked, and what becomes of it when a page comes late."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import pytest
from htag import Tag

from htagweb_flask.pool import interactions
from htagweb_flask.protocol import Delta, Patched
from tests.support import GENERATION, wait_until


async def push(tag: Any) -> Any:
    """Updates *tag*, as apps for both generations do."""
    answer = tag.update()
    return await answer if answer is not None else None


class Clock(Tag.App):
    """A button that starts a task, which ticks and pushes."""

    def init(self) -> None:
        self.out = Tag.p("")
        self += self.out
        self += Tag.button("one", _onclick=lambda ev: self.start(1))
        self += Tag.button("many", _onclick=lambda ev: self.start(520))

    def start(self, ticks: int) -> None:
        self.task = asyncio.ensure_future(self.tick(ticks))

    async def tick(self, ticks: int) -> None:
        for number in range(ticks):
            self.out.clear(f"tick {number}.")
            await push(self.out)
            if GENERATION == 2 and ticks > 1:
                await self.broadcast_updates()  # update() makes one of many


def test_a_task_shows_itself_without_any_interaction(page: Any) -> None:
    tab = page(Clock)
    tab.click("one")
    tab.collect("tick 0")
    tab.assert_nothing_lost()


def test_a_push_before_the_page_is_there_waits_for_it(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self.task = asyncio.ensure_future(self.work())

        async def work(self) -> None:
            self.add(Tag.b("early"))
            self.answer = await push(self)
            self.add(Tag.b(f"then {self.answer}"))
            await push(self)

    tab = page(App)
    assert tab.text == ""
    tab.collect("earlythen True" if GENERATION == 1 else "earlythen None")


def test_every_page_of_the_instance_gets_it(page: Any) -> None:
    tab = page(Clock)
    others = [tab.user.open(), tab.user.open(transport="longpoll")]
    tab.click("one")
    for other in others:
        other.collect("tick 0")


def test_no_page_of_another_session_gets_it(host: Any) -> None:
    mine, stranger = host(Clock).open(), host(Clock).open()
    before = stranger.html
    mine.click("one")
    mine.collect("tick 0")
    stranger.poll()
    assert stranger.applied[1:] == []
    assert "tick 0" not in before


def test_a_push_brings_its_scripts(page: Any) -> None:
    class App(Tag.App):
        def init(self) -> None:
            self += Tag.button("go", _onclick=self.go)

        def go(self, ev: Any) -> None:
            self.task = asyncio.ensure_future(self.work())

        async def work(self) -> None:
            self.add(Tag.b("shown"))
            (self.call if GENERATION == 1 else self.call_js)("played()")
            await push(self)

    tab = page(App)
    tab.click("go")
    tab.collect("shown")
    assert sum("played()" in script for script in tab.scripts) == 1


def test_more_than_the_outbox_holds_is_one_full_render(page: Any) -> None:
    tab = page(Clock)
    sleeper = tab.user.open()
    tab.click("many")
    tab.collect("tick 519")
    batch = sleeper.poll()
    assert batch["reset"]
    assert len(batch["payloads"]) == 1
    assert sleeper.find(tag="p").text == "tick 519."
    sleeper.click("one")
    sleeper.collect("tick 0")


def test_the_first_to_poll_is_answered_when_there_is_news(page: Any) -> None:
    tab = page(Clock)
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.append(tab.poll(5)))
    waiting.start()
    (client,) = tab.user.worker._clients.values()
    wait_until(lambda: client[1].poll, what="the poll waits")
    tab.click("one")
    waiting.join(5)
    assert got
    tab.collect("tick 0")


class Slow(Tag.App):
    """A handler that waits until the test lets it go on."""

    def init(self) -> None:
        self.gate = asyncio.Event()
        self.out = Tag.p("")
        self += self.out
        self += Tag.button("wait", _onclick=self.wait)
        self += Tag.button("count", _onclick=self.count)
        self += Tag.button("open", _onclick=lambda ev: self.gate.set())
        self.work = asyncio.ensure_future(self.release())

    async def wait(self, ev: Any) -> None:
        self.out += "[wait"
        await push(self.out)
        await self.gate.wait()
        self.out += "]"

    def count(self, ev: Any) -> None:
        self.out += "[click]"

    async def release(self) -> None:
        self.loop = asyncio.get_running_loop()
        released.append(lambda: self.loop.call_soon_threadsafe(self.gate.set))
        await self.gate.wait()


released: list[Any] = []


@pytest.mark.parametrize("transport", ["sse", "longpoll"])
def test_a_long_handler_is_answered_before_its_end(
    page: Any, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setattr(interactions, "GRACE", 0.02)
    released.clear()
    tab = page(Slow)
    assert tab.click("wait")[0]["done"] is False
    tab.collect(r"\[wait")
    second = tab.click("count")[0]
    if GENERATION == 1:
        assert second["done"] is False  # its turn comes after the first
        released[0]()
        tab.collect(r"\[wait\]\[click\]")
    else:
        assert second["done"] is True  # handled at once
        assert tab.find(tag="p").text == "[wait[click]"
        released[0]()
        tab.collect(r"\[wait\[click\]\]")


def test_without_a_push_channel_the_answer_waits_for_the_end(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "GRACE", 0.0)
    released.clear()
    tab = host(Slow).open(transport="none")
    wait_until(lambda: released)
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.extend(tab.click("wait")))
    waiting.start()
    (client,) = tab.user.worker._clients.values()
    wait_until(lambda: client[1].running, what="the handler runs")
    released[0]()
    waiting.join(5)
    assert got[0]["done"] is True
    assert tab.has(r"\[wait\]")


def test_an_interaction_that_is_sent_again_runs_once(page: Any) -> None:
    tab = page(Slow)
    (message,) = tab.messages(tab.find("count").attributes["onclick"])
    tab.call(message)
    for _ in range(3):
        assert tab.resend(1, message)["done"]
    assert tab.has(r"^\[click\]w")
    tab.assert_nothing_lost()


def test_news_end_when_the_page_is_closed(page: Any) -> None:
    tab = page(Clock)
    other = tab.user.open()
    tab.leave()
    assert tab.post("poll", {"cursor": 1, "wait": 0}).status == 410
    other.click("one")
    other.collect("tick 0")


def test_the_end_of_a_session_ends_its_instances_and_that_of_its_former_id_does_not(page: Any) -> None:
    tab = page(Clock)
    worker = tab.user.worker
    (instance,) = worker._instances
    link = instance.live_session.link
    tab.user.run(lambda: worker.told(None, Patched(link, "new", Delta({}, []))))
    tab.user.run(lambda: worker.told(None, Patched(link, "sid", None)))
    tab.click("one")
    tab.user.run(lambda: worker.told(None, Patched(link, "new", None)))
    assert tab.post("poll", {"cursor": 1, "wait": 0}).status == 410


@pytest.mark.htag1
def test_update_says_whether_somebody_can_see_it(page: Any) -> None:
    answers = []

    class App(Tag.App):
        def init(self) -> None:
            self.steps: asyncio.Queue[int] = asyncio.Queue()
            self.task = asyncio.ensure_future(self.work())
            self.loop = asyncio.get_running_loop()
            steps.append(lambda: self.loop.call_soon_threadsafe(self.steps.put_nowait, 1))

        async def work(self) -> None:
            while True:
                answers.append(await self.update())
                await self.steps.get()

    steps: list[Any] = []
    tab = page(App)
    wait_until(lambda: answers == [True], what="the first update, before any connection")
    tab.leave()
    steps[0]()
    wait_until(lambda: answers == [True, False])
    tab.user.open()
    steps[0]()
    wait_until(lambda: answers == [True, False, True])
    silent = tab.user.open("silent", transport="none")
    wait_until(lambda: answers == [True, False, True, False])
    assert silent.text == ""


def test_a_page_that_is_opened_takes_nothing_from_the_others(page: Any) -> None:
    """Not even what a task does while it is made."""

    class App(Tag.App):
        def init(self) -> None:
            self.out = Tag.p("0")
            self += [self.out, Tag.button("run", _onclick=self.run), Tag.button("stop", _onclick=self.stop)]

        def run(self, ev: Any) -> None:
            self.task = asyncio.ensure_future(self.work())

        def stop(self, ev: Any) -> None:
            self.task.cancel()

        async def work(self) -> None:
            number = 0
            while True:
                await asyncio.sleep(0.0005)
                number += 1
                (self.out.call if GENERATION == 1 else self.out.call_js)(f"{number}")
                await push(self.out)

    tab = page(App)
    tab.click("run")
    for _ in range(200):
        tab.user.open().leave()
        tab.poll()
    tab.click("stop")
    tab.poll()
    ran = [int(number) for script in tab.scripts for number in re.findall(r"\d+", script)[:1]]
    assert ran == [*range(1, len(ran) + 1)]
    assert len(ran) > 20
