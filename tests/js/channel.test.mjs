import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { load, pass, settle, unload } from "./support.mjs";

afterEach(unload);

async function started(options) {
  const page = load(options);
  page.client.start();
  await settle();
  return page;
}

/** A page whose stream has said hello. */
async function streaming(options) {
  const page = await started({ transport: "sse", ...options });
  page.stream = page.server.next("stream");
  await page.stream.open();
  await page.stream.event("hello");
  return page;
}

/** A page that polls because streams do not pass. */
async function steppedDown() {
  const page = await started({ transport: "sse" });
  await page.server.next("stream").answer(404);
  await pass(250);
  await page.server.next("stream").answer(404);
  return page;
}

// ---- Streaming

test("a stream is asked for what comes after the cursor, and its payloads are applied", async () => {
  const page = await streaming({ cursor: 4 });
  assert.deepEqual(page.stream.body, { cursor: 4 });
  assert.equal(page.client.state, "open");
  await page.stream.event("batch", { first: 5, payloads: ["a", "b"] });
  assert.deepEqual(page.applied, ["a", "b"]);
});

test("what was rendered with the page is applied first, and not asked for again", async () => {
  const page = await streaming({ cursor: 2, payloads: ["one", "two"] });
  assert.deepEqual(page.applied, ["one", "two"]);
  assert.deepEqual(page.stream.body, { cursor: 2 });
});

test("an answer and the stream may bring the same payload in any order", async () => {
  const page = await streaming();
  page.client.queue.send({ id: "1", event: "click", data: {} });
  await settle();
  const call = page.server.next("call");
  await page.stream.event("batch", { first: 2, payloads: ["b"] });
  assert.deepEqual(page.applied, []);
  await call.batch(1, ["a", "b"], { seq: 1, done: true });
  await page.stream.event("batch", { first: 2, payloads: ["b", "c"] });
  assert.deepEqual(page.applied, ["a", "b", "c"]);
});

test("a gap that is not filled within two seconds is asked for by a new stream", async () => {
  const page = await streaming();
  await page.stream.event("batch", { first: 2, payloads: ["b"] });
  await pass(2000);
  assert.ok(page.stream.aborted);
  const stream = page.server.next("stream");
  assert.deepEqual(stream.body, { cursor: 0 });
  await stream.open();
  await stream.event("hello");
  await stream.event("batch", { first: 1, payloads: ["a", "b"] });
  assert.deepEqual(page.applied, ["a", "b"]);
  assert.equal(page.view.isOff, false);
});

test("a broken stream is opened again, from the cursor", async () => {
  const page = await streaming();
  await page.stream.event("batch", { first: 1, payloads: ["a"] });
  await page.stream.cut();
  assert.equal(page.client.state, "lost");
  await pass(250);
  assert.deepEqual(page.server.next("stream").body, { cursor: 1 });
});

test("a short loss of connection is not shown, a longer one is until the connection is back", async () => {
  const page = await streaming();
  await page.stream.cut();
  await pass(250);
  const second = page.server.next("stream");
  await pass(200);
  assert.equal(page.view.isOff, false);
  await pass(50);
  assert.deepEqual(page.view.shown, [{ text: "Connection lost, trying again…", canReload: false }]);
  await second.open();
  await second.event("hello");
  assert.equal(page.client.state, "open");
  assert.equal(page.view.isOff, false);
});

test("a stream that opens only to break is opened more and more slowly", async () => {
  const page = await streaming();
  let { stream } = page;
  for (const pause of [250, 500, 1000]) {
    await stream.cut();
    await pass(pause - 50);
    assert.equal(page.server.unseen.length, 0);
    await pass(50);
    stream = page.server.next("stream");
    await stream.open();
    await stream.event("hello");
  }
  await pass(6000);
  await stream.cut();
  await pass(250);
  page.server.next("stream");
});

test("after 40 seconds without a sign of life the stream is replaced", async () => {
  const page = await streaming();
  await pass(30000, 1000);
  await page.stream.event("beat");
  await pass(39000, 1000);
  assert.equal(page.stream.aborted, false);
  await pass(1000);
  assert.ok(page.stream.aborted);
  page.server.next("stream");
});

test("when the server stops it says so: the page comes back within two seconds, and nothing is shown", async () => {
  const page = await streaming();
  await pass(6000, 1000);
  await page.stream.event("bye");
  await page.stream.close();
  await pass(950);
  assert.equal(page.server.unseen.length, 0);
  await pass(50);
  page.server.next("stream");
  assert.equal(page.client.state, "open");
});

