"""Plays what it is told with htag 1, faster or (HTAG_FAST=0) as it is, and says what a browser would see:
a line of JSON in, a line out. See ``test_htag1_fast.py``.

What it is told is an app: its component classes, its tree, and what its handlers do; and the steps of a user.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import random
import re
import sys
import traceback
import weakref
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from htag import Tag, expose

from htagweb_flask.errors import HtagError
from htagweb_flask.pool import interactions
from tests.adapters.stage import Stage, Tab
from tests.support import ROOT, wait_until

TAGS: list[Any] = []
CLASSES: list[weakref.ref[type]] = []
EXPOSED = re.compile(r'self\.(\w+) = function\(_\) \{try\{interact\( \{"id": (\d+)')


class Mixin:
    """What is no tag, and exposes something."""

    @expose
    def mixed(self) -> None:
        self.add("mixed ")  # type: ignore[attr-defined]


class Play:
    """One app."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.held: dict[str, Any] = {}
        self.seen: list[Any] = []
        self.tags: list[Any] = []
        self.parts: list[Any] = []
        for part in told["parts"]:
            self.parts.append(self.part(part, len(self.parts)))
        app = told["app"]
        space: dict[str, Any] = {"init": lambda tag: self.begin(tag), "__module__": "told"}
        if app["imports"] is not None:
            space["imports"] = [self.parts[n % len(self.parts)] for n in app["imports"] if self.parts]
        self.app = type("App", (Tag.body,), space)
        CLASSES.append(weakref.ref(self.app))

    def part(self, told: dict[str, Any], number: int) -> Any:
        """A component class."""
        base = told["base"]
        if isinstance(base, int):
            above = self.parts[base % number] if number else Tag.div
        else:
            above = Tag if base == "Tag" else self.named(base, told["held"])
        space: dict[str, Any] = {"__module__": "told", "tag": "section"} if base == "Tag" else {}
        if told["statics"] is not None:
            space["statics"] = statics(told["statics"])
        if told["js"]:
            space["js"] = told["js"]
        for name in told["exposes"]:
            space[name] = expose(lambda tag, *a, name=name: tag.add(f"{name}{a} "))
        if told["render"]:
            space["init"] = lambda tag, *a, **k: setattr(tag, "n", 0)
            space["render"] = render
        if told["property"]:
            space["shown"] = property(lambda tag: self.parts[0])  # a Tag class answers to any name
        cls = type(f"Part{number}", ((Mixin, above) if told["mixin"] else (above,)), space)
        CLASSES.append(weakref.ref(cls))
        if told["late"]:
            cls.statics = statics(told["late"])
        return cls

    def named(self, name: str, held: bool) -> Any:
        return self.held.setdefault(name, getattr(Tag, name)) if held else getattr(Tag, name)

    def begin(self, root: Any) -> None:
        self.root = root
        self.tags.append(root)
        root.call("begun()")
        if self.told["app"]["local"]:
            self.parts.append(self.part(self.told["app"]["local"], len(self.parts)))
        root.add(self.node(self.told["app"]["tree"]))

    def node(self, told: Any) -> Any:
        """What a part of the tree is."""
        if not isinstance(told, dict):
            return [self.node(one) for one in told] if isinstance(told, list) else told
        below = [self.node(one) for one in told["below"]]
        attributes = {f"_{name}": value for name, value in told["attributes"].items()}
        kind = told["kind"]
        if kind == "holder":
            tag = Tag(below)
        elif kind == "part" and self.parts:
            tag = self.parts[told["number"] % len(self.parts)](below, **attributes)
        else:
            tag = self.plain(kind, told, below, attributes)
        self.tags.append(tag)
        if told["on"] and kind != "holder":
            tag["onclick"] = self.handler(tag, told["on"])
        return tag

    def plain(self, kind: str, told: dict[str, Any], below: list[Any], attributes: dict[str, Any]) -> Any:
        name = told["name"]
        if kind == "held":
            known = self.held.get(name)
            cls = self.named(name, True)
            tag = cls(below, **attributes)
            self.seen += [known in (None, cls), isinstance(tag, cls), type(tag) is cls, type(tag).__name__]
        elif kind == "own":
            cls = getattr(Tag, name)
            cls.js = "own()"
            tag = cls(below, **attributes)
            self.seen.append(getattr(Tag, name).js)
        else:
            tag = getattr(Tag, name)(below, js=told["js"], **attributes)
            again = getattr(Tag, name)
            self.seen += [isinstance(tag, again), again is getattr(Tag, name), repr(tag.__class__)]
        return tag

    def handler(self, tag: Any, told: dict[str, Any]) -> Any:
        """A handler, bound in one of htag's ways."""
        do, target = told["do"], lambda: self.tags[told["target"] % len(self.tags)]

        def plain(_: Any, *args: Any) -> Any:
            return self.act(do, target(), args)

        async def late(ev: Any) -> None:
            self.act(do, target(), ())
            await ev.target.update()

        def steps(_: Any, *args: Any) -> Any:
            yield
            self.act(do, target(), args)
            yield Tag.b("step")
            self.act(do, target(), args)

        made = {"plain": plain, "late": late, "steps": steps}[told["how"]]
        if told["how"] == "plain" and told["bound"]:
            return tag.bind(made, *told["bound"]) + "after()"
        return [made, made] if told["twice"] else made

    def act(self, do: str, target: Any, args: tuple[Any, ...]) -> Any:
        if do == "raise":
            raise ValueError(f"raised <{args}>")
        if do == "return":
            return 42
        if do == "again":
            self.root.add(self.node(self.told["app"]["again"]))
        elif do == "held":
            for name, cls in self.held.items():
                cls.late = name
                self.seen.append([getattr(one, "late", None) for one in self.tags])
        else:
            change(do, target, args)
        return None

    def run(self) -> list[Any]:
        """What comes of all steps."""
        out: list[Any] = []
        with Stage(self.app, debug=self.told["debug"]) as stage:
            try:
                tab = stage.open()
            except HtagError as error:
                return [type(error).__name__, str(error)]
            pages = [tab]
            for step in self.told["steps"]:
                try:
                    out.append(self.step(step, pages))
                except Exception as error:  # a refusal is an answer too
                    out.append(f"{type(error).__name__}: {error}")
            for page in pages:
                page.poll()
                out.append([page.html.replace(page.token, "token"), page.applied, page.scripts, page.errors])
            out.append(stage.session)
        return [*out, self.seen]

    def step(self, told: list[Any], pages: list[Tab]) -> Any:
        kind, number = told
        page = pages[-1]
        if kind == "open":
            pages.append(page.user.open())
        elif kind == "reload":
            pages[-1] = page.reload()
        elif kind == "click":
            found = page.find_all(onclick="")
            if found:
                page.fire(found[number % len(found)], "click", value=number)
        else:
            found = EXPOSED.findall("\n".join(page.scripts))
            if found:
                name, tag = found[number % len(found)]
                return page.call(page.method(int(tag), name, number))
        return None


