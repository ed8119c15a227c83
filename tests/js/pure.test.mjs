import assert from "node:assert/strict";
import { test } from "node:test";

import { client } from "./support.mjs";

const { backoff, eventParser, judge } = client;

const bytes = (text) => new TextEncoder().encode(text);

function parse(chunks) {
  const events = [];
  const push = eventParser((name, data) => events.push([name, data]));
  chunks.forEach(push);
  return events;
}

test("the pause before a retry doubles from half a second to thirty seconds", () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => backoff(attempt, () => 1));
  assert.deepEqual(longest, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test("a pause may be anything down to nothing, so that pages do not come back together", () => {
  assert.equal(backoff(4, () => 0), 0);
  assert.equal(backoff(4, () => 0.25), 2000);
});

test("events are the same wherever the bytes are cut", () => {
  const whole = bytes('event: batch\ndata: {"text":"é😀\u2028"}\n\nevent: beat\r\ndata: {}\r\n\r\n');
  const wanted = [["batch", { text: "é😀\u2028" }], ["beat", {}]];
  for (let cut = 0; cut <= whole.length; cut += 1) {
    assert.deepEqual(parse([whole.slice(0, cut), whole.slice(cut)]), wanted, `cut at ${cut}`);
  }
  assert.deepEqual(parse([...whole].map((byte) => Uint8Array.of(byte))), wanted);
});

test("an event is not there before the empty line that ends it", () => {
  assert.deepEqual(parse([bytes("event: hello\ndata: {}\n")]), []);
  assert.deepEqual(parse([bytes("event: hello\ndata: {}\n"), bytes("\n")]), [["hello", {}]]);
});

test("comments, ids, empty lines and a missing space after the colon are understood", () => {
  assert.deepEqual(parse([bytes(":padding\n\n\nid: 7\nevent:beat\ndata:{}\n\n")]), [["beat", {}]]);
});

test("a carriage return inside of data is kept, as JSON may be formatted with it", () => {
  assert.deepEqual(parse([bytes('event: batch\ndata: [1,\r2]\n\n')]), [["batch", [1, 2]]]);
});

test("each status means one thing", () => {
  const meanings = {
    ok: [200],
    ended: [401, 403],
    gone: [409, 410],
    retry: [408, 429, 502, 503, 504],
    refused: [400, 404, 413, 500, 501],
  };
  for (const [meaning, statuses] of Object.entries(meanings)) {
    for (const status of statuses) assert.equal(judge(new Response("", { status })), meaning, String(status));
  }
});

test("who is answered with nothing, by a process that ends, asks again", () => {
  const headers = { "Content-Type": "text/html" };
  assert.equal(judge(new Response(null, { status: 204, headers })), "retry");
});

test("a redirect, and a page in the place of an answer, mean that somebody wants a login", () => {
  assert.equal(judge({ type: "opaqueredirect", status: 0, ok: false, headers: new Headers() }), "ended");
  assert.equal(judge(new Response("<form>", { headers: { "Content-Type": "text/html" } })), "ended");
});
