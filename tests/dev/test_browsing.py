"""A folder in the browser: its apps are run by a click, and follow what is saved."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import Complaints
from tests.dev.terminal import Terminal, terminal
from tests.support import GENERATION
from tests.web.pages import connected

if TYPE_CHECKING:
    from playwright.sync_api import Page

COUNTER = '''"""Counts <b>clicks</b>."""
from htag import Tag
import words

class App(Tag.App):
    def init(self):
        self.shown = Tag.output()
        self += Tag.button(words.MORE, _onclick=self.more)
        self += Tag.button("fail", _onclick=self.fail)
        self += self.shown
        self += Tag.input(_name="note")
        self.show()

    def more(self, ev):
        self.state["count"] = self.state.get("count", 0) + 1
        self.show()

    def show(self):
        self.shown.clear(f"FIRST {self.state.get('count', 0)}")

    def fail(self, ev):
        self.missing()
'''
HELLO = "from htag import Tag\nclass App(Tag.div):\n    def init(self):\n        self += 'hello from {}'\n"

#: Notes in the browser whether the page ever showed that it has lost its server.
WATCH = """
new MutationObserver(() => {
  const banner = document.querySelector(".htag-banner");
  if (document.body?.classList.contains("htagoff") || (banner && banner.style.display !== "none"))
    sessionStorage.wasOff = document.title;
}).observe(document, { subtree: true, childList: true, attributes: true });
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three apps, one of them deeper, a broken file, one with none."""
    folder = tmp_path_factory.mktemp("apps")
    (folder / "words.py").write_text("MORE = 'more'\n")
    (folder / "counter.py").write_text(COUNTER)
    (folder / "hello.py").write_text(HELLO.format("here"))
    (folder / "deep").mkdir()
    (folder / "deep" / "hello.py").write_text(HELLO.format("below"))
    (folder / "broken.py").write_text("class App(:\n")
    return folder


@pytest.fixture(scope="module")
def dev(folder: Path) -> Iterator[Terminal]:
    with terminal(str(folder), cwd=folder) as opened:
        opened.url()
        yield opened


def saved(file: Path, text: str) -> float:
    """Saves as editors do, and says when."""
    draft = file.with_suffix(".tmp")
    draft.write_text(text)
    draft.replace(file)
    return time.monotonic()


def test_it_says_where_what_and_with_which_htag(dev: Terminal, folder: Path) -> None:
    lines = dev.lines()
    lines = [line for line in lines if not line.startswith("Port ")]
    assert lines[0].startswith("  htagweb_flask ")
    assert f" with htag {GENERATION}." in lines[0]
    assert lines[1] == f"  The apps of {folder}   {dev.url()}/"
    assert "Ctrl-C" in lines[2]


def test_the_folder_is_listed_and_its_apps_run_by_a_click(page: Page, dev: Terminal, folder: Path) -> None:
    page.goto(dev.url())
    expect(page.locator("h1")).to_have_text(folder.name)
    expect(page.locator(".app")).to_have_count(2)
    expect(page.locator(".app", has_text="counter.py")).to_contain_text("Counts <b>clicks</b>.")
    expect(page.locator(".broken")).to_contain_text("invalid syntax")
    expect(page.locator(".other")).to_contain_text("words.py")
    expect(page.locator(".other a")).to_have_count(0)
    page.get_by_text("hello.py").click()
    expect(page.get_by_text("hello from here")).to_be_visible()
    page.go_back()
    page.get_by_text("deep/").click()
    expect(page.locator("h1")).to_have_text(f"{folder.name} / deep")
    page.get_by_text("hello.py").click()
    expect(page.get_by_text("hello from below")).to_be_visible()
    page.goto(f"{dev.url()}/?folder=../")
    expect(page.get_by_text("There is no such folder.")).to_be_visible()


def test_a_file_that_is_added_appears(page: Page, dev: Terminal, folder: Path) -> None:
    connected(page) if page.goto(dev.url()) else None
    (folder / "late.py").write_text(HELLO.format("late"))
    page.get_by_text("late.py").click()
    expect(page.get_by_text("hello from late")).to_be_visible()
    page.goto("about:blank")  # no stream of it is asked for any more
    (folder / "late.py").unlink()


def test_a_page_follows_what_is_saved_and_keeps_its_state(page: Page, dev: Terminal, folder: Path) -> None:
    page.add_init_script(WATCH)
    page.goto(f"{dev.url()}/counter.py")
    connected(page)
    page.get_by_text("more").click()
    shown, note = page.locator("output"), page.locator("input[name=note]")
    expect(shown).to_have_text("FIRST 1")
    note.fill("typed")
    start = saved(folder / "counter.py", COUNTER.replace("FIRST", "SECOND"))
    expect(shown).to_have_text("SECOND 1")
    print(f"the page has followed after {time.monotonic() - start:.1f} s")
    expect(note).to_have_value("typed")
    connected(page)
    saved(folder / "words.py", "MORE = 'another one'\n")  # a module that it imports
    page.get_by_text("another one").click()
    expect(shown).to_have_text("SECOND 2")
    expect(note).to_have_value("typed")
    assert page.evaluate("sessionStorage.wasOff") is None


def test_a_mistake_is_shown_and_the_next_save_brings_the_page_back(
    page: Page, dev: Terminal, folder: Path, complaints: Complaints
) -> None:
    complaints.allow("500")
    saved(folder / "counter.py", COUNTER)
    page.goto(f"{dev.url()}/counter.py")
    connected(page)
    page.locator("input[name=note]").fill("kept over it")
    count = page.locator("output").inner_text()
    saved(folder / "counter.py", COUNTER + "    def oops(:\n")
    expect(page.locator("pre")).to_contain_text("counter.py")
    expect(page.locator("pre")).to_contain_text("SyntaxError")
    dev.shows(r"\d\d:\d\d:\d\d  counter\.py:\d+  SyntaxError: .*\n")
    saved(folder / "counter.py", COUNTER)
    expect(page.locator("output")).to_have_text(count)
    expect(page.locator("input[name=note]")).to_have_value("kept over it")


def test_a_broken_file_shows_its_traceback_until_it_is_mended(
    page: Page, dev: Terminal, folder: Path, complaints: Complaints
) -> None:
    complaints.allow("500")
    page.goto(dev.url())
    page.get_by_text("broken.py").first.click()
    expect(page.locator("pre")).to_contain_text("SyntaxError")
    saved(folder / "broken.py", "import not_there_yet\n" + HELLO.format("a mended file"))
    expect(page.locator("pre")).to_contain_text("ModuleNotFoundError")
    saved(folder / "not_there_yet.py", "")
    expect(page.get_by_text("hello from a mended file")).to_be_visible()


def test_an_error_in_a_callback_is_shown_over_the_page(
    page: Page, dev: Terminal, complaints: Complaints
) -> None:
    complaints.allow("PYTHON ERROR")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{dev.url()}/counter.py")
    connected(page)
    page.get_by_text("fail").click()
    trace = page.locator("htag-error #trace")
    expect(trace).to_contain_text("Traceback")
    expect(trace).to_contain_text("in fail")
    page.locator("htag-error .copy").click()
    assert "AttributeError" in page.evaluate("navigator.clipboard.readText()")
    page.locator("htag-error .close").click()
    expect(trace).to_be_hidden()
    before = page.locator("output").inner_text()
    page.locator("button").first.click()
    expect(page.locator("output")).not_to_have_text(before)
    dev.shows(r"\d\d:\d\d:\d\d  counter\.py:\d+  AttributeError: .*missing.*\n")


def test_the_terminal_has_a_line_for_each_error_and_nothing_else(dev: Terminal) -> None:
    lines = dev.lines()
    start = next(number for number, line in enumerate(lines) if "Ctrl-C" in line)
    told = [line.split()[-2:] and line for line in lines[start + 1 :]]
    assert all(line[2] == ":" and "Error: " in line for line in told), told
    assert len(told) == len(set(told)), told


def test_ctrl_c_ends_it_and_nothing_is_left(dev: Terminal) -> None:
    assert len(dev.processes()) > 3
    assert dev.ctrl_c() == 0
    assert dev.lines()[-1] == "Ended."
