import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { client } from "./support.mjs";

let applied, gaps, inbox;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  applied = [];
  gaps = 0;
  inbox = new client.Inbox(0, (payload) => applied.push(payload), () => (gaps += 1));
});

afterEach(() => mock.timers.reset());

test("payloads are applied in the order of their numbers, and move the cursor", () => {
  inbox.receive({ first: 1, payloads: ["a", "b"] });
  inbox.receive({ first: 3, payloads: ["c"] });
  assert.deepEqual(applied, ["a", "b", "c"]);
  assert.equal(inbox.cursor, 3);
});

test("what was applied before is ignored, also as a part of a batch", () => {
  inbox.receive({ first: 1, payloads: ["a", "b"] });
  inbox.receive({ first: 1, payloads: ["a", "b"] });
  inbox.receive({ first: 2, payloads: ["b", "c"] });
  assert.deepEqual(applied, ["a", "b", "c"]);
});

test("a batch beyond a gap waits for what is missing", () => {
  inbox.receive({ first: 2, payloads: ["b", "c"] });
  assert.deepEqual(applied, []);
  assert.equal(inbox.cursor, 0);
  inbox.receive({ first: 1, payloads: ["a"] });
  assert.deepEqual(applied, ["a", "b", "c"]);
  mock.timers.tick(60000);
  assert.equal(gaps, 0);
});

test("a gap that nobody fills is reported after two seconds, whatever arrives behind it", () => {
  inbox.receive({ first: 2, payloads: ["b"] });
  mock.timers.tick(1900);
  inbox.receive({ first: 3, payloads: ["c"] });
  assert.equal(gaps, 0);
  mock.timers.tick(100);
  assert.equal(gaps, 1);
});

test("a second gap is reported as well", () => {
  inbox.receive({ first: 2, payloads: ["b"] });
  mock.timers.tick(2000);
  inbox.receive({ first: 1, payloads: ["a"] });
  inbox.receive({ first: 4, payloads: ["d"] });
  mock.timers.tick(2000);
  assert.equal(gaps, 2);
});

test("a full render skips what is missing, and drops what was held before it", () => {
  inbox.receive({ first: 2, payloads: ["old"] });
  inbox.receive({ first: 7, payloads: ["newer"] });
  inbox.receive({ first: 5, payloads: ["full", "next"], reset: true });
  assert.deepEqual(applied, ["full", "next", "newer"]);
  assert.equal(inbox.cursor, 7);
  mock.timers.tick(60000);
  assert.equal(gaps, 0);
});

test("a full render that was applied before is a duplicate like any other", () => {
  inbox.receive({ first: 5, payloads: ["full"], reset: true });
  inbox.receive({ first: 6, payloads: ["next"] });
  inbox.receive({ first: 5, payloads: ["full", "next", "last"], reset: true });
  assert.deepEqual(applied, ["full", "next", "last"]);
});

test("an empty batch changes nothing, whatever its number", () => {
  inbox.receive({ first: 9, payloads: [] });
  mock.timers.tick(60000);
  assert.equal(inbox.cursor, 0);
  assert.equal(gaps, 0);
});