test("a stream that is young when the server stops is no lost connection, but three of them are", async () => {
  const page = await streaming();
  for (let turn = 0; turn < 2; turn += 1) {
    await page.stream.event("bye");
    await page.stream.close();
    assert.equal(page.client.state, "open");
    await pass(500 * (turn + 1));
    page.stream = page.server.next("stream");
    await page.stream.open();
    await page.stream.event("hello");
  }
  await page.stream.event("bye");
  await page.stream.close();
  assert.equal(page.client.state, "lost");
});

test("a new connection is tried at once when a call got through", async () => {
  const page = await streaming();
  await page.stream.cut();
  page.client.queue.send({ id: "1", event: "click", data: {} });
  await settle();
  await page.server.next("call").batch(1, ["a"]);
  assert.equal(page.client.state, "open");
  page.server.next("stream");
});

test("the stream says that the instance is gone: the page reloads by itself", async () => {
  const page = await streaming();
  await page.stream.event("gone");
  assert.equal(page.client.state, "gone");
  await pass(950);
  assert.equal(page.reloads, 0); // what is said of it can be read
  await pass(50);
  assert.equal(page.reloads, 1);
  assert.equal(page.server.unseen.length, 0);
});

test("a call that was answered before its end may not have been carried out when the instance is gone", async () => {
  for (const [name, data, notice] of [["batch", { first: 1, payloads: [], running: 1 }, /may not/], ["beat", {}, /^$/]]) {
    const page = await streaming();
    page.client.queue.start();
    page.client.queue.send({ id: "1", event: "click", data: {} });
    await settle();
    await page.server.next("call").batch(1, [], { seq: 1, done: false, running: 1 });
    await page.stream.event(name, data);
    await page.stream.event("gone");
    await pass(1000);
    assert.match(sessionStorage.htagNotice, notice);
    unload();
  }
});

test("an application that wanted to end is not started anew by the page", async () => {
  const page = await streaming();
  await page.stream.event("batch", { first: page.client.inbox.cursor + 1, payloads: [{ exit: true }] });
  await pass(5000);
  assert.equal(page.client.state, "ended");
  assert.equal(page.reloads, 0);
  assert.deepEqual(page.view.shown, [{ text: "The application has ended.", canReload: true }]);
});

test("a hidden page reloads when somebody looks at it", async () => {
  const page = await streaming();
  document.hidden = true;
  await page.stream.event("gone");
  await pass(60000, 1000);
  assert.equal(page.reloads, 0);
  document.show();
  await pass(1000);
  assert.equal(page.reloads, 1);
});

test("the fourth reload within 30 seconds is left to the user", async () => {
  const page = await streaming();
  sessionStorage.htagReloads = JSON.stringify([Date.now(), Date.now(), Date.now()]);
  await page.stream.event("gone");
  await pass(2000);
  assert.equal(page.reloads, 0);
  assert.deepEqual(page.view.shown.pop(), { text: "The application was restarted.", canReload: true });
});

test("a page that cannot count its reloads does not reload by itself", async () => {
  const page = await streaming();
  delete globalThis.sessionStorage;
  await page.stream.event("gone");
  await pass(2000);
  assert.equal(page.reloads, 0);
  assert.equal(page.view.shown.pop().canReload, true);
});

test("a session that ended stops the stream for good", async () => {
  const page = await started({ transport: "sse" });
  await page.server.next("stream").answer(401);
  await pass(60000, 1000);
  assert.equal(page.client.state, "ended");
  assert.equal(page.server.unseen.length, 0);
});

test("a page that was left and restored goes on where it was", async () => {
  const page = await streaming();
  page.client.channel.stop();
  await settle();
  assert.ok(page.stream.aborted);
  assert.equal(page.client.state, "open");
  page.client.channel.start();
  await settle();
  page.server.next("stream");
  assert.equal(page.server.unseen.length, 0);
});

// ---- Stepping down

test("a stream that is silent twice is replaced by polls within five seconds, without a word to the user", async () => {
  const page = await started({ transport: "sse" });
  await page.server.next("stream").open();
  await pass(3000);
  await page.server.next("stream").open();
  await pass(1500);
  const poll = page.server.next("poll");
  assert.deepEqual(poll.body, { cursor: 0, wait: 0 });
  await poll.batch(1, ["a"]);
  assert.deepEqual(page.applied, ["a"]);
  assert.equal(page.client.state, "open");
  assert.deepEqual(page.view.shown, []);
});

for (const [what, status] of [["has no streams", 404], ["cannot stream", 501], ["is not reached", 0]]) {
  test(`a server that ${what} is polled after the second try`, async () => {
    const page = await started({ transport: "sse" });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const stream = page.server.next("stream");
      await (status ? stream.answer(status) : stream.fail());
      await pass(attempt ? 0 : 250);
    }
    page.server.next("poll");
  });
}

