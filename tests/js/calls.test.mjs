import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { load, pass, settle, unload } from "./support.mjs";

afterEach(unload);

/** A page without a push channel, past its announcement: every request is a call. */
async function started() {
  const page = load();
  page.client.start();
  await settle();
  await page.server.next("poll").batch(1, []);
  page.send = async (...messages) => {
    messages.forEach((message) => page.client.queue.send(message));
    await settle();
  };
  return page;
}

const event = (id) => ({ id: "7", event: "click", data: { callback_id: id } });

test("calls are sent one at a time, in the order in which they were made", async () => {
  const page = await started();
  await page.send(event("a"), event("b"));
  const first = page.server.next("call");
  assert.deepEqual(first.body, { seq: 1, cursor: 0, message: event("a") });
  assert.equal(page.server.unseen.length, 0);
  await first.batch(1, ["A"], { seq: 1, done: true });
  // It was made when the first payload was not there yet: what it is for may have been replaced.
  assert.deepEqual(page.server.next("call").body, { seq: 2, cursor: 1, at: 0, message: event("b") });
  assert.deepEqual(page.applied, ["A"]);
  await page.send(event("c"));
  assert.equal(page.server.unseen.length, 0);
});

test("a call that the server does not offer any more brings what it offers, and is no error", async () => {
  const page = await started();
  await page.send(event("a"), event("b"));
  const headers = { "Content-Type": "application/json", "X-Htag": "stale" };
  await page.server.next("call").answer(410, { error: "stale" }, headers);
  await page.server.next("poll").batch(1, ["fresh"], { reset: true });
  assert.deepEqual(page.applied, ["fresh"]);
  assert.equal(page.client.state, "open");
  assert.deepEqual(page.server.next("call").body, { seq: 2, cursor: 1, at: 0, message: event("b") });
});

test("every request carries the token of the page", async () => {
  const page = await started();
  await page.send(event("a"));
  const { headers } = page.server.next("call");
  assert.equal(headers["X-Htag"], "secret");
  assert.equal(headers["Content-Type"], "application/json");
});

test("a call is sent as it was when it was made", async () => {
  const page = await started();
  const message = event("a");
  page.client.queue.send(event("before"));
  page.client.queue.send(message);
  message.data.value = "later";
  await settle();
  await page.server.next("call").batch(1, []);
  assert.equal(page.server.next("call").body.message.data.value, undefined);
});

test("calls made before the document is there wait for it", async () => {
  const page = load();
  page.client.queue.send(event("early"));
  await settle();
  assert.equal(page.server.all.length, 0);
  page.client.start();
  await settle();
  assert.equal(page.server.next("call").body.message.data.callback_id, "early");
});

for (const status of [0, 502, 503, 504, 429, 408]) {
  test(`a call that failed with ${status || "no answer"} is sent again, the same bytes`, async () => {
    const page = await started();
    await page.send(event("a"), event("b"));
    const first = page.server.next("call");
    await (status ? first.answer(status) : first.fail());
    assert.equal(page.server.unseen.length, 0);
    await pass(250);
    const second = page.server.next("call");
    assert.equal(second.text, first.text);
    await second.batch(1, ["A"]);
    assert.equal(page.server.next("call").body.seq, 2);
  });
}

test("the pauses between retries grow", async () => {
  const page = await started();
  await page.send(event("a"));
  for (const pause of [250, 500, 1000, 2000]) {
    await page.server.next("call").fail();
    await pass(pause - 50);
    assert.equal(page.server.unseen.length, 0);
    await pass(50);
  }
  assert.equal(page.server.unseen.length, 1);
});

test("Retry-After is honoured, and good news does not shorten it", async () => {
  const page = await started();
  await page.send(event("a"));
  await page.server.next("call").answer(429, "", { "Retry-After": "7" });
  page.client.wake();
  await pass(6900);
  assert.equal(page.server.unseen.length, 0);
  await pass(100);
  page.server.next("call");
});

test("good news from elsewhere ends a pause at once", async () => {
  const page = await started();
  await page.send(event("a"));
  await page.server.next("call").fail();
  page.client.wake();
  await settle();
  page.server.next("call");
});

