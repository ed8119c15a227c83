// What the tests of the browser's side share: a server that answers when told to, a page without a browser,
// a clock that only moves when told to.

import { readFileSync } from "node:fs";
import { mock } from "node:test";
import { runInThisContext } from "node:vm";

/** The pieces of the client in one function, as web/client_script.py serves them; and what the tests want of them. */
function assembled(...names) {
  const read = (path) => readFileSync(new URL(`../../htagweb_flask/${path}`, import.meta.url), "utf8");
  const pieces = read("web/client_script.py").match(/^PIECES = \(([^)]*)\)/m)[1].match(/[\w./]+\.js/g);
  const code = pieces.map((piece) => read(`static/${piece}`)).join("\n");
  globalThis.document = { getElementById: () => null }; // no page of an app: it does not start
  try { return runInThisContext(`(function () { "use strict"; ${code}\nreturn { ${names} }; })`)(); }
  finally { delete globalThis.document; }
}

export const client = assembled(
  "Channel", "Client", "Deadline", "Drawing", "Inbox", "backoff", "eventParser", "judge", "mayReload", "painted",
);

/** Lets everything run that waits for nothing but its turn. setImmediate is not one of the mocked timers. */
export async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves the clock, in small steps: what happens at one moment may set timers for a later one. */
export async function pass(ms, step = 50) {
  for (let left = ms; left > 0; left -= step) {
    mock.timers.tick(Math.min(step, left));
    await settle();
  }
}

/** A request that was posted; the test decides what becomes of it. */
class Posted {
  constructor(url, { body, headers, signal }, resolve, reject) {
    Object.assign(this, { name: url.slice(1), text: body, body: JSON.parse(body), headers, signal });
    Object.assign(this, { resolve, reject, aborted: false });
    signal.addEventListener("abort", () => {
      this.aborted = true;
      reject(new DOMException("aborted", "AbortError"));
      this.pipe?.error(new DOMException("aborted", "AbortError"));
    });
  }

  async answer(status, body = "", headers = { "Content-Type": "application/json" }) {
    const text = body === null || typeof body === "string" ? body : JSON.stringify(body);
    this.resolve(new Response(text, { status, headers }));
    await settle();
  }

  /** Answers with these payloads, numbered from `first`. */
  batch(first, payloads, more = {}) {
    return this.answer(200, { first, payloads, ...more });
  }

  async fail() {
    this.reject(new TypeError("Failed to fetch"));
    await settle();
  }

  /** Answers with a stream, of which nothing has come yet. */
  async open() {
    const body = new ReadableStream({ start: (pipe) => void (this.pipe = pipe) });
    this.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
    await settle();
  }

  async event(name, data = {}) {
    this.pipe.enqueue(new TextEncoder().encode(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`));
    await settle();
  }

  async close() {
    this.pipe.close();
    await settle();
  }

  async cut() {
    this.pipe.error(new TypeError("network error"));
    await settle();
  }
}

export class FakeServer {
  constructor() {
    this.all = [];
    this.unseen = [];
    globalThis.fetch = (url, options) =>
      new Promise((resolve, reject) => {
        const posted = new Posted(url, options, resolve, reject);
        this.all.push(posted);
        this.unseen.push(posted);
      });
  }

  /** The next request, which must be there already and have that name. */
  next(name) {
    const posted = this.unseen.shift();
    if (posted?.name !== name) throw new Error(`expected ${name}, got ${posted ? posted.name : "nothing"}`);
    return posted;
  }

  count(name) {
    return this.all.filter((posted) => posted.name === name).length;
  }
}

/** In the place of htagweb.js's View: writes down what the user would see. */
class FakeView {
  constructor() {
    this.shown = [];
    this.isOff = false;
  }
  mark() {}
  on() {
    this.isOff = false;
  }
  off(text, canReload = false) {
    this.isOff = true;
    this.shown.push({ text, canReload });
  }
}

/** In the place of drawing.js's Drawing. */
class FakeDrawing {
  constructor() {
    this.drawn = [];
    this.messages = [];
  }
  draw(id, html, fresh) {
    this.drawn.push(fresh ? [id, html, fresh] : [id, html]);
  }
  append(id, html) {
    this.drawn.push([id, "+", html]);
  }
  told(message) {
    this.messages.push(message);
  }
}

/** A loaded page with a client of generation 2, whose payloads are written down as they are applied.
 * The clock stands still until pass(); every random pause is half of its range. */
export function load({ transport = "none", generation = 2, cursor = 0, payloads = [] } = {}) {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.UTC(2026, 0, 1) });
  mock.method(Math, "random", () => 0.5);
  const page = { server: new FakeServer(), view: new FakeView(), drawing: new FakeDrawing(), applied: [], errors: [], reloads: 0 };
  const listeners = [];
  globalThis.document = {
    hidden: false,
    addEventListener: (name, run) => listeners.push(run),
    show() {
      this.hidden = false;
      listeners.splice(0).forEach((run) => run());
    },
  };
  globalThis.location = { reload: () => (page.reloads += 1) };
  globalThis.sessionStorage = {};
  globalThis.window = { _htag_callbacks: {}, handle_payload: (payload) => page.applied.push(payload) };
  mock.method(console, "error", (...words) => page.errors.push(words.join(" ")));
  const urls = { call: "/call", stream: "/stream", poll: "/poll", leave: "/leave" };
  const boot = { generation, token: "secret", urls, transport, debug: false, cursor, payloads };
  page.client = new client.Client(boot, page.view, page.drawing);
  return page;
}

/** To be called after each test: timers and globals as they were. */
export function unload() {
  mock.timers.reset();
  mock.restoreAll();
  for (const name of ["document", "location", "sessionStorage", "window"]) delete globalThis[name];
}