test("streaming is tried again after five minutes, once", async () => {
  const page = await steppedDown();
  await page.server.next("poll").batch(1, []);
  for (let passed = 0; passed < 300; passed += 20) {
    await pass(20000, 5000);
    await page.server.next("poll").batch(1, []);
  }
  const stream = page.server.next("stream");
  await pass(1500);
  assert.ok(stream.aborted);
  await page.server.next("poll").batch(1, []);
  page.server.next("poll");
});

test("a stream that works again is kept, and has two tries again", async () => {
  const page = await steppedDown();
  await pass(300000, 5000);
  page.server.unseen.splice(0); // polls that nobody answered
  page.client.channel.restart();
  await settle();
  const stream = page.server.next("stream");
  await stream.open();
  await stream.event("hello");
  await pass(6000, 1000);
  await stream.cut();
  await pass(250);
  await page.server.next("stream").answer(404);
  await pass(500);
  page.server.next("stream");
});

test("if polls failed too it was the network, so that streaming is tried as soon as it is back", async () => {
  const page = await steppedDown();
  await page.server.next("poll").fail();
  await pass(500);
  await page.server.next("poll").batch(1, ["a"]);
  const stream = page.server.next("stream");
  await pass(2950);
  assert.equal(stream.aborted, false);
});

test("a server with too many streams says for how long the page has to poll", async () => {
  const page = await started({ transport: "sse" });
  await page.server.next("stream").answer(503, "", { "Retry-After": "10" });
  await page.server.next("poll").batch(1, []);
  assert.equal(page.client.state, "open");
  await pass(9950);
  await page.server.next("poll").batch(1, ["a"]);
  const poll = page.server.next("poll");
  await pass(50);
  await poll.batch(2, ["b"]);
  page.server.next("stream");
});

// ---- Polling

test("the first poll announces the page at once, the next ones wait on the server", async () => {
  const page = await started({ transport: "longpoll" });
  const first = page.server.next("poll");
  assert.deepEqual(first.body, { cursor: 0, wait: 0 });
  await first.batch(1, ["a"]);
  const second = page.server.next("poll");
  assert.deepEqual(second.body, { cursor: 1, wait: 20 });
  await pass(20000, 1000);
  await second.batch(2, []);
  assert.deepEqual(page.server.next("poll").body, { cursor: 1, wait: 20 });
});

test("a poll that comes back at once with nothing is not repeated at once", async () => {
  const page = await started({ transport: "longpoll" });
  await page.server.next("poll").batch(1, []);
  await page.server.next("poll").batch(1, []);
  await pass(1950);
  assert.equal(page.server.unseen.length, 0);
  await pass(50);
  page.server.next("poll");
});

test("polls end the pause between them when a call's result is to come", async () => {
  const page = await started({ transport: "longpoll" });
  await page.server.next("poll").batch(1, []);
  await page.server.next("poll").batch(1, []);
  page.client.queue.send({ id: "1", event: "click", data: {} });
  await settle();
  await page.server.next("call").batch(1, [], { seq: 1, done: false });
  page.server.next("poll");
});

test("a failed poll is repeated with growing pauses, and first asks whether the server is there", async () => {
  const page = await started({ transport: "longpoll" });
  await page.server.next("poll").batch(1, []);
  await page.server.next("poll").fail();
  assert.equal(page.client.state, "lost");
  await pass(250);
  await page.server.next("poll").answer(502);
  await pass(450);
  assert.equal(page.server.unseen.length, 0);
  await pass(50);
  const poll = page.server.next("poll");
  assert.equal(poll.body.wait, 0);
  await poll.batch(1, []);
  assert.equal(page.client.state, "open");
});

test("a poll that is answered with nothing, as its web process ends, is repeated, and nothing is shown", async () => {
  const page = await started({ transport: "longpoll" });
  await page.server.next("poll").batch(1, []);
  await pass(1500);
  await page.server.next("poll").answer(204, null);
  assert.equal(page.client.state, "open");
  const poll = page.server.next("poll");
  assert.equal(poll.body.wait, 20);
});

test("a poll that nobody answers is given up", async () => {
  const page = await started({ transport: "longpoll" });
  await page.server.next("poll").batch(1, []);
  const poll = page.server.next("poll");
  await pass(35000, 1000);
  assert.ok(poll.aborted);
  assert.equal(page.client.state, "lost");
});

test("with no transport the page announces itself by one poll, and asks for nothing more", async () => {
  const page = await started({ transport: "none" });
  await page.server.next("poll").batch(1, []);
  await pass(600000, 10000);
  assert.equal(page.server.count("poll"), 1);
  assert.equal(page.client.state, "open");
});

test("with no transport an announcement that failed is repeated", async () => {
  const page = await started({ transport: "none" });
  await page.server.next("poll").fail();
  await pass(250);
  await page.server.next("poll").batch(1, []);
});
