"""The part of the client that draws, alone in a page: whatever it is given, the page becomes just that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.clear("no server is asked")

STATIC = ROOT / "htagweb_flask" / "static"

#: Draws random trees of tags with ids, and some html without, one after the other. Returns what went wrong.
MANY = """(times) => {
  let seed = 1;
  const random = (below) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const kinds = "div section ul input textarea select details b my-own svg table form".split(" ");
  const option = (value) => `<option value=${value} ${random(3) ? "" : "selected"}>${value}</option>`;
  const row = (id) => (random(2) ? `<tr id="row${id}"><td>${random(9)}</td></tr>` : "");
  const contents = {
    input: () => "",
    textarea: () => `text ${random(4)}`,
    select: () => [1, 2, 3].map(option).join(""),
    svg: (id) => `<circle id="circle${id}" r="${random(4)}"></circle>`,
    table: (id) => `<tbody id="rows${id}">${row(id)}<tr><td>last</td></tr></tbody>`,
  };
  function tag(ids, depth) {
    const id = ids.pop();
    if (id === undefined) return "";
    const kind = kinds[id % kinds.length];
    const attributes = [`id="x${id}"`, ["", 'title="a"', 'title="b"'][random(3)]];
    attributes.push(random(4) ? "" : "data-htag-keep");
    attributes.push(random(4) ? "" : `value="${random(3)}"`);
    attributes.push(kind === "input" && random(2) ? "type=checkbox checked" : "");
    let inside = contents[kind]?.(id);
    if (inside === undefined) {
      inside = "";
      const raw = () => (random(2) ? ` text ${random(5)} ` : `<i>raw ${random(3)}</i>`);
      for (let left = depth > 4 ? 0 : random(4); left; left -= 1)
        inside += random(3) ? tag(ids, depth + 1) : raw();
    }
    return `<${kind} ${attributes.join(" ")}>${inside}${kind === "input" ? "" : `</${kind}>`}`;
  }
  const all = [...Array(40).keys()];
  function page() {
    const [pool, ids] = [all.filter(() => random(3)), []];
    while (pool.length) ids.push(pool.splice(random(pool.length), 1)[0]);
    let html = "";
    while (ids.length) html += tag(ids, 0);
    return html;
  }
  document.body.id = "body";
  const drawing = new Drawing();
  for (let time = 0; time < times; time += 1) {
    const html = `<body id="body" title="${time}">${page()}</body>`;
    const fresh = all.filter(() => !random(15)).map((id) => `x${id}`);
    const before = new Map(fresh.map((id) => [id, document.getElementById(id)]));
    drawing.draw("body", html, random(10) ? fresh : [...fresh, "body"]);
    const wanted = new DOMParser().parseFromString(html, "text/html").body;
    if (!document.body.isEqualNode(wanted)) return [time, document.body.outerHTML, html];
    if (!drawing.said.body.isEqualNode(wanted)) return [time, "said", drawing.said.body.outerHTML, html];
    const kept = fresh.find((id) => before.get(id) && before.get(id) === document.getElementById(id));
    if (kept) return [time, "the same node", kept];
  }
  return [];
}"""


@pytest.fixture
def bare(page: Page) -> Page:
    page.set_content("<!DOCTYPE html><title>bare</title>")
    pieces = [(STATIC / name).read_text() for name in ("vendor/idiomorph.min.js", "drawing.js")]
    page.add_script_tag(content="\n".join([*pieces, "window.Drawing = Drawing;"]))
    return page


@pytest.mark.parametrize("moves", [True, False], ids=["moving nodes", "taking nodes out and in"])
def test_the_page_becomes_what_is_drawn(bare: Page, moves: bool) -> None:
    if not moves:
        bare.evaluate("delete Element.prototype.moveBefore")
    assert bare.evaluate(MANY, 200) == []
