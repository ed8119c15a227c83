import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { load, pass, settle, unload } from "./support.mjs";

let page, drawn, globals, heard, frames;

beforeEach(() => {
  page = load({ generation: 1 });
  ({ drawn } = page.drawing);
  globals = page.client.htag.globals;
  heard = [];
  frames = [];
  window.error = (text) => heard.push(text);
  globalThis.requestAnimationFrame = (run) => frames.push(run);
  globalThis.ran = [];
});

afterEach(() => {
  unload();
  for (const name of ["requestAnimationFrame", "ran", "leaked"]) delete globalThis[name];
});

const apply = (payload) => page.client.apply(payload);

test("updates are drawn, what is streamed is appended", () => {
  apply({ update: { 0: "<body>new", 5: "<p>new" }, fresh: [7], stream: { 6: "<li>" } });
  assert.deepEqual(drawn, [["0", "<body>new", [7]], ["5", "<p>new", [7]], ["6", "+", "<li>"]]);
});

test("what cannot be drawn is reported, and the rest goes on", () => {
  const draw = page.drawing.draw.bind(page.drawing);
  page.drawing.draw = (id, ...rest) => {
    if (id === "4") throw new Error("impossible");
    draw(id, ...rest);
  };
  apply({ update: { 4: "<p>", 5: "<p>new" }, stream: { 6: "<li>" }, post: "ran.push('post')" });
  assert.deepEqual(drawn, [["5", "<p>new"], ["6", "+", "<li>"]]);
  assert.deepEqual(ran, ["post"]);
  assert.deepEqual(heard, ["JS ERROR: Error: impossible"]);
});

test("scripts see the new html, and may not leave variables behind, but globals as in htag", () => {
  globalThis.seen = () => ran.push(drawn[0][1]);
  apply({ update: { 5: "<p>new" }, post: "var local = 1; function inner() {}; leaked = this === globalThis; seen()" });
  assert.deepEqual(ran, ["<p>new"]);
  assert.equal(globalThis.leaked, true);
  assert.equal(typeof local, "undefined");
  assert.equal(typeof inner, "undefined");
  delete globalThis.seen;
});

test("an error in a script is told to window.error, and the error of Python as well", () => {
  apply({ post: "nowhere.to()", err: "division by zero" });
  assert.deepEqual(heard, ["JS ERROR: ReferenceError: nowhere is not defined", "PYTHON ERROR: division by zero"]);
});

test("a script that does not compile is told too", () => {
  apply({ post: "let = ;" });
  assert.match(heard[0], /^JS ERROR: SyntaxError/);
});

test("without window.error, errors go to the console; an element of that name is no handler", () => {
  for (window.error of [undefined, { tagName: "DIV" }]) apply({ err: "oops" });
  assert.deepEqual(page.errors, ["PYTHON ERROR: oops", "PYTHON ERROR: oops"]);
});

test("a lost connection is no error on the console, the banner shows it", () => {
  window.error = undefined;
  apply(null);
  assert.deepEqual(page.errors, []);
});

test("a handler of errors that fails itself stops nothing", () => {
  window.error = () => {
    throw new Error("worse");
  };
  apply({ err: "oops" });
  assert.match(page.errors[0], /worse/);
});

test("the next step of a generator begins when this one has been painted", async () => {
  apply({ update: { 5: "one" }, next: "ran.push('next')" });
  await pass(200);
  assert.deepEqual(ran, []);
  frames.forEach((run) => run());
  await settle();
  assert.deepEqual(ran, []);
  await pass(1);
  assert.deepEqual(ran, ["next"]);
  await pass(1000);
  assert.deepEqual(ran, ["next"]);
});

test("in a hidden page, which has no frames, a generator goes on all the same", async () => {
  document.hidden = true;
  apply({ next: "ran.push('next')" });
  await pass(1);
  assert.deepEqual(ran, ["next"]);
});

test("interact() posts what htag expects, in order, even if the page adds to it", async () => {
  page.client.start();
  await settle();
  await page.server.next("poll").batch(1, []);
  globals.interact({ id: 5, method: "__on__", args: ["a"], kargs: { b: 1 }, event: { x: 1 }, other: true });
  globals.interact({ id: 6 });
  await settle();
  const first = page.server.next("call");
  assert.deepEqual(first.body.message, { id: 5, method: "__on__", args: ["a"], kargs: { b: 1 }, event: { x: 1 } });
  await first.batch(1, []);
  const { message } = page.server.next("call").body;
  assert.deepEqual(message, { id: 6, method: null, args: [], kargs: {}, event: {} });
});

test("a call that the server refuses is a COM error, one that finds no connection the error null, once", async () => {
  page.client.start();
  await settle();
  await page.server.next("poll").batch(1, []);
  globals.interact({ id: 5 });
  await settle();
  for (const wait of [250, 500, 1000]) {
    await page.server.next("call").fail();
    await pass(wait);
  }
  assert.deepEqual(heard, [null]);
  await page.server.next("call").answer(413);
  assert.deepEqual(heard, [null, "COM ERROR: HTTP 413 (too large to be sent)"]);
});

test("an event is sent as its plain members, without constants, objects and functions", () => {
  class Base {
    get inherited() {
      return true;
    }
  }
  const event = Object.assign(Object.create({ fromPrototype: 1 }), new Base(), {
    AT_TARGET: 2, target: {}, stop() {}, none: null, key: "a", which: 65, shiftKey: false,
  });
  assert.deepEqual(globals.jevent(event), { fromPrototype: 1, key: "a", which: 65, shiftKey: false });
  assert.deepEqual(globals.jevent(undefined), {});
  assert.deepEqual(globals.jevent(null), {});
});

test("action() takes an object or JSON; any other text is the error itself, null a lost connection", () => {
  globals.action({ update: { 5: "object" } });
  globals.action('{"update": {"5": "json"}}');
  assert.deepEqual(drawn, [["5", "object"], ["5", "json"]]);
  globals.action("Internal Server Error");
  globals.action(null);
  assert.deepEqual(heard, ["COM ERROR: Internal Server Error", null]);
});

test("_error() reports and stops the handler that calls it, and is not reported again", () => {
  window._error = globals._error;
  globalThis._error = globals._error;
  assert.throws(() => globals._error("bad", "JS"), (thrown) => thrown === "bad");
  globals.try_js("try { nowhere() } catch (e) { _error(e, 'JS') }");
  assert.deepEqual(heard, ["JS ERROR: bad", "JS ERROR: ReferenceError: nowhere is not defined"]);
  delete globalThis._error;
});
