import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { load, pass, settle, unload } from "./support.mjs";

beforeEach(() => (globalThis.localStorage = {}));

afterEach(() => {
  unload();
  delete globalThis.localStorage;
});

const seats = () => JSON.parse(localStorage.htagSeats);

/** Seats that other tabs have, until then from now. */
function taken(...ends) {
  localStorage.htagSeats = JSON.stringify(Object.fromEntries(ends.map((end, i) => [`tab ${i}`, Date.now() + end])));
}

async function started({ others = [], hidden = false, ...options } = {}) {
  const page = load({ transport: "sse", ...options });
  document.hidden = hidden;
  if (others.length) taken(...others);
  page.client.start();
  await settle();
  return page;
}

async function streaming(options) {
  const page = await started(options);
  page.stream = page.server.next("stream");
  await page.stream.open();
  await page.stream.event("hello");
  return page;
}

function look(page, hidden) {
  document.hidden = hidden;
  page.client.look();
  return settle();
}

test("a stream takes a seat, goes on with it at each beat, and leaves it", async () => {
  const page = await streaming();
  const [name] = Object.keys(seats());
  const end = seats()[name];
  await pass(15000, 1000);
  await page.stream.event("beat");
  assert.equal(seats()[name], end + 15000);
  page.client.channel.stop();
  assert.deepEqual(seats(), {});
});

for (const transport of ["sse", "longpoll"]) {
  test(`where all seats are taken, a tab with ${transport} asks every two seconds, and takes one that gets free`, async () => {
    const page = await started({ transport, others: [30000, 30000, 5000] });
    for (let passed = 0; passed < 6; passed += 2) {
      const poll = page.server.next("poll");
      assert.deepEqual(poll.body, { cursor: 0, wait: 0 });
      await poll.batch(1, []);
      await pass(1950);
      assert.equal(page.server.unseen.length, 0);
      await pass(50);
    }
    if (transport === "sse") page.server.next("stream");
    else assert.equal(page.server.next("poll").body.wait, 20);
    assert.equal(Object.keys(seats()).length, 3);
  });
}

test("seats that make no sense, and a storage that is blocked, keep nobody from streaming", async () => {
  const page = await started({ others: [1e9, 1e9, 1e9, -1] });
  page.server.next("stream");
  page.client.channel.stop();
  localStorage.htagSeats = "{";
  page.client.channel.start();
  await settle();
  page.server.next("stream");
  page.client.channel.stop();
  delete globalThis.localStorage;
  page.client.channel.start();
  await settle();
  page.server.next("stream");
});

test("a tab that nobody looks at gives its stream up after three seconds, and asks every ten", async () => {
  const page = await streaming();
  await look(page, true);
  await pass(2950);
  assert.equal(page.stream.aborted, false);
  await pass(50);
  assert.ok(page.stream.aborted);
  assert.deepEqual(seats(), {});
  for (let turn = 0; turn < 5; turn += 1) {
    const poll = page.server.next("poll");
    assert.deepEqual(poll.body, { cursor: turn, wait: 0, hidden: true });
    await poll.batch(turn + 1, [`payload ${turn}`]);
    await pass(9950);
    assert.equal(page.server.unseen.length, 0);
    await pass(50);
  }
  assert.equal(page.applied.length, 5);
  assert.equal(page.view.isOff, false);
});

test("it streams again as soon as somebody looks", async () => {
  const page = await streaming();
  await look(page, true);
  await pass(3000);
  await page.server.next("poll").batch(1, ["a"]);
  await pass(5000);
  await look(page, false);
  assert.deepEqual(page.server.next("stream").body, { cursor: 1 });
});

test("a glance at another tab changes nothing", async () => {
  const page = await streaming();
  await look(page, true);
  await pass(2500);
  await look(page, false);
  await pass(5000);
  assert.equal(page.stream.aborted, false);
  assert.equal(page.server.unseen.length, 0);
});

test("a tab that is opened in the background rests after three seconds", async () => {
  const page = await started({ hidden: true });
  page.server.next("stream");
  await pass(3000);
  assert.equal(page.server.next("poll").body.hidden, true);
});

test("a page without pushes does not ask when it is hidden or shown", async () => {
  const page = await started({ transport: "none" });
  await page.server.next("poll").batch(1, []);
  await look(page, true);
  await pass(30000, 1000);
  await look(page, false);
  assert.equal(page.server.unseen.length, 0);
});

test("a stream that was silent for longer than a beat is replaced when somebody looks", async () => {
  const page = await streaming();
  await pass(21000, 1000);
  await look(page, false);
  assert.equal(page.stream.aborted, false);
  await pass(2000, 1000);
  await look(page, false);
  assert.ok(page.stream.aborted);
  page.server.next("stream");
});

test("the next page does not wait for streams that have failed lately", async () => {
  let page = await started();
  await page.server.next("stream").answer(404);
  await pass(250);
  await page.server.next("stream").answer(404);
  page.server.next("poll");
  const remembered = localStorage.htagPollUntil;
  unload();
  page = load({ transport: "sse" });
  assert.equal(Number(remembered), Date.now() + 250 + 300000);
  page.client.start();
  await settle();
  await page.server.next("poll").batch(1, []);
  await pass(300000, 5000);
  assert.ok(page.server.unseen.length);
});

test("what is remembered of streams is forgotten once one has worked, or polls have failed too", async () => {
  const page = await started();
  localStorage.htagPollUntil = Date.now() + 1000;
  const stream = page.server.next("stream");
  await stream.open();
  await stream.event("hello");
  await pass(6000, 1000);
  await stream.cut();
  assert.equal(localStorage.htagPollUntil, undefined);
});

test("a server that has too many streams now may have fewer for the next page", async () => {
  const page = await started();
  await page.server.next("stream").answer(503, "", { "Retry-After": "10" });
  page.server.next("poll");
  assert.equal(localStorage.htagPollUntil, undefined);
});
