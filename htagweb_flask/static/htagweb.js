/* The browser side of htagweb_flask: one loaded page, what it shows of its connection, and its start.
 *
 * A classic script, the first of the page: htag's own scripts find here what they call. The pieces of it are served
 * as one (web/pages.py); nothing touches the document before run(). */

const CALM = 0.5 * SECOND; // a shorter loss of connection is nobody's business
const CALM_IN_DEBUG = 5 * SECOND; // nor is that of a server which starts again at each change of its code
const TEXTS = {
  lost: "Connection lost, trying again…",
  ended: "Your session has ended.",
  exit: "The application has ended.",
  gone: "The application was restarted.",
  unknown: "The application was restarted. Your last action may not have been carried out.",
};

const BANNER_STYLE = // set by script: a content security policy may forbid it in HTML
  "position:fixed;z-index:2147483647;left:50%;bottom:1em;transform:translateX(-50%);padding:.6em 1.2em;" +
  "border-radius:.4em;font:1rem/1.4 system-ui,sans-serif;" +
  "background:var(--htag-banner-bg,#333);color:var(--htag-banner-fg,#fff);display:";

/** What the user sees of the connection: a class on the body, and a calm banner. */
class View {
  constructor() { Object.assign(this, { isOff: false, banner: null }); }

  /** To be called, without an argument, after what may have replaced the body and the class with it. */
  mark(isOff = this.isOff) {
    this.isOff = isOff;
    document.body?.classList.toggle("htagoff", isOff);
  }

  off(text, canReload) { this.mark(true); this.say(text, canReload); }

  on() { if (this.isOff) this.say(""); this.mark(false); }

  say(text, canReload = false) {
    if (!this.banner) {
      this.banner = document.createElement("div");
      Object.assign(this.banner, { className: "htag-banner", innerHTML: "<span></span> <button>Reload</button>" });
      this.banner.setAttribute("role", "status");
      this.banner.setAttribute("aria-live", "polite");
      this.banner.lastElementChild.onclick = () => location.reload();
      document.documentElement.append(this.banner); // not in the body, which is replaced
    }
    const [label, button] = this.banner.children;
    this.banner.style.cssText = BANNER_STYLE + (text ? "block" : "none");
    button.style.display = canReload ? "" : "none";
    // Screen readers tell the changes of a live region that they know, not what it was born with.
    setTimeout(() => (label.textContent = text), 20);
  }
}

/** Whether the page may reload by itself: 3 times in 30 s, and not at all where that cannot be counted. */
function mayReload(notice, now = Date.now()) {
  return withStorage((storage) => {
    const times = JSON.parse(storage.htagReloads || "[]").filter((time) => now - time < 30 * SECOND);
    if (times.length >= 3) return false;
    storage.htagReloads = JSON.stringify([...times, now]);
    storage.htagNotice = notice; // to be said by the next page
    return true;
  });
}

/** One loaded page. Its state is "connecting", "open" or "lost", and in the end "ended" or "gone". */
class Client {
  constructor(boot, view, drawing) {
    Object.assign(this, { boot, view, drawing, state: "connecting", calm: null, running: 0, isUsed: false });
    this.htag = boot.generation === 1 ? htag1(this) : htag2(this);
    this.overlay = boot.generation === 1 && typeof Overlay !== "undefined" ? new Overlay() : null; // htag 2 has its own
    this.strict = typeof Strict !== "undefined" ? new Strict(boot) : null;
    this.run = this.strict ? (code) => this.strict.run(code) : runScript;
    this.queue = new CallQueue(this);
    this.channel = new Channel(this, boot.transport);
    // What was rendered with the page ends at the cursor, and is applied like all that follows.
    const before = boot.cursor - boot.payloads.length;
    this.inbox = new Inbox(before, (payload) => this.apply(payload), () => this.channel.restart());
  }

  /** The document is there: payloads have something to change, calls made meanwhile are sent. */
  start() {
    this.inbox.receive({ first: this.inbox.cursor + 1, payloads: this.boot.payloads });
    this.queue.start();
    this.channel.start();
  }

  apply(payload) {
    if (payload?.exit) return this.end("ended", TEXTS.exit); // as the application wanted it
    if (payload?.refresh) return this.refresh();
    this.strict?.learn(payload || {});
    try { this.htag.apply(payload); }
    catch (error) { this.htag.report(error, "JS"); }
    this.view.mark();
  }

  async post(name, body, { signal }) {
    const type = typeof body === "string" ? "json" : "octet-stream"; // sealed, see parano.js
    const headers = { "Content-Type": `application/${type}`, "X-Htag": this.boot.token };
    const options = { method: "POST", credentials: "same-origin", redirect: "manual", cache: "no-store" };
    const response = await fetch(this.boot.urls[name], { ...options, headers, body, signal });
    const verdict = judge(response);
    if (verdict === "ok") return response;
    const code = response.headers.get("X-Htag");
    // Of two tabs that a new visitor opens at once the second takes the cookie of the first: it is no loss yet.
    if (verdict === "ended" && code === "refused" && !this.isUsed) this.gone(TEXTS.ended);
    if (verdict === "ended") this.end("ended", TEXTS.ended);
    if (verdict === "gone") this.gone();
    const wait = Math.min(Number(response.headers.get("Retry-After")) || 0, 600) * SECOND;
    const text = `HTTP ${response.status}${response.status === 413 ? " (too large to be sent)" : ""}`;
    throw Object.assign(new Error(text), { status: response.status, verdict, wait, code });
  }

