"""htag 1 made faster is htag 1: the same pages, answers, scripts, order and errors, whatever an app does.

Each app is played by two processes, one with HTAG_FAST=0; see ``htag1_player.py``.
"""

from __future__ import annotations

import functools
import gc
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from htag import Tag
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.adapters import stage
from tests.support import GENERATION, ROOT

if GENERATION == 1:
    from htagweb_flask.pool.adapters import htag1_classes

pytestmark = pytest.mark.htag1

Compare = Callable[[dict[str, Any]], list[Any]]

names = st.sampled_from(["div", "span", "button", "li", "my_tag"])
texts = st.sampled_from(["", "text", "<b>bold</b>", "é&\"'"])
scripts = st.sampled_from([None, None, "", "self.focus()"])
attributes = st.dictionaries(
    st.sampled_from(["id", "class", "style", "value", "data_x", "disabled"]),
    st.one_of(texts, st.booleans(), st.none(), st.integers(0, 2), st.just("color:red;x:1")),
    max_size=2,
)
what = ["raise", "return", "again", "held", "remove", "call", "name", "style", "clear", "state", "add"]
handlers = st.fixed_dictionaries(
    {
        "do": st.sampled_from(what),
        "how": st.sampled_from(["plain", "plain", "late", "steps"]),
        "target": st.integers(0, 9),
        "bound": st.lists(st.sampled_from(["a", 1, None, [True]]), max_size=2),
        "twice": st.booleans(),
    }
)
one_static = st.one_of(
    st.sampled_from(["p {}", "q {}"]),
    st.fixed_dictionaries({"text": st.sampled_from(["one()", "two()"]), "tag": st.booleans()}),
)
statics = st.one_of(st.none(), st.none(), one_static, st.lists(one_static, max_size=2))
parts = st.fixed_dictionaries(
    {
        "base": st.one_of(names, names, st.integers(0, 3), st.just("Tag")),
        "held": st.booleans(),
        "statics": statics,
        "late": statics,
        "js": scripts,
        "exposes": st.lists(st.sampled_from(["go", "come", "stay"]), max_size=3, unique=True),
        "render": st.booleans(),
        "property": st.booleans(),
        "mixin": st.booleans(),
    }
)
values = st.one_of(texts, st.integers(0, 3), st.none(), st.just(1.5), st.just(False))


def _node(below: Any) -> Any:
    return st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["call", "call", "held", "own", "part", "part", "holder"]),
            "name": names,
            "number": st.integers(0, 4),
            "attributes": attributes,
            "js": scripts,
            "below": st.lists(below, max_size=3),
            "on": st.one_of(handlers, handlers, st.none()),
        }
    )


nodes = _node(
    st.recursive(values, lambda below: st.one_of(_node(below), st.lists(below, max_size=2)), max_leaves=6)
)
apps = st.fixed_dictionaries(
    {
        "parts": st.lists(parts, max_size=4),
        "app": st.fixed_dictionaries(
            {
                "imports": st.one_of(st.none(), st.none(), st.lists(st.integers(0, 3), max_size=2)),
                "local": st.one_of(st.none(), parts),
                "tree": st.lists(nodes, min_size=1, max_size=3),
                "again": nodes,
            }
        ),
        "debug": st.just(False),
        "steps": st.lists(
            st.tuples(
                st.sampled_from(["click", "click", "click", "expose", "reload", "open"]), st.integers(0, 9)
            ),
            min_size=3,
            max_size=8,
        ),
    }
)


@pytest.fixture(scope="module")
def compare() -> Iterator[Compare]:
    """Plays an app in both ways, which have to agree. Returns what came of it."""
    command = [sys.executable, "-m", "tests.adapters.htag1_player"]
    # htag finds the exposed methods of a tag in the order of a set of texts.
    environs = [{**os.environ, "HTAG_FAST": fast, "PYTHONHASHSEED": "7"} for fast in "01"]
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": ROOT, "text": True}
    players = [
        subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL, **options) for environ in environs
    ]

    def play(told: dict[str, Any]) -> list[Any]:
        for player in players:
            player.stdin.write(json.dumps(told) + "\n")
            player.stdin.flush()
        plain, fast = (json.loads(player.stdout.readline()) for player in players)
        assert fast == plain
        found: list[Any] = fast
        return found

    yield play
    for player in players:
        player.stdin.close()
        assert player.wait(10) == 0
        player.stdout.close()


@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(told=apps)
def test_whatever_an_app_does_is_the_same(compare: Compare, told: dict[str, Any]) -> None:
    compare(told)


@pytest.mark.parametrize("module", ["hello", "counter", "generators", "push_clock", "two_apps", "showcase"])
def test_each_example_is_the_same(compare: Compare, module: str) -> None:
    steps = [("click", n) for n in (0, 1, 2, 3, 1, 2, 8, 9, 7, 6, 5, 4)]
    apps = compare(
        {"module": module, "steps": [*steps, ("reload", 0), ("click", 0), ("open", 0), ("click", 1)]}
    )
    assert apps
    assert all("<title>" in app[-3][0] for app in apps)


@pytest.fixture
def fast() -> None:
    if not stage.FAST:
        pytest.skip("HTAG_FAST is off")


# ---- classes ---------------------------------------------------------------------------------------------


