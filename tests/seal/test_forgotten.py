"""Keys are forgotten as soon as they are of no more use: whichever way a handshake or a channel ends."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from htag import Tag

from htagweb_flask.errors import Altered, BadMessage, Foreign, Full, Gone, HtagError, Replayed
from htagweb_flask.pool import channels
from htagweb_flask.pool.line import FAILURES, Line
from htagweb_flask.protocol import Batch, Failure, Handshake, Interact, Leave, Message, Page, Poll, Shaken
from htagweb_flask.seal import Channel
from htagweb_flask.seal import Handshake as Shaking
from tests.adapters.stage import Stage
from tests.dom import parse
from tests.htag_js import js_calls, js_events
from tests.seal.page import MOUNT, ORIGIN, PythonPage
from tests.support import GENERATION, wait_until

GO_ON = threading.Event()


class App(Tag.App):
    def init(self, fails: str = "") -> None:
        if fails:
            raise LookupError("no drawer")
        self += Tag.button("wait", _onclick=self.wait)

    def wait(self, ev: Any) -> None:
        """Until the test has seen to it that nobody can be answered."""
        assert GO_ON.wait(10)
        self.state["waited"] = True


@pytest.fixture
def stage() -> Iterator[Stage]:
    GO_ON.clear()
    with Stage(App, parano=True) as running:
        yield running
        GO_ON.set()


class Visitor:
    """A page that asks the worker of a stage, without a web process between them."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.side = stage, PythonPage()
        self.client = secrets.token_hex(8)
        self.channels: Any = stage.worker._channels

    def knock(self) -> bytes:
        """The end of the handshake, for which the worker waits now."""
        first = self.side.first(ORIGIN, MOUNT)
        second = self.stage.ask(Handshake(self.client, self.stage.link, ORIGIN, MOUNT, first))
        assert isinstance(second, Shaken)
        return self.side.finish(second.second)

    def enter(self, query: str = "", third: bytes = b"", entry: Any = None, peer: str = "") -> str:
        """The page. Raises what the worker refuses it with."""
        message = self.stage.rendering(self.client)
        entry = json.dumps(entry or {"query": query}).encode()
        message.sealed, message.peer = (third or self.knock()) + self.side.seal(entry), peer
        page = self.stage.ask(message)
        assert isinstance(page, Page)
        return str(json.loads(self.side.open(page.html, 0)).get("html", ""))

    @property
    def half(self) -> Shaking:
        shaking: Shaking = self.channels._half[self.client][1]
        return shaking

    @property
    def line(self) -> Line:
        line: Line = self.channels._lines[self.client]
        return line

    def sweep(self) -> None:
        """What the worker does every now and then."""
        self.stage.run(lambda: self.channels.sweep(self.stage.worker._clients))


def keys(channel: Channel) -> list[bytearray]:
    return [key for way in (channel._says, channel._hears) for key in way._keys.values()]


@contextlib.contextmanager
def forgotten(line: Line) -> Iterator[None]:
    """Inside the block the keys of *line* are wiped."""
    held = keys(line._channel)
    assert len(held) == 2
    assert all(map(any, held))
    yield
    assert not any(map(any, held))
    assert keys(line._channel) == []


def over(shaking: Shaking) -> bool:
    return shaking._closed and (shaking._noise, shaking._static, shaking._secret) == (None, None, None)


@contextlib.contextmanager
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Line]]:
    """The lines that begin inside the block, those too that end at once."""
    lines: list[Line] = []

    def make(channel: Channel) -> Line:
        lines.append(Line(channel))
        return lines[-1]

    with monkeypatch.context() as patch:
        patch.setattr(channels, "Line", make)
        yield lines


def test_a_handshake_that_begins_anew(stage: Stage) -> None:
    visitor = Visitor(stage)
    visitor.knock()
    former = visitor.half
    visitor.knock()
    assert over(former)
    assert not over(visitor.half)


def test_the_oldest_of_too_many_handshakes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "HALF_OPEN", 2)
    visitors = [Visitor(stage) for _ in range(3)]
    visitors[0].knock()
    oldest = visitors[0].half
    for visitor in visitors[1:]:
        visitor.knock()
    assert [over(oldest), over(visitors[1].half), over(visitors[2].half)] == [True, False, False]
    with pytest.raises(Gone):
        visitors[0].enter(third=bytes(64))