  leave() { navigator.sendBeacon(this.boot.urls.leave, new Blob([this.boot.token], { type: "text/plain" })); }

  take(batch) {
    this.running = batch.running || 0; // calls that were answered before their end
    this.inbox.receive(batch);
  }

  /** Posts, and takes in the batch that is the answer. Returns { batch } or { error }, never throws. */
  async ask(name, body, deadline) {
    try {
      const batch = await (await this.post(name, body, deadline)).json();
      this.take(batch);
      this.isUsed ||= name === "call";
      this.to("open");
      return { batch };
    } catch (error) {
      // A web process that ends answers polls with nothing: no loss, as there are others.
      return name === "poll" && error.status === 204 ? { batch: { payloads: [] } } : { error };
    } finally { deadline.cut(true); }
  }

  /** Asks once for what comes after the cursor. */
  poll(wait, request = new Deadline((wait + 15) * SECOND), hidden = undefined) {
    return this.ask("poll", JSON.stringify({ cursor: this.inbox.cursor, wait, hidden }), request);
  }

  /** A request came to nothing. Being asked to slow down is no loss of the connection. */
  failed({ status }) { if (status !== 429) this.to("lost"); }

  get isOver() { return this.state === "ended" || this.state === "gone"; }

  to(state) {
    if (state === this.state || this.isOver) return;
    this.state = state;
    clearTimeout(this.calm);
    if (state === "lost") this.calm = setTimeout(() => this.view.off(TEXTS.lost), this.boot.debug ? CALM_IN_DEBUG : CALM);
    if (state !== "open") return;
    this.view.on();
    this.wake(); // who got through wakes the other, who may be in a long pause
  }

  /** Whoever waits to try again does it now. */
  wake() {
    this.queue.pause?.cut();
    this.channel.pause?.cut();
  }

  /** Somebody looks at the page, or nobody any more. */
  look() {
    if (!document.hidden) this.wake();
    this.channel.watch();
  }

  end(state, text) {
    if (this.isOver) return;
    this.to(state);
    this.channel.stop();
    this.queue.close();
    this.view.off(text, state === "ended");
  }

  /** The server has new code: the page is made again, when it has said all that it has to say to the old one. */
  refresh() {
    if (this.queue.calls.length) setTimeout(() => this.refresh(), 50);
    else {
      this.to("gone");
      this.leave();
      location.reload();
    }
  }

  /** The instance does not exist any more, or is not for this page: only a fresh page has another one. */
  gone(text = TEXTS.gone) {
    if (this.isOver) return;
    const notice = this.queue.calls.length || this.running ? TEXTS.unknown : "";
    this.end("gone", notice || text);
    const reload = () => {
      if (document.hidden) document.addEventListener("visibilitychange", reload, { once: true });
      else if (mayReload(notice)) setTimeout(() => location.reload(), CALM + Math.random() * SECOND); // time to read it
      else this.view.off(notice || text, true);
    };
    reload();
  }
}

function listen(client, entries) {
  // After a change of network a dead connection may not know it yet: a new one costs nothing.
  addEventListener("online", () => { client.wake(); client.channel.restart(); });
  addEventListener("pageshow", ({ persisted }) => persisted && client.channel.start());
  addEventListener("input", () => (client.isUsed = true), true);
  document.addEventListener("visibilitychange", () => client.look());
  addEventListener("focus", () => client.look()); // after a sleep nothing may have changed but the time
  addEventListener("pagehide", ({ persisted }) => {
    client.channel.stop();
    if (client.state === "gone") entries.keep();
    if (!persisted && !client.isOver) client.leave(); // nobody would take leave of what is over
  });
}

function run() {
  const source = document.getElementById("htag-boot");
  if (!source) return;
  const view = new View();
  const drawing = new Drawing(() => client.queue.calls.map(({ message }) => message));
  const boot = JSON.parse(source.textContent);
  const client = new Client(boot, view, drawing);
  window.htagSeal?.(client);
  delete window.htagSeal; // nothing of the page gets hold of it
  const entries = new Entries(boot);
  drawing.listen();
  entries.listen();
  Object.assign(window, client.htag.globals);
  window.htagweb = {
    status: () => client.state,
    send: (message) => client.queue.send(message),
    get cursor() { return client.inbox.cursor; },
  };
  listen(client, entries);
  const open = () => {
    client.start();
    entries.restore().forEach((field) => client.htag.entered(field));
    const notice = withStorage((storage) => storage.htagNotice);
    withStorage((storage) => delete storage.htagNotice);
    if (notice) view.say(notice);
    if (notice) setTimeout(() => view.isOff || view.say(""), 8 * SECOND);
  };
  // On window, as htag 1 does: after what the page's own scripts do on document.
  addEventListener("DOMContentLoaded", open, { once: true });
}

run();