test("an answer that is cut in the middle is asked for again", async () => {
  const page = await started();
  await page.send(event("a"));
  await page.server.next("call").answer(200, '{"first":1,"payl');
  await pass(250);
  await page.server.next("call").batch(1, ["A"]);
  assert.deepEqual(page.applied, ["A"]);
});

test("a request without an answer is given up and repeated", async () => {
  const page = await started();
  await page.send(event("a"));
  const first = page.server.next("call");
  await pass(130000, 1000);
  assert.ok(first.aborted);
  await pass(250);
  assert.equal(page.server.next("call").text, first.text);
});

for (const status of [400, 500]) {
  test(`a call refused with ${status} is dropped and reported, and the next one sent`, async () => {
    const page = await started();
    const results = [];
    window._htag_callbacks.a = (result) => results.push(result);
    await page.send(event("a"), event("b"));
    await page.server.next("call").answer(status);
    assert.deepEqual(results, [null]);
    assert.deepEqual(window._htag_callbacks, {});
    assert.deepEqual(page.errors, [`COM ERROR: HTTP ${status}`]);
    assert.equal(page.server.next("call").body.seq, 2);
    assert.equal(page.client.state, "open");
  });
}

test("the number of a call that was too big for the server is used again, as the instance has not seen it", async () => {
  const page = await started();
  await page.send(event("a"), event("b"));
  await page.server.next("call").answer(413);
  assert.equal(page.server.next("call").body.seq, 1);
});

test("a message that cannot be written as JSON is reported, and stops nothing", async () => {
  const page = await started();
  const loop = {};
  loop.self = loop;
  await page.send(loop, event("b"));
  assert.match(page.errors[0], /JS ERROR: TypeError/);
  assert.equal(page.server.next("call").body.seq, 1);
});

test("a payload that fails stops neither the next payload nor the next call", async () => {
  const page = await started();
  window.handle_payload = (payload) => {
    if (payload === "bad") throw new Error("broken page");
    page.applied.push(payload);
  };
  await page.send(event("a"), event("b"));
  await page.server.next("call").batch(1, ["bad", "good"]);
  assert.deepEqual(page.applied, ["good"]);
  assert.equal(page.server.next("call").body.cursor, 2);
  assert.match(page.errors[0], /broken page/);
});

for (const status of [409, 410]) {
  test(`${status}: no call is sent any more, promises are resolved, the page asks for a fresh render`, async () => {
    const page = await started();
    const results = [];
    window._htag_callbacks.a = window._htag_callbacks.b = (result) => results.push(result);
    await page.send(event("a"), event("b"));
    await page.server.next("call").answer(status, { error: "gone" });
    await page.send(event("c"));
    assert.equal(page.client.state, "gone");
    assert.deepEqual(results, [null, null]);
    assert.equal(page.server.unseen.length, 0);
    assert.equal(page.reloads, 0);
    await pass(1000);
    assert.equal(page.reloads, 1);
    // Whether the first call was carried out, nobody knows: the next page will say so.
    assert.match(sessionStorage.htagNotice, /may not have been carried out/);
  });
}

test("another session, before anybody has done anything: the page loads itself anew", async () => {
  const page = await started();
  await page.send(event("a"));
  await page.server.next("call").answer(403, "", { "X-Htag": "refused" });
  assert.equal(page.client.state, "gone");
  assert.deepEqual(page.view.shown[0].canReload, false);
  await pass(2000);
  assert.equal(page.reloads, 1);
});

test("another session, when the page was used: its user says when it goes", async () => {
  const page = await started();
  await page.send(event("a"));
  await page.server.next("call").answer(200, '{"first":1,"payloads":[],"seq":1,"done":true}');
  await page.send(event("b"));
  await page.server.next("call").answer(403, "", { "X-Htag": "refused" });
  assert.equal(page.client.state, "ended");
  await pass(5000);
  assert.equal(page.reloads, 0);
});

for (const status of [401, 403]) {
  test(`${status}: the session has ended, which only the user can change`, async () => {
    const page = await started();
    await page.send(event("a"), event("b"));
    await page.server.next("call").answer(status);
    assert.equal(page.client.state, "ended");
    assert.deepEqual(page.view.shown, [{ text: "Your session has ended.", canReload: true }]);
    await pass(5000);
    assert.equal(page.reloads, 0);
    assert.equal(page.server.unseen.length, 0);
  });
}