def test_a_handshake_that_comes_to_no_end(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Visitor(stage)
    visitor.knock()
    half = visitor.half
    visitor.sweep()
    assert not over(half)
    monkeypatch.setattr(channels, "PATIENCE", 0)
    visitor.sweep()
    assert over(half)


ENDS: dict[str, tuple[dict[str, Any], type[HtagError]]] = {
    "was altered": ({"third": bytes(64)}, Altered),
    "is of another browser": ({"peer": "00" * 32}, Foreign),
    "asks for something else": ({"entry": {"cursor": 1}}, BadMessage),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_handshake_whose_end(stage: Stage, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    given, error = ENDS[end]
    visitor = Visitor(stage)
    third = visitor.knock()
    half = visitor.half
    with made(monkeypatch) as lines, pytest.raises(error):
        visitor.enter(**{"third": third, **given})
    assert over(half)
    assert [keys(line._channel) for line in lines] == [[]] * (error is not Altered)
    assert visitor.channels._lines == {}


def test_a_handshake_whose_first_record_was_altered(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Visitor(stage)
    message = stage.rendering(visitor.client)
    message.sealed = visitor.knock() + visitor.side.seal(b"{}")[:-1]
    with made(monkeypatch) as lines, pytest.raises(Altered):
        stage.ask(message)
    assert [keys(line._channel) for line in lines] == [[]]


def test_a_handshake_that_has_come_to_its_end(stage: Stage) -> None:
    visitor = Visitor(stage)
    third = visitor.knock()
    half = visitor.half
    visitor.enter(third=third)
    assert over(half)
    with pytest.raises(Replayed):
        visitor.enter(third=third)
    visitor.sweep()
    assert len(keys(visitor.line._channel)) == 2, "the page is there, and goes on"


@pytest.mark.parametrize("says", ["leave", "too much that was altered"])
def test_the_channel_of_a_page_that(stage: Stage, says: str) -> None:
    visitor = Visitor(stage)
    visitor.enter()
    record = visitor.side.seal(b"{}")
    with forgotten(visitor.line):
        if says == "leave":
            stage.ask(Leave(visitor.client, record))
        else:
            for _ in range(FAILURES):
                with pytest.raises(Altered):
                    stage.ask(Interact(visitor.client, record[:-1] + b"x"))
            with pytest.raises(Gone):
                stage.ask(Interact(visitor.client, record[:-1] + b"x"))
    with pytest.raises(Gone):
        stage.ask(Interact(visitor.client, visitor.side.seal(b"{}") if says == "leave" else record))
    visitor.sweep()
    assert visitor.channels._lines == {}


def test_the_channel_of_an_instance_that_has_ended(stage: Stage) -> None:
    visitor = Visitor(stage)
    visitor.enter()
    with forgotten(visitor.line):
        stage.run(lambda: stage.worker.end(stage.link))
        visitor.sweep()
    assert visitor.channels._lines == {}


def test_the_channel_of_a_page_that_is_not_heard_of(stage: Stage) -> None:
    visitor = Visitor(stage)
    visitor.enter()
    with forgotten(visitor.line):
        instance, client = stage.worker._clients[visitor.client]
        client.heard -= 1000
        stage.run(instance.sweep)
        visitor.sweep()


def test_the_channel_of_an_app_that_fails(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with made(monkeypatch) as lines:
        assert Visitor(stage).enter("fails=yes") == ""
    assert [keys(line._channel) for line in lines] == [[]]


def test_the_channel_of_a_page_for_which_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with Stage(App, parano=True, instances=1) as stage:
        shown, late = Visitor(stage), Visitor(stage)
        shown.enter()
        stage.ask(Poll(shown.client, 0, 0, sealed=shown.side.seal(b'{"cursor":1}')))
        with made(monkeypatch) as lines, pytest.raises(Full):
            late.enter("another=one")
        assert [keys(line._channel) for line in lines] == [[]]
        late.sweep()
        assert list(late.channels._lines) == [shown.client]


def test_who_waits_when_the_channel_ends_is_told_and_nothing_is_lost(stage: Stage) -> None:
    """A poll hears that it is over. What a click has changed is stored, although nobody can be told."""
    visitor = Visitor(stage)
    html = visitor.enter()
    replies: list[Message] = []
    handle: Callable[..., None] = stage.worker.handle
    poll = visitor.side.seal(b'{"cursor":1,"wait":20}')
    stage.run(lambda: handle(Poll(visitor.client, 0, 20, sealed=poll), replies.append))
    code = parse(html).find_all("wait", tag="button")[0].attributes["onclick"]
    call = visitor.side.seal(json.dumps({"seq": 1, "cursor": 1, "message": the_call(code)}).encode())
    stage.run(lambda: handle(Interact(visitor.client, call), replies.append))
    visitor.line.close()
    GO_ON.set()
    wait_until(lambda: replies, 10, "the click is answered")
    instance, _ = stage.worker._clients[visitor.client]
    instance.emit(b"{}")
    wait_until(lambda: len(replies) == 2, 10, "the poll is answered")
    batch, told = replies
    assert isinstance(batch, Batch)
    assert batch.body == b""
    assert batch.delta is not None
    assert batch.delta.put or batch.delta.inside
    assert isinstance(told, Failure)
    assert told.code == "gone"


def the_call(code: str) -> dict[str, Any]:
    if GENERATION == 1:
        (found,) = js_calls(code, {"jevent(event)": {}})
        return dict(found)
    ((tag, name),) = js_events(code)
    return {"id": tag, "event": name, "data": {"callback_id": "c1"}}
