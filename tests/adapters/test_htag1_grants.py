"""What a page may call: what stands in it, as it stands there, while it does."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest
from htag import Tag
from hypothesis import given
from hypothesis import strategies as st

from htagweb_flask import ConfigError, htag_expose
from tests.http_client import Refused
from tests.support import GENERATION

if GENERATION == 1:
    from htag.tag import BaseCaller

    from htagweb_flask.pool.adapters import htag1_drawing, htag1_grant, htag1_grants
    from htagweb_flask.pool.adapters.htag1_grant import GRACE, call_of
    from htagweb_flask.pool.adapters.htag1_grants import Grants

pytestmark = pytest.mark.htag1

Message = dict[str, Any]


class App(Tag.body):
    """What the apps below have in common: a log, and one instance that the test can look into."""

    imports: list[Any] = []
    log: list[Any]

    def note(self, *args: Any) -> None:
        self.log.append(args)


def shown(tab: Any, text: str) -> Message:
    """The message of the button with that text."""
    found: Message = tab.messages(tab.find(text).attributes["onclick"])[0]
    return found


def stale(tab: Any, message: Message, **options: Any) -> None:
    """It is refused, and says nothing of why."""
    with pytest.raises(Refused) as told:
        tab.call(message, **options)
    assert (told.value.status, told.value.answer.body) == (410, b"stale")


class Rows(App):
    """Rows that are drawn anew at each click."""

    def init(self) -> None:
        self.log, self.count = [], 0
        self.rows = Tag.div()
        self += self.rows
        self += Tag.button("more", _onclick=lambda tag: self.more())
        self.more()

    def more(self) -> None:
        self.count += 1
        self.rows.clear()
        for row in range(3):
            self.rows += Tag.button(f"delete {row}", _onclick=self.bind.note(self.count, row))


def app_of(tab: Any) -> Any:
    (instance,) = tab.user.worker._instances
    return instance._adapter._renderer.tag


# ---- constants


@pytest.mark.parametrize(
    ("args", "kargs"),
    [
        ([1, 3], {}), ([True, 0], {}), ([1.0, 0], {}), (["1", 0], {}), ([1, None], {}), ([1, False], {}),
        ([1], {}), ([], {}), ([1, 0, 0], {}), ([0, 1], {}), ([[1], 0], {}), ([{}, 0], {}),
        ([1, 0], {"x": 1}), ([1, 0], {"self": 1}), ([1, -0.0], {}), ([1, 1e-300], {}),
    ],
)  # fmt: skip
def test_a_constant_is_as_it_was_bound(page: Any, args: list[Any], kargs: dict[str, Any]) -> None:
    tab = page(Rows)
    message = shown(tab, "delete 0")
    stale(tab, {**message, "args": args, "kargs": kargs})
    assert app_of(tab).log == []
    tab.call(message)
    assert app_of(tab).log == [(1, 0)]


def test_the_arguments_of_two_calls_cannot_be_mixed(page: Any) -> None:
    class Two(App):
        def init(self) -> None:
            self.log = []
            self += Tag.button("one", _onclick=self.bind.note(1, mode="read"))
            self += Tag.button("two", _onclick=self.bind.note(2, b"this.value", mode="write"))

        def note(self, *args: Any, **kargs: Any) -> None:
            self.log.append((args, kargs))

    tab = page(Two)
    one, two = shown(tab, "one"), shown(tab, "two")
    stale(tab, {**one, "kargs": two["kargs"]})
    stale(tab, {**one, "args": two["args"]})
    stale(tab, {**two, "args": [1, "x"]})
    stale(tab, {**two, "args": [2]})
    stale(tab, {**two, "args": [2, "x", "y"]})
    stale(tab, {**two, "kargs": {}})
    tab.call({**two, "args": [2, {"what": ["ever"]}]})
    assert app_of(tab).log == [((2, {"what": ["ever"]}), {"mode": "write"})]


def test_the_callback_of_a_key_is_the_one_that_was_shown(page: Any) -> None:
    """A key names an event of a tag: what is bound to it may have become another."""

    class Turning(App):
        def init(self) -> None:
            self.log = []
            self.button = Tag.button("go", _onclick=self.bind(self.note, "first"))
            self += self.button

        async def change(self) -> None:
            self.button["onclick"] = self.bind(self.note, "first", "second")

    tab = page(Turning)
    message = shown(tab, "go")
    app = app_of(tab)
    asyncio.run(app.change())
    stale(tab, message)
    tab.poll()
    tab.click("go")
    assert app.log == [("first", "second")]


# ---- how long


def test_a_double_click_during_an_update_works(page: Any) -> None:
    tab = page(Rows)
    message, before = shown(tab, "delete 1"), tab.cursor
    tab.click("more")
    tab.call(message, at=before)  # the user clicked before the answer was there
    assert app_of(tab).log == [(1, 1)]
    stale(tab, message)
    stale(tab, message, at=tab.cursor)
    stale(tab, message, at=10_000)
    assert app_of(tab).log == [(1, 1)]


def test_a_page_that_asks_for_what_is_no_more_gets_what_there_is(
    page: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tab = page(Rows)
    message = shown(tab, "delete 1")
    tab.click("more")
    tab.dom.by_id(str(id(app_of(tab).rows))).replace("<p>a page that is out of date</p>")
    with caplog.at_level(logging.WARNING):
        stale(tab, message)
        batch = tab.poll()
        assert batch["reset"] is True
        tab.click("delete 1")
        assert app_of(tab).log == [(2, 1)]
        for _ in range(5):
            stale(tab, message)
    assert len([record for record in caplog.records if "refused" in record.message]) == 1
    assert tab.poll()["payloads"] == []  # at most one in a second


def test_grace_ends(monkeypatch: pytest.MonkeyPatch, page: Any) -> None:
    tab = page(Rows)
    message, before = shown(tab, "delete 1"), tab.cursor
    tab.click("more")
    monkeypatch.setattr(htag1_grant, "GRACE", -1.0)
    stale(tab, message, at=before)


def test_a_number_before_the_birth_of_a_call_does_not_reach_it(page: Any) -> None:
    """An address may have belonged to another tag then."""
    tab = page(Rows)
    before = tab.cursor
    tab.click("more")
    message = shown(tab, "delete 1")
    stale(tab, message, at=before)
    tab.call(message)
    assert app_of(tab).log == [(2, 1)]


def test_the_other_tab_has_its_own_time(page: Any) -> None:
    one = page(Rows)
    other = one.user.open()
    message = shown(other, "delete 2")
    one.click("more")
    other.call(message, at=other.cursor)  # it has not heard of that
    stale(other, message)
    other.poll()
    other.click("delete 2")
    stale(one, message)
    one.click("delete 2")
    assert app_of(one).log == [(1, 2), (2, 2), (2, 2)]


# ---- where


def test_a_call_in_a_text_holds_as_long_as_its_target(page: Any) -> None:
    class Texts(App):
        def init(self) -> None:
            self.log, self.made = [], False
            self += f'<button onclick="{self.bind.note(1)}">early</button>'.replace('"id"', "&quot;id&quot;")
            self += Built(self)

    class Built(Tag.div):
        def init(self, app: Any) -> None:
            self.app, self.made = app, False

        def render(self) -> None:
            if not self.made:  # as apps do that build a thing once
                self.made = True
                self.script = self.app.bind.note(2) + ""
                self.text = f"{self.script}"
            self["title"] = "drawn"

    tab = page(Texts)
    root = app_of(tab)
    for _ in range(3):
        for argument in (1, 2):
            tab.call(tab.method(id(root), "note", argument))
    tab.reload()
    assert root.log == [(1,), (2,)] * 3


@pytest.mark.parametrize("early", [True, False])
def test_a_tag_that_was_written_into_a_text_is_callable_when_it_is_gone(page: Any, early: bool) -> None:
    class Texts(App):
        def init(self) -> None:
            self.log = []
            self.count, self.box = Tag.span("0"), Tag.div()
            self += [self.count, self.box, Tag.button("write", _onclick=self.bind.fill())]
            if early:
                self.fill()

        def fill(self) -> None:
            self.box.clear(f"<p>{Tag.button('go', _onclick=self.bind.note(1))}</p>")

        def note(self, *args: Any) -> None:
            super().note(*args)
            self.count.clear(str(len(self.log)))

    tab = page(Texts)
    if not early:
        tab.click("write")
    for _ in range(3):
        gc.collect()
        tab.click("go")
    assert app_of(tab).log == [(1,)] * 3
    assert not tab.inbox.resets


@pytest.mark.parametrize("how", ["remove", "clear", "of old"])
def test_what_is_out_of_the_tree_is_refused_before_pages_hear_of_it(page: Any, how: str) -> None:
    tab = page(Rows)
    app = app_of(tab)
    kept = list(app.rows.childs)
    messages = [shown(tab, f"delete {row}") for row in range(3)]
    if how == "clear":
        app.rows.clear()  # htag leaves every second child with its parent
    elif how == "remove":
        app.rows.remove()
    else:
        app.rows._childs = type(app.rows._childs)()
    for message in messages:
        stale(tab, message)
    assert app.log == []
    assert len(kept) == 3


def test_a_tag_that_is_in_two_places_is_shown_while_it_is_in_one(page: Any) -> None:
    class Twice(App):
        def init(self) -> None:
            self.log = []
            self.button = Tag.button("go", _onclick=self.note)
            self.one, self.two = Tag.div(self.button), Tag.div(self.button)
            self += [self.one, self.two]
            self += Tag.button("away", _onclick=lambda tag: self.two.clear())

    tab = page(Twice)
    tab.click("away")
    tab.click("go")
    assert len(app_of(tab).log) == 1


def test_an_app_that_builds_itself_when_it_is_drawn(page: Any) -> None:
    class Built(App):
        def init(self) -> None:
            self.log = []

        def render(self) -> None:
            self.clear()
            self += Tag.button("callback", _onclick=self.note)
            self += Tag.button("lambda", _onclick=lambda tag: self.note(tag))
            self += Tag.button("bound", _onclick=self.bind.note(len(self.log)))

    tab = page(Built)
    for number in range(4):
        old = shown(tab, "bound")
        tab.click("bound")
        tab.click("callback")
        tab.click("lambda")
        assert len(app_of(tab).log) == 3 * (number + 1)
        stale(tab, old)
        tab.poll()
    assert tab.errors == []


def test_what_was_streamed_is_callable_until_it_is_removed(page: Any) -> None:
    class Streaming(App):
        def init(self) -> None:
            self.log = []
            self.kept = Tag.button("late", _onclick=self.bind.note("late"))
            self += Tag.button("go", _onclick=self.bind.go())
            self += Tag.button("away", _onclick=lambda tag: self.kept.remove() and None)

        def go(self) -> Any:
            yield self.kept
            yield Tag.button("other", _onclick=self.bind.note("other"))

    tab = page(Streaming)
    tab.click("go")
    message = shown(tab, "late")
    tab.click("late")
    tab.click("other")
    tab.click("away")
    stale(tab, message)
    assert app_of(tab).log == [("late",), ("other",)]


def test_a_text_that_looks_like_javascript_is_a_text(page: Any) -> None:
    """htag writes bytes as JavaScript, and takes such a text for bytes."""
    text = "<:<:alert(document.cookie):>:>"

    class Told(App):
        def init(self) -> None:
            self.log = []
            self += Tag.button("go", _onclick=self.bind.note(text, [text, b"this.value"]))

    tab = page(Told)
    tab.fire(tab.find("go"), "click", value="typed")
    assert app_of(tab).log == [(text, [text, "typed"])]


def test_a_thread_of_the_app_may_write(page: Any) -> None:
    class Threaded(App):
        def init(self) -> None:
            self.log = []
            self += Tag.button("go", _onclick=self.go)

        async def go(self, tag: Any) -> None:
            self += await asyncio.to_thread(lambda: f"<p>{self.bind.note(5)}</p>")

    tab = page(Threaded)
    tab.click("go")
    tab.call(tab.method(id(app_of(tab)), "note", 5))
    assert app_of(tab).log == [(5,)]


def test_a_drawing_that_fails_takes_nothing_away(page: Any) -> None:
    class Moody(App):
        def init(self) -> None:
            self.log, self.broken = [], False
            self += Tag.button("go", _onclick=self.bind.note(1))

        def render(self) -> None:
            if self.broken:
                raise ValueError("moody")

    tab = page(Moody)
    message = shown(tab, "go")
    app = app_of(tab)
    app.broken = True
    tab.call(message)
    app.broken = False
    tab.call(message)
    assert (1,) in app.log


# ---- generators


class Steps(App):
    def init(self) -> None:
        self.log = []
        self += Tag.button("go", _onclick=self.go)

    def go(self, tag: Any) -> Any:
        for step in range(3):
            self.log.append(step)
            yield


def test_a_step_is_for_the_page_that_has_started_it(page: Any) -> None:
    one = page(Steps)
    other = one.user.open()
    one.call(shown(one, "go"), follow=False)
    (following,) = one.messages(one._next.pop())
    stale(other, following)
    stale(one, {**following, "method": "__next__"})
    one.call(following)
    assert app_of(one).log == [0, 1, 2]


def test_a_step_is_asked_for_once(page: Any) -> None:
    """The number of a generator that has ended may be that of the next one."""
    tab = page(Steps)
    tab.call(shown(tab, "go"), follow=False)
    (following,) = tab.messages(tab._next.pop())
    tab.call(following, follow=False)
    tab.call({**tab.messages(tab._next.pop())[0]})
    stale(tab, following)
    assert app_of(tab).log == [0, 1, 2]


# ---- exposed by hand


class Widget(Tag.div):
    """A tag of somebody else."""

    def init(self, log: list[Any]) -> None:
        self.log = log

    def save(self, *args: Any, **kargs: Any) -> None:
        self.log.append((self, args, kargs))

    async def load(self, key: str = "default") -> None:
        await asyncio.sleep(0)
        self.log.append((self, key))

    def other(self) -> None:
        self.log.append("other")


def test_a_method_of_one_tag_can_be_exposed(page: Any) -> None:
    class Host(App):
        def init(self) -> None:
            self.log = []
            self.one, self.two = Widget(self.log), Widget(self.log)
            self += [self.one, self.two]
            htag_expose(self.one, "save")
            htag_expose(self.one, "load")

    tab = page(Host)
    app = app_of(tab)
    assert "self.save = function" in "".join(tab.scripts)
    tab.call(tab.method(id(app.one), "save", 1, "a", {"b": None}))
    tab.call(tab.method(id(app.one), "save"))
    tab.call(tab.method(id(app.one), "load"))
    tab.call(tab.method(id(app.one), "load", "x"))
    assert app.log == [
        (app.one, (1, "a", {"b": None}), {}), (app.one, (), {}), (app.one, "default"), (app.one, "x"),
    ]  # fmt: skip
    stale(tab, tab.method(id(app.one), "other"))
    stale(tab, tab.method(id(app.two), "save", 1))
    stale(tab, {**tab.method(id(app.one), "save"), "kargs": {"named": 1}})
    tab.reload()
    assert len(app.log) == 4


@pytest.mark.parametrize("name", ["nothing", "log", "__class__", "", "tag"])
def test_what_is_no_method_cannot_be_exposed(name: str) -> None:
    with pytest.raises(ConfigError):
        htag_expose(Widget([]), name)


# ---- how much


def test_what_is_remembered_does_not_grow(page: Any) -> None:
    tab = page(Rows)
    grants = app_of(tab)._hr.grants
    for _ in range(5):
        tab.click("more")
    gc.collect()
    sizes = []
    for _ in range(2):
        for _ in range(20):
            tab.click("more")
        gc.collect()
        sizes.append((len(grants.held), len(grants._texts)))
    assert sizes[0] == sizes[1]
    assert len(grants._replaced) <= htag1_grants.REPLACED


def caller(target: Any, method: str, args: Any, kargs: Any = None) -> Any:
    """What htag writes into a page."""
    return BaseCaller(target, method, args, kargs or {})


class Dot:
    """Stands for a tag, for as long as somebody keeps it."""

    _hr: Any = None

    def __init__(self, parent: Dot | None = None) -> None:
        self._callbacks_: dict[Any, Any] = {}
        self._childs: list[Any] = []
        self._parent = parent
        if parent is not None:
            parent._childs.append(self)

    def act(self) -> None:
        """Something to call."""


class Root(Dot):
    """Stands for an app."""

    _hr = object()


def test_old_grants_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(htag1_grants, "REPLACED", 20)
    monkeypatch.setattr(htag1_grants, "WRITTEN", 50)
    pen = Pen()
    for number in range(500):
        pen.grants.write(caller(pen.target, "act", [number]))
        pen.draw([number, b"x"])
    assert (len(pen.grants._replaced), pen.known) == (20, 20 + 50 + 1)
    assert [pen.allowed([number]) for number in (449, 450, 499)] == [False, True, True]


def test_time_and_emissions_bound_what_was_replaced() -> None:
    pen = Pen()
    pen.draw([1], [2])
    assert [pen.allowed([1], seen) for seen in (4, 5, 6)] == [False, True, True]
    pen.emission = 8
    pen.draw([2], [3])
    assert [pen.allowed([1], seen) for seen in (4, 5, 7, 8, 9)] == [False, True, True, False, False]
    assert [pen.allowed([3], seen) for seen in (7, 8)] == [False, True]
    assert [pen.allowed([2], seen) for seen in (4, 5, 8)] == [False, True, True]
    pen.now += GRACE + 1
    assert [pen.allowed([1], seen) for seen in (5, 7)] == [False, False]
    pen.emission = 9
    pen.draw([1])
    assert [pen.allowed([1], seen) for seen in (8, 9)] == [False, True]
    key, pen.target = id(pen.target), Dot()
    pen.callers.clear()
    assert pen.grants.target(pen.root, key, "act", [1], {}, 9) is None


def test_an_address_that_is_used_again_has_another_grant() -> None:
    emission = [1]
    grants, old = Grants(lambda: emission[0]), Dot()
    grants.write(caller(old, "act", []))
    grants.settle()
    key = id(old)
    del old
    keep: list[Dot] = []
    for _ in range(10_000):
        keep.append(Dot())
        if id(keep[-1]) == key:
            break
    assert id(keep[-1]) == key, "the address is not used again: nothing was tested"
    assert grants.target(None, key, "act", [], {}, 9) is None
    emission[0] = 7
    grants.write(caller(keep[-1], "act", []))
    assert grants.target(None, key, "act", [], {}, 9) is None, "it is in no page yet"
    grants.settle()
    assert grants.target(None, key, "act", [], {}, 6) is None
    assert grants.target(None, key, "act", [], {}, 7) is keep[-1]


# ---- one call, drawn many times


class Pen:
    """Draws calls of a tag into the attributes of another, as often as one likes. What is drawn twice is
    written by the same objects, as htag does."""

    def __init__(self) -> None:
        self.now, self.emission = 100.0, 5
        self.grants = Grants(lambda: self.emission, lambda: self.now)
        self.target, self.root = Dot(), Root()
        self.holder = Dot(self.root)
        self.callers: dict[str, Any] = {}

    def draw(self, *calls: list[Any], method: str = "act", into: Any = None) -> None:
        """Draws, and emits it."""
        kept = [(repr((method, args)), caller(self.target, method, tuple(args))) for args in calls]
        tag = into or self.holder
        drawn = [self.grant(self.callers.setdefault(*each), tag) for each in kept]
        self.grants.drawn(tag, (drawn if drawn[1:] else drawn[0]) if drawn else None)
        self.grants.sweep(self.root)

    def grant(self, written: Any, tag: Any) -> Any:
        """As it is found when htag draws."""
        known = written._htagweb_grant
        return known if known and known.is_of(written, tag) else self.grants.offer(written, tag)

    def allowed(self, args: list[Any], seen: int = 99, method: str = "act") -> bool:
        return self.grants.target(self.root, id(self.target), method, args, {}, seen) is self.target

    @property
    def known(self) -> int:
        """How many grants there are."""
        grants = self.grants
        written = sum(len(texts.grants) for texts in grants._texts.values())
        return len(htag1_grants._all(*grants.held.values())) + written + len(grants._replaced)


def test_what_is_drawn_again_is_the_same_grant() -> None:
    pen = Pen()
    for emission in range(5, 50):
        pen.emission = emission
        pen.draw([1], [2], [b"x", 3])
    assert pen.known == 3
    assert [pen.allowed([1], seen) for seen in (4, 5, 6)] == [False, True, True]
    pen.draw([1], [1])  # twice in one drawing
    assert pen.known == 2 + 2, "what is replaced is still known"
    assert [pen.allowed([2], seen) for seen in (48, 49, 50)] == [True, False, False]


def test_what_is_drawn_with_nothing_holds_nothing() -> None:
    pen = Pen()
    pen.draw([1], [2])
    pen.draw([2])
    assert (pen.allowed([1]), pen.allowed([2])) == (False, True)
    pen.draw()
    assert (pen.allowed([2]), pen.grants.held) == (False, {})


def test_a_call_that_comes_back_is_a_new_one() -> None:
    pen = Pen()
    for emission, calls in ((5, [[1], [2]]), (6, [[2]]), (7, [[1], [2]])):
        pen.emission = emission
        pen.draw(*calls)
    pen.now += GRACE + 1
    assert [pen.allowed([1], seen) for seen in (4, 5, 6, 7)] == [False, False, False, True]
    assert [pen.allowed([2], seen) for seen in (4, 5, 6, 7)] == [False, True, True, True]


def test_what_writes_a_call_may_have_become_another() -> None:
    """What htag writes of an object is kept with it, as long as it is the same."""
    pen, two = Pen(), Dot()
    now = caller(pen.target, "act", (1,))
    changes: list[tuple[str, Any]] = [
        ("args", (True,)), ("args", (1,)), ("mname", "other"), ("instance", two), ("kargs", {"a": 1}),
        ("kargs", {}), ("args", [1]), ("args", (1, b"x")), ("args", (True, b"x")), ("args", (b"x", 1)),
        ("args", (b"x", True)), ("args", (b"x", 1.0)), ("args", (b"x", "1")),
    ]  # fmt: skip
    seen = []
    for name, value in changes:
        grants = [pen.grant(now, pen.holder) for _ in range(2)]
        pen.grants.drawn(pen.holder, grants)
        before = call_of(now)
        setattr(now, name, value)
        fresh = call_of(caller(now.instance, now.mname, now.args, now.kargs))
        for _ in range(2):
            grant = pen.grant(now, pen.holder)
            assert grant.is_for(fresh, pen.holder)
            assert (grant in grants) is (repr(fresh[:2]) == repr(before[:2]))
        seen.append((grant.key, repr(grant.pattern)))
    assert len(set(seen)) == len(changes) - 2, "two are what was there before"


def test_what_is_written_again_is_what_htag_would_write(page: Any) -> None:
    class Changing(App):
        def init(self) -> None:
            self.log = []
            self.one, self.two = self.bind.note(1, b"this.value"), self.bind.note("a")
            self += [Tag.button("one", _onclick=self.one), Tag.button("two", _onclick=self.two)]
            self += Tag.button("three", _onclick=self.bind.note([3]))

    tab = page(Changing)
    app = app_of(tab)
    changes: list[Any] = [
        lambda: None, lambda: app.one + "after()", lambda: "before()" + app.two,
        lambda: setattr(app.one, "args", (2,)), lambda: setattr(app.two, "kargs", {"x": 1}),
        lambda: setattr(app.two, "mname", "init"), lambda: app.one._afters.clear(), lambda: None,
        lambda: setattr(app.one, "args", (4,)), lambda: setattr(app.one, "args", (5,)) or str(app.one),
    ]  # fmt: skip
    for change in changes:
        change()
        for _ in range(3):
            tab = tab.reload()
            for text, written in (("one", app.one), ("two", app.two)):
                assert tab.find(text).attributes["onclick"] == htag1_drawing._original_write(written), change


def test_arguments_that_an_app_changes_are_read_each_time() -> None:
    numbers, named = [1], {"a": 1}
    dot = Dot()
    callers = [
        caller(dot, "act", numbers), caller(dot, "act", (), named), caller(dot, "act", (numbers, b"x")),
        caller(dot, "act", ({"n": numbers},)),
    ]  # fmt: skip
    before = list(map(call_of, callers))
    numbers.append(2)
    named["a"] = 2
    for one, call in zip(callers, before, strict=True):
        assert call_of(one)[:2] != call[:2]
        assert one._htagweb_grant is None


def test_of_those_that_write_the_same_each_has_its_grant() -> None:
    pen = Pen()
    other = Dot(pen.root)
    pen.draw([1])
    pen.emission = 6
    pen.draw([1], into=other)
    pen.emission = 7
    pen.draw()
    pen.now += GRACE + 1
    assert [pen.allowed([1], seen) for seen in (5, 6, 7)] == [False, True, True]
    pen.emission = 8
    pen.draw(into=other)
    assert [pen.allowed([1], seen) for seen in (6, 7, 8)] == [True, True, False]
    pen.now += GRACE + 1
    pen.draw([2])
    pen.draw()
    assert pen.known == 1


@pytest.mark.parametrize("asked", range(4))
def test_what_is_found_is_what_is_drawn(asked: int) -> None:
    """However often somebody has asked before."""
    pen = Pen()
    for first in range(0, 40, 2):
        pen.emission += 1
        pen.draw([first], [first + 1], [first + 1])
        for _ in range(asked):
            assert pen.allowed([first])
        assert [pen.allowed([number]) for number in (first - 1, first, first + 1, first + 2)] == [
            False, True, True, False,
        ]  # fmt: skip


def test_a_tag_that_went_unnoticed_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """As code of the app may change the lists of htag by itself."""
    monkeypatch.setattr(htag1_grants, "FEW", 5)
    pen = Pen()
    pen.grants._most = 5
    for number in range(100):
        pen.root._childs.clear()
        pen.draw([number], into=Dot(pen.root))
        assert len(pen.grants.held) <= 6
        assert pen.allowed([number])
        pen.callers.clear()
    assert len(pen.grants._replaced) > 90


def test_another_callback_of_the_same_key_is_another_grant() -> None:
    def first() -> None: ...
    def second() -> None: ...

    pen = Pen()
    for callback, emission in ((first, 5), (first, 6), (second, 7), (second, 8)):
        pen.target._callbacks_["onclick"], pen.emission = callback, emission
        pen.callers.clear()  # htag makes a new one
        pen.draw(["onclick"], method="__on__")
        assert pen.allowed(["onclick"], method="__on__")
    assert pen.known == 2, "that of the first is replaced, and still known"
    assert [pen.allowed(["onclick"], seen, "__on__") for seen in (6, 7)] == [False, True]
    pen.target._callbacks_["onclick"] = first
    assert [pen.allowed(["onclick"], seen, "__on__") for seen in (6, 7)] == [True, False]


def test_of_several_calls_with_something_free_any_may_fit() -> None:
    pen = Pen()
    pen.draw([1, b"x"], [2, b"x"], [3, b"x"])
    assert [pen.allowed([number, "any"]) for number in range(5)] == [False, True, True, True, False]


def test_what_is_replaced_ends_with_its_time() -> None:
    pen = Pen()
    pen.draw([1])
    pen.emission = 9
    pen.draw([2])
    pen.now += GRACE
    assert pen.allowed([1], 8)
    pen.now += 0.1
    assert not pen.allowed([1], 8)
    assert pen.known == 2
    pen.draw([3])  # whatever is replaced next takes away what is too old
    assert pen.known == 2


def test_with_a_tag_all_is_forgotten_that_was_written_for_it() -> None:
    pen = Pen()
    pen.grants.write(caller(pen.target, "act", [1]))
    pen.grants.write(caller(pen.target, "act", [b"x"]))
    assert pen.known == 2
    key, pen.target = id(pen.target), Dot()
    pen.grants.write(caller(pen.target, "act", [5]))
    pen.grants.settle()
    assert pen.grants.target(pen.root, key, "act", [1], {}, 5) is None
    assert pen.known == 1


def test_what_a_tag_has_held_ends_with_it() -> None:
    pen = Pen()
    pen.draw([1], [b"x"])
    assert pen.allowed([1])
    pen.root._childs.clear()
    assert pen.allowed([1]) is False, "it is not in the tree"
    pen.holder = Dot(pen.root)
    pen.callers.clear()
    assert [pen.allowed(args) for args in ([1], ["x"])] == [False, False]


def test_the_tree_is_walked_when_something_was_taken_out_and_only_then() -> None:
    class Root:
        walks = 0

        @property
        def _childs(self) -> list[Any]:
            self.walks += 1
            return []

    root, grants = Root(), Grants(lambda: 1)
    grants.sweep(root)
    grants.removed = True
    grants.sweep(root)
    grants.sweep(root)
    assert (root.walks, grants.removed) == (1, False)


# ---- anything

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["", "a", "onclick"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=4,
)
wires = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["act", "__on__", "__on_event__", "__setattr__", "__class__", ""]),
    st.lists(json_values, max_size=3),
    st.dictionaries(st.sampled_from(["a", "b"]), json_values, max_size=2),
)


@given(wires)
def test_of_all_messages_only_the_ones_that_were_written_pass(wire: Any) -> None:
    which, method, args, kargs = wire
    dots = [Dot(), Dot(), Dot()]
    grants = Grants(lambda: 1)
    grants.write(caller(dots[0], "act", [1, "a"], {"a": None}))
    grants.write(caller(dots[1], "act", [b"this.value"]))
    grants.settle()
    passed = grants.target(None, id(dots[which]), method, args, kargs, 1)
    exact = which == 0 and repr((method, args, kargs)) == repr(("act", [1, "a"], {"a": None}))
    free = which == 1 and method == "act" and len(args) == 1 and not kargs
    assert (passed is dots[which]) == (exact or free)
