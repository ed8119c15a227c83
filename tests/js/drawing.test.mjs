// What is decided about fields, without a browser; the rest of drawing.js is for tests/web/test_hands.py.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { client } from "./support.mjs";

const { Drawing } = client;

let drawing, calls, said;

/** A field: what the user sees in it, and what the html says. */
function field(shown, html = shown, { type = "text", nodeName = "INPUT", id = "f" } = {}) {
  const attributes = { id };
  const [live, default_] = type === "checkbox" ? ["checked", "defaultChecked"] : ["value", "defaultValue"];
  return {
    nodeName, type, [live]: shown, [default_]: html,
    getAttribute: (name) => attributes[name] ?? null,
    setAttribute(name, value) {
      attributes[name] = value;
      if (name === "value") this.defaultValue = value;
      if (name === "checked") this.defaultChecked = true;
    },
    removeAttribute(name) {
      delete attributes[name];
      if (name === "checked") this.defaultChecked = false;
    },
  };
}

function call(event, message = { id: "f" }) {
  window.event = event;
  calls.push(message);
  drawing.told(message);
  return message;
}

const keeps = (live, html, was) => drawing.keeps(live, field(html, html, live), was);

beforeEach(() => {
  calls = [];
  said = {};
  drawing = new Drawing(() => calls);
  drawing.said = { getElementById: (id) => said[id] ?? null, querySelector: () => null };
  globalThis.window = {};
  globalThis.document = { activeElement: null };
  globalThis.CSS = { escape: String };
});

afterEach(() => {
  delete globalThis.window;
  delete globalThis.document;
  delete globalThis.CSS;
});

test("a field stays as it is while the html says the same of it", () => {
  assert.equal(keeps(field("typed", "old"), "old", field("old")), true);
  assert.equal(keeps(field("typed", "old"), "old", null), true);
  assert.equal(keeps(field("typed", "old"), "new", field("old")), false);
  assert.equal(keeps(field("", "old"), "", field("old")), false);
});

test("what is being typed or composed is not replaced", () => {
  const live = field("typed", "old");
  drawing.writing = live;
  assert.equal(keeps(live, "new", field("old")), false);
  document.activeElement = live;
  assert.equal(keeps(live, "new", field("old")), true);
  drawing.writing = null;
  drawing.composing = live;
  assert.equal(keeps(live, "new", field("old")), true);
});

for (const event of [{ type: "change" }, { type: "submit" }, { type: "click" }, { type: "keydown", key: "Enter" }]) {
  test(`${event.key || event.type} ends the typing: the server may say something else of the field`, () => {
    const live = (document.activeElement = drawing.writing = field("typed", "old"));
    call({ ...event, target: live });
    assert.equal(keeps(live, "", field("old")), false);
  });
}

test("a text comes late that the field had before, or had told before: it is still being typed", () => {
  const live = (document.activeElement = drawing.writing = field("a", ""));
  said.f = field("");
  const first = call({ type: "input", target: live }, { id: "f", data: { value: "a" } });
  live.value = "ab";
  call({ type: "input", target: live }, { id: "f", data: { value: "ab" } });
  document.activeElement = null; // it is not even looked at any more
  for (const late of ["", "a", "ab"]) assert.equal(keeps(live, late, said.f), true);
  assert.equal(keeps(live, "other", said.f), false);
  calls.splice(calls.indexOf(first), 1); // the first was answered
  assert.equal(keeps(live, "", said.f), false);
});

test("what htag 2 is told of a tag is what it has said of it", () => {
  said.f = field("");
  call(undefined, { id: "f", event: "change", data: { value: "typed", name: "n" } });
  assert.equal(said.f.defaultValue, "typed");
  call(undefined, { id: "f", event: "change", data: { value: true, checked: true } });
  assert.equal(said.f.getAttribute("value"), "");
  call(undefined, { id: "f", event: "change", data: { value: false, checked: false } });
  assert.equal(said.f.getAttribute("checked"), null);
  call(undefined, { action: "log_error", error: "x" });
  call(undefined, { id: "unknown", data: { value: "x" } });
});

test("a tick is not taken back by what was drawn before the server heard of it", () => {
  const live = field(true, false, { type: "checkbox" });
  said.f = field(false, false, { type: "checkbox" });
  for (const type of ["input", "change"])
    call({ type, target: live }, { id: "f", data: { value: true, checked: true } });
  const next = field(false, false, { type: "checkbox" });
  assert.equal(drawing.keeps(live, next, said.f), true);
  assert.equal(next.defaultChecked, true); // what the server knows by now
  calls = [];
  assert.equal(drawing.keeps(live, field(false, false, { type: "checkbox" }), said.f), false);
});

test("files that were chosen are never touched", () => {
  assert.equal(drawing.keeps(field("a.txt", "", { type: "file" }), field("", "b", { type: "file" }), null), true);
});