def shared(*tags: Any) -> bool:
    """Whether these tags have one class, as soon as the next tags of that name are made."""
    for tag in tags:
        for _ in range(htag1_classes.DOORS):
            getattr(Tag, tag.tag)()
    return len({type(tag) for tag in tags}) == 1


@pytest.mark.usefixtures("fast")
def test_plain_tags_share_their_class() -> None:
    tags = [Tag.p(str(number)) for number in range(100)]
    tags += [Tag.p(Tag.p([Tag.p("x"), "y"])), Tag.p()]  # an assert would keep classes, to tell of them
    assert shared(*tags)


@pytest.mark.usefixtures("fast")
def test_a_class_that_is_kept_belongs_to_who_keeps_it() -> None:
    kept = Tag.p
    tag = kept("mine")
    assert not shared(tag, Tag.p("another"))
    assert isinstance(tag, kept)
    assert type(tag) is kept
    assert kept is not Tag.p
    assert not isinstance(Tag.p(), kept)
    kept.js = "mine()"
    assert tag.js == kept().js == "mine()"
    assert Tag.p.js is Tag.p().js is None


@pytest.mark.usefixtures("fast")
def test_an_attribute_that_is_set_on_the_way_is_nobody_elses() -> None:
    Tag.p.statics = ["p {}"]
    del (gone := Tag.p).statics
    assert gone.statics == []
    assert not any("statics" not in vars(Tag.p) or Tag.p.statics for _ in range(9))


@pytest.mark.usefixtures("fast")
def test_each_derived_class_has_a_base_of_its_own() -> None:
    class One(Tag.p):
        pass

    class Two(Tag.p):
        pass

    One.__bases__[0].statics = ["p {}"]
    assert One.statics
    assert not Two.statics
    assert not issubclass(Two, One.__bases__[0])


@pytest.mark.usefixtures("fast")
def test_the_class_that_plain_tags_share_cannot_be_changed() -> None:
    tags = [Tag.p(), Tag.p()]
    assert shared(*tags)
    with pytest.raises(AttributeError, match="plain tags share"):
        type(tags[0]).js = "everywhere()"
    with pytest.raises(AttributeError, match="plain tags share"):
        del type(tags[0]).js


@pytest.mark.usefixtures("fast")
def test_what_is_set_on_tag_itself_is_in_every_class_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Tag.p()
    with monkeypatch.context() as patch:
        patch.setattr(Tag, "STRICT_MODE", True)
        assert Tag.p.STRICT_MODE
        assert Tag.p().STRICT_MODE
    assert not before.STRICT_MODE
    assert not Tag.p().STRICT_MODE


@pytest.mark.usefixtures("fast")
def test_a_name_that_users_make_up_is_forgotten() -> None:
    for number in range(400):
        getattr(Tag, f"made_up_{number}")("x")
    assert len(htag1_classes.classes.doors) <= htag1_classes.NAMES
    gc.collect()
    assert len(type.__subclasses__(Tag)) < 2 * htag1_classes.NAMES + 200


@pytest.mark.usefixtures("fast")
def test_threads_do_not_get_the_same_class() -> None:
    def keep(_: int) -> list[type]:
        found = []
        for _ in range(200):
            Tag.p("plain")
            found.append(Tag.p)
        return found

    with ThreadPoolExecutor(8) as threads:
        kept = [cls for found in threads.map(keep, range(8)) for cls in found]
    assert len(set(kept)) == len(kept)


# ---- versions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "lines"), [("1.0.0", 0), ("1.0.1", 1)])
def test_a_version_that_was_not_compared_works_as_it_is(
    version: str, lines: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from htagweb_flask.pool.adapters import htag1, htag1_fast

    called: list[bool] = []
    monkeypatch.setattr(htag1, "__version__", version)
    monkeypatch.setattr(htag1_fast, "quicken", lambda: called.append(True))
    with caplog.at_level("INFO"):
        htag1.Htag1.quicken()
    assert len(caplog.records) == lines
    assert len(called) == 1 - lines


def _second(a: Any, ev: Any) -> None: ...


def _third(a: Any, b: Any, ev: Any) -> None: ...


def _rest(*ev: Any, **more: Any) -> None: ...


def _named(a: Any, *, ev: Any = None) -> None: ...


def _first(ev: Any, /, b: Any = 1) -> None: ...


class _Callable:
    def method(self, ev: Any) -> None: ...

    def far(self, a: Any, ev: Any) -> None: ...

    @classmethod
    def of_class(cls, ev: Any) -> None: ...

    @staticmethod
    def of_none(ev: Any) -> None: ...

    def __call__(self, ev: Any) -> None: ...


@functools.wraps(_second)
def _wrapped(*args: Any) -> None: ...


def _signed(a: Any) -> None: ...


_signed.__signature__ = inspect.signature(_second)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "callback",
    [
        _second, _third, _rest, _named, _first, _wrapped, _signed, lambda ev: None, lambda: None,
        lambda a, ev=1: None, _Callable().method, _Callable().far, _Callable.of_class, _Callable.of_none,
        _Callable(), functools.partial(_second, 1), functools.partial(_third, 1), _Callable.method,
    ],
)  # fmt: skip
def test_a_callback_gets_an_event_when_htag_would_give_it_one(callback: Any) -> None:
    from htagweb_flask.pool.adapters.htag1_fast import _takes_event

    assert _takes_event(callback) == ("ev" in inspect.getfullargspec(callback).args[:2])
