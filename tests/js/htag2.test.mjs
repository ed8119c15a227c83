import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { load, settle, unload } from "./support.mjs";

let page, htag;

beforeEach(() => {
  page = load({ generation: 2 });
  htag = page.client.htag;
});

afterEach(unload);

test("htag's own client finds a transport, and does not open one", () => {
  assert.equal(htag.globals.HTAG_EXT_INIT, true);
  assert.equal(typeof htag.globals.htag_transport, "function");
});

test("what htag's client hands to its transport is posted as it is", async () => {
  page.client.start();
  await settle();
  await page.server.next("poll").batch(1, []);
  const message = { action: "log_error", error: "x" };
  assert.equal(htag.globals.htag_transport(message), undefined);
  await settle();
  assert.deepEqual(page.server.next("call").body.message, message);
});

test("what is drawn anew is drawn by us, the rest goes to htag's own client", () => {
  page.client.apply({ action: "update", updates: { "p-1": "<p>" }, js: ["x"] });
  assert.deepEqual(page.drawing.drawn, [["p-1", "<p>"]]);
  page.client.apply({ action: "error", traceback: "oops" });
  assert.deepEqual(page.applied, [{ action: "update", updates: {}, js: ["x"] }, { action: "error", traceback: "oops" }]);
});

test("what cannot be drawn is reported, and the rest goes on", () => {
  page.drawing.draw = () => {
    throw new Error("impossible");
  };
  page.client.apply({ action: "update", updates: { "p-1": "<p>" } });
  assert.deepEqual(page.errors, ["JS ERROR: Error: impossible"]);
  assert.equal(page.applied.length, 1);
});

test("a body that was drawn anew is marked again while a call is open", () => {
  const order = [];
  window.handle_payload = () => order.push("drawn");
  window._sync_interacting = () => order.push("marked");
  page.client.apply({ action: "update", updates: {} });
  assert.deepEqual(order, ["drawn", "marked"]);
});

test("the promise of a dropped call is resolved, and the page is no longer busy", () => {
  const results = [];
  window._htag_callbacks.a = (result) => results.push(result);
  window._sync_interacting = () => results.push(Object.keys(window._htag_callbacks).length);
  htag.dropped({ id: "1", event: "click", data: { callback_id: "a" } });
  assert.deepEqual(results, [0, null]);
});

test("a dropped call that nobody waits for is no error", () => {
  htag.dropped({ action: "log_error", error: "x" });
  htag.dropped({ data: { callback_id: "unknown" } });
  htag.dropped(undefined);
  window._htag_callbacks = undefined;
  htag.dropped({ data: { callback_id: "a" } });
});

test("an error is shown in htag's overlay in debug mode only, and always told to the console", () => {
  const shown = [];
  window._error_overlay = { show: (...words) => shown.push(words) };
  htag.report("HTTP 413", "COM");
  page.client.boot.debug = true;
  htag.report("HTTP 413", "COM");
  assert.deepEqual(shown, [["COM ERROR", "HTTP 413"]]);
  assert.equal(page.errors.length, 2);
});

test("a lost connection is left to the banner", () => {
  page.client.boot.debug = true;
  htag.report(null, "COM");
  assert.deepEqual(page.errors, []);
});