def change(what: str, tag: Any, args: tuple[Any, ...]) -> None:
    if what == "remove":
        tag.remove()
    elif what == "call":
        tag.call("called()")
    elif what == "name":
        tag["name"] = f"{tag['name']}x"
    elif what == "style":
        tag["class"].toggle("on")
        tag["style"].set("color", "red")
    elif what == "clear":
        tag.clear(f"cleared{args}")
    elif what == "state":
        tag.state["n"] = tag.state.get("n", 0) + 1
        tag.add(f"{tag.state['n']}")
    elif what == "add":
        tag.add([Tag.i("more"), *args, "text"])


def statics(told: Any) -> Any:
    if isinstance(told, list):
        return [statics(one) for one in told]
    if isinstance(told, dict):
        return Tag.link(told["text"], _href=told["text"]) if told["tag"] else told["text"].encode()
    return told


def render(tag: Any) -> None:
    """Counts how often it is called: both ways draw equally often."""
    tag.n += 1
    tag.clear(f"drawn {tag.n}")
    tag += Tag.u(tag.n)


def anonymous(text: str) -> str:
    """*text* with the addresses of objects replaced by numbers, in the order in which they come."""
    text = re.sub(r'\d+(?=, \\*"method\\*": null)', "generator", text)
    text = re.sub(r"(?<=says more, at )\w{8}", "number", text)  # of an error, made at random
    known: dict[str, str] = {}
    # Where an address stands as a number, what replaces it has to be one.
    return re.sub(r"(0x)?[0-9a-f]{9,}", lambda found: known.setdefault(found[0], f"{len(known) + 1}00"), text)


def keep(begin: Any) -> Any:
    """A constructor of tags that keeps them: an address then means one of them."""

    def kept(tag: Any, *args: Any, **kwargs: Any) -> None:
        TAGS.append(tag)
        begin(tag, *args, **kwargs)

    return kept


class Example(Play):
    """A class of an example. Its clock stands still."""

    def __init__(self, app: type, told: dict[str, Any]) -> None:
        self.told, self.app, self.seen = {**told, "debug": False}, app, []


class Noon(datetime):
    """The only time that there is."""

    @classmethod
    def now(cls, tz: Any = None) -> Noon:
        return cls(2024, 1, 1, 12, tzinfo=tz)


def examples(told: dict[str, Any]) -> str:
    """What comes of every app in a module of the examples."""
    random.seed(1)
    module = importlib.import_module(told["module"])
    for one in list(sys.modules.values()):
        if str(getattr(one, "__file__", "")).startswith(str(ROOT / "examples")):
            still = {"datetime": Noon, "time": SimpleNamespace(sleep=id, strftime=lambda _: "12:00:00")}
            vars(one).update({name: value for name, value in still.items() if name in vars(one)})
    apps = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Tag)]
    ran = [Example(one, told).run() for one in apps if one.__module__ == module.__name__]
    return anonymous(json.dumps(ran, default=repr))


async def sleep(seconds: float, _: Any = None, real: Any = asyncio.sleep) -> None:
    """Handlers do not wait; what happens each second by itself does not happen."""
    await real(3600 if seconds >= 1 else 0)


def play(told: dict[str, Any]) -> str:
    """What comes of an app."""
    try:
        return anonymous(json.dumps(Play(told).run(), default=repr))
    except Exception as error:  # no such class, say
        traceback.print_exc()
        return json.dumps([f"{type(error).__name__}: {error}"])


def forget() -> None:
    """Waits until nothing is left of an app: its classes are not for the next one."""
    TAGS.clear()
    wait_until(lambda: (gc.collect(), not any(one() for one in CLASSES))[1], 10, "the end of all classes")
    CLASSES.clear()


def main() -> None:
    interactions.GRACE = 60  # each answer has all that comes of its click, on a busy machine too
    asyncio.sleep = sleep  # type: ignore[assignment]
    sys.path += [str(ROOT / "examples"), str(ROOT / "examples" / "demo")]
    Tag.__init__ = keep(Tag.__init__)
    out, sys.stdout = sys.stdout, sys.stderr  # htag prints errors
    for line in sys.stdin:
        told = json.loads(line)
        text = examples(told) if "module" in told else play(told)
        forget()
        print(text, file=out, flush=True)


if __name__ == "__main__":
    main()
