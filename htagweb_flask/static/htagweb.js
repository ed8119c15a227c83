/* The browser side of htagweb_flask, served after drawing.js in one script.
 *
 * Whatever the server has to say is a payload with a number; the cursor is the last number applied. Payloads come
 * in answers to the page's own calls and over its channel, by connections that know nothing of each other. The
 * Inbox alone decides what is applied and when. So anybody may fetch payloads twice, late or out of order, and
 * every trouble has one cure: ask again for what comes after the cursor.
 *
 * A classic script, the first of the page: htag's own scripts find here what they call. Node loads it for the
 * tests; nothing touches window or document before run(). */
(function () {
  "use strict";

  const SECOND = 1000;
  const CALM = 0.5 * SECOND; // a shorter loss of connection is nobody's business
  const GAP_LIMIT = 2 * SECOND;
  const CALL_LIMIT = 130 * SECOND; // the server waits 120 s for a handler, where it cannot push the result later
  const HELLO_LIMITS = [3 * SECOND, 1.5 * SECOND]; // first and second try: where streams fail, polls begin within 5 s
  const SILENCE_LIMIT = 40 * SECOND; // two beats of 15 s, and some patience
  const SETTLED = 5 * SECOND; // the age from which a stream counts as one that works
  const STREAM_AGAIN = 300 * SECOND;
  const POLL_WAIT = 20; // seconds, as it is sent; below the idle limit of the usual proxies
  const SEATS = 3; // for streams and long polls; calls, other tabs and what pages load need connections, too
  const LEASE = 45 * SECOND; // of a seat; a beat comes sooner
  const STANDING = 2 * SECOND; // between the short polls of a tab without a seat
  const HIDDEN = 3 * SECOND; // from then on nobody looks
  const RESTING = 10 * SECOND; // between the short polls of a tab that nobody looks at
  const STALE = 22 * SECOND; // a beat, or the end of a long poll, should have come
  const TEXTS = {
    lost: "Connection lost, trying again…",
    ended: "Your session has ended.",
    exit: "The application has ended.",
    gone: "The application was restarted.",
    unknown: "The application was restarted. Your last action may not have been carried out.",
  };

  /** Milliseconds before the next try. Full jitter: a thousand pages must not come back at once. */
  function backoff(attempt, random = Math.random) {
    return random() * Math.min(30 * SECOND, 0.5 * SECOND * 2 ** attempt);
  }

  /** What an answer means, whatever was asked: "ok", "retry", "refused" (for good), "gone" or "ended". */
  function judge({ status, type, ok, headers }) {
    // With redirect "manual" one sees that there is a redirect: to a login page.
    if (type === "opaqueredirect" || status === 0 || status === 401 || status === 403) return "ended";
    if (status === 409 || status === 410) return "gone";
    if (status === 408 || status === 429 || status > 501) return "retry";
    if (!ok) return "refused";
    // We never answer in HTML: a portal or a login on the way wants its page to be read.
    return /html/i.test(headers.get("Content-Type")) ? "ended" : "ok";
  }

  /** Ends a request in time; or is a pause, for who awaits over(). */
  class Deadline extends AbortController {
    constructor(ms, firm = false) {
      super();
      this.firm = firm;
      this.extend(ms);
    }

    static toRetry(attempt, { wait = 0 }) { return new Deadline(Math.max(backoff(attempt), wait), wait > 0); }

    extend(ms) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.abort(), ms);
    }

    /** A firm pause is the server's own wish (Retry-After): good news does not shorten it. */
    cut(anyway) {
      if (this.firm && !anyway) return;
      clearTimeout(this.timer);
      this.abort();
    }

    over() { return this.signal.aborted || new Promise((resolve) => (this.signal.onabort = resolve)); }
  }

  /** Returns a function that takes bytes, wherever they were cut, and calls onEvent(name, data) for each event. */
  function eventParser(onEvent) {
    const decoder = new TextDecoder();
    let [rest, name, data] = ["", "", ""];
    const take = (line) => {
      const [, field, value] = /^([^:\r]*):? ?(.*?)\r?$/s.exec(line);
      if (field === "event") name = value;
      else if (field === "data") data += value;
      else if (!field && !value && data) {
        onEvent(name, JSON.parse(data));
        [name, data] = ["", ""];
      }
    };
    return (bytes) => {
      const lines = decoder.decode(bytes, { stream: true }).split("\n");
      lines[0] = rest + lines[0];
      rest = lines.pop();
      lines.forEach(take);
    };
  }

  /** Applies payloads in the order of their numbers, each once. `apply` does not throw. */
  class Inbox {
    constructor(cursor, apply, onGap) {
      Object.assign(this, { cursor, apply, onGap, held: new Map(), timer: null });
    }

    receive({ first, payloads, reset }) {
      const before = this.cursor;
      if (reset && first > before) {
        // A full render: what is missing before it will not come, and what is held from there is older.
        for (const number of this.held.keys()) if (number < first) this.held.delete(number);
        this.cursor = first - 1;
      }
      payloads.forEach((payload, i) => first + i > this.cursor && this.held.set(first + i, payload));
      while (this.held.has(this.cursor + 1)) {
        this.cursor += 1; // before it is applied: what fails once would fail again
        const payload = this.held.get(this.cursor);
        this.held.delete(this.cursor);
        this.apply(payload);
      }
      // What is missing is on its way in another answer. If not, somebody must ask for it. Payloads that arrive
      // meanwhile don't start the time anew, or a busy push would put that off for ever.
      if (this.cursor > before || !this.held.size) this.timer = clearTimeout(this.timer);
      if (this.held.size) this.timer = this.timer || setTimeout(this.onGap, GAP_LIMIT);
    }
  }

  /** The page's calls, one on its way at a time: the server sees them in the order in which they were made. */
  class CallQueue {
    constructor(client) {
      Object.assign(this, { client, calls: [], seq: 0, busy: true, closed: false, pause: null });
    }

    start() { this.busy = false; this.pump(); }

    /** The instance is gone: another must not get the calls that were meant for it. */
    close() { this.closed = true; this.pause?.cut(true); }

    send(message) {
      try {
        // Written down now: the message may hold live objects of the page.
        this.calls.push({ message, json: JSON.stringify(message) });
        this.client.drawing.told(message);
        this.pump();
      } catch (error) {
        this.client.htag.report(error, "JS");
        this.client.htag.dropped(message);
      }
    }

    async pump() {
      if (this.busy) return;
      this.busy = true;
      for (; this.calls.length; this.calls.shift()) {
        const [{ message, json }] = this.calls;
        if (this.closed || !(await this.deliver(json))) this.client.htag.dropped(message);
      }
      this.busy = false;
    }

    async deliver(json) {
      const { client } = this;
      this.seq += 1;
      // The same bytes at each try: by its number the server runs a call once, however often it has to answer.
      const body = `{"seq":${this.seq},"cursor":${client.inbox.cursor},"message":${json}}`;
      for (let attempt = 0; ; attempt += 1) {
        const { batch, error } = await client.ask("call", body, new Deadline(CALL_LIMIT));
        if (batch?.done === false) client.wake(); // its result comes over the channel
        if (batch || this.closed) return Boolean(batch);
        if (error.verdict === "refused") {
          // These never reached the instance, which would take the next number for a gap.
          if (error.status === 404 || error.status === 413) this.seq -= 1;
          client.htag.report(error.message, "COM");
          return false;
        }
        client.failed(error);
        if (attempt === 1 && error.status !== 429) client.htag.report(null, "COM");
        await (this.pause = Deadline.toRetry(attempt, error)).over();
      }
    }
  }

  /** What `run` makes of a storage of the browser, or null where that is blocked or full. */
  function withStorage(run, kind = "sessionStorage") {
    try { return run(globalThis[kind]); }
    catch (error) { return null; }
  }

  /** The right to hold a connection. Over HTTP/1.1 browsers open six to a server, for all of their tabs: a seventh
   * stream would stop every click. Seats are leased, as a tab may vanish. */
  class Seat {
    constructor(name = Math.random().toString(36)) { this.name = name; }

    /** The seats that others have, by their names. */
    others(storage) {
      const ends = Object.entries(JSON.parse(storage.htagSeats || "{}"));
      return ends.filter(([name, end]) => name !== this.name && end > Date.now() && end < Date.now() + 2 * LEASE);
    }

    write(storage, ends) { storage.htagSeats = JSON.stringify(Object.fromEntries(ends)); }

    /** Takes the seat, or goes on with it. Returns false if there is none. */
    take() {
      const [visit] = performance.getEntriesByType?.("navigation") || [];
      if (/^h[23]/.test(visit?.nextHopProtocol)) return true; // one connection carries them all
      const taken = withStorage((storage) => {
        const others = this.others(storage);
        if (others.length < SEATS) this.write(storage, [...others, [this.name, Date.now() + LEASE]]);
        return others.length < SEATS;
      }, "localStorage");
      return taken ?? true;
    }

    leave() { withStorage((storage) => this.write(storage, this.others(storage)), "localStorage"); }
  }

  /** Collects payloads between start() and stop(): by streaming (transport "sse") or long-polling ("longpoll", and
   * wherever streams do not pass); by short polls where that would take a connection from those who need it, and
   * in tabs that nobody looks at. With "none" it only announces the page. */
  class Channel {
    constructor(client, kind) {
      Object.assign(this, { client, kind, life: null, request: null, pause: null, seat: new Seat() });
      Object.assign(this, { attempt: 0, failures: 0, polled: null, pollUntil: 0 });
      Object.assign(this, { heard: 0, resting: false, hiding: null });
      // Where streams have failed lately, they are not waited for by each page anew.
      const until = Number(withStorage((storage) => storage.htagPollUntil, "localStorage")) || 0;
      if (until) this.stepDown(Math.min(until - Date.now(), STREAM_AGAIN));
    }

    start() {
      if (this.life || this.client.isOver) return;
      this.polled = null;
      this.heard = Date.now();
      this.watch();
      this.run((this.life = {}));
    }

    stop() {
      this.life = null;
      clearTimeout(this.hiding);
      this.seat.leave();
      this.request?.cut(true);
      this.pause?.cut(true);
    }

    /** Gives up the connection it has for a new one. */
    restart() { this.stop(); this.start(); }

    /** To be called when the page is hidden or shown, and when it may have slept. */
    watch() {
      clearTimeout(this.hiding);
      if (document.hidden) this.hiding = this.resting ? null : setTimeout(() => this.rest(true), HIDDEN);
      else if (this.resting) this.rest(false);
      else if (this.life && Date.now() - this.heard > STALE) this.restart();
    }

    rest(resting) {
      this.resting = resting;
      if (this.life && this.kind !== "none") this.restart();
    }

    async run(life) {
      // `life` tells a loop that was stopped from the one that was started since.
      while (this.life === life) {
        const seated = this.kind !== "none" && !this.resting && this.seat.take();
        const mayStream = this.kind === "sse" && seated && Date.now() >= this.pollUntil;
        this.pause = await (mayStream ? this.stream(life) : this.poll(life, seated));
        if (this.pause && this.life === life) await this.pause.over();
      }
    }

    /** Until the stream ends. Read with fetch: unlike EventSource it can post, and tells why it was refused. */
    async stream(life) {
      const { client } = this;
      const request = (this.request = new Deadline(HELLO_LIMITS[Math.min(this.failures, 1)]));
      let [hello, bye, error] = [0, false, {}];
      const parse = eventParser((event, data) => {
        if (event === "gone") return client.gone();
        if (event === "hello") hello = Date.now();
        this.heard = Date.now();
        this.seat.take();
        bye = event === "bye";
        client.to("open");
        if (event === "batch") client.inbox.receive(data);
      });
      try {
        const response = await client.post("stream", JSON.stringify({ cursor: client.inbox.cursor }), request);
        for (const reader = response.body.getReader(); ; ) {
          const { done, value } = await reader.read();
          if (done) break;
          parse(value);
          if (hello) request.extend(SILENCE_LIMIT); // by bytes: a large payload on a slow line is no silence
        }
      } catch (caught) { error = caught; }
      const silent = request.signal.aborted;
      request.cut(true); // frees the connection of an answer that was not read to its end
      if (this.life !== life) return null;
      const settled = hello && Date.now() - hello > SETTLED;
      if (settled) this.attempt = 0; // one that opens only to end is not to be opened faster and faster
      if (settled) this.remember(0);
      if (hello) this.failures = 0;
      return settled && bye ? new Deadline(Math.random() * 2 * SECOND) : this.broken(hello, silent, error);
    }

    /** What to do about a stream that broke, or did not open. Returns the pause before the next try. */
    broken(hello, silent, error) {
      if (error.wait) return this.stepDown(error.wait); // too many streams: the server has said for how long
      // No hello in time means a proxy that buffers, a refusal a server that lives: neither is a lost connection.
      if (hello || !(silent || error.verdict === "refused")) this.client.failed(error);
      if (!hello) this.failures += 1;
      if (this.failures >= HELLO_LIMITS.length) {
        this.remember(Date.now() + STREAM_AGAIN);
        return this.stepDown(STREAM_AGAIN);
      }
      return silent ? null : Deadline.toRetry(this.attempt++, error);
    }

    stepDown(ms) {
      // Once it has failed, a single failure will be enough the next time.
      Object.assign(this, { pollUntil: Date.now() + ms, failures: 1, polled: null });
      return null;
    }

    /** For the pages to come, also of other tabs. */
    remember(until) {
      withStorage((storage) => {
        if (until) storage.htagPollUntil = until;
        else delete storage.htagPollUntil;
      }, "localStorage");
    }

    async poll(life, seated) {
      const { client, polled, resting } = this; // whether the last poll went well; null before the first
      // The first, and the first after a failure, is answered at once: it shows that the server is there.
      const wait = polled && seated ? POLL_WAIT : 0;
      const asked = (this.heard = Date.now());
      this.request = new Deadline((wait + 15) * SECOND);
      const body = JSON.stringify({ cursor: client.inbox.cursor, wait, hidden: resting || undefined });
      const { batch, error } = await client.ask("poll", body, this.request);
      if (this.life !== life) return null;
      this.polled = Boolean(batch);
      if (error) {
        client.failed(error);
        return Deadline.toRetry(this.attempt++, error);
      }
      this.attempt = 0;
      if (this.kind === "none") this.life = null;
      // Polls had failed as well: it was the network or the server, nothing is wrong with streams.
      if (polled === false) {
        Object.assign(this, { pollUntil: 0, failures: 0 });
        this.remember(0);
      }
      if (!seated) return new Deadline(resting ? RESTING : STANDING);
      // A server that has only one request at a time does not wait: then we do.
      const tooSoon = wait && !batch.payloads.length && Date.now() - asked < SECOND;
      return tooSoon ? new Deadline(2 * SECOND) : null;
    }
  }

  /** Resolves when the browser has painted what was changed so far. */
  function painted() {
    return new Promise((resolve) => {
      requestAnimationFrame(() => setTimeout(resolve, 0)); // a frame's callback comes before its paint
      setTimeout(resolve, document.hidden ? 0 : 250); // hidden pages have no frames
    });
  }

  // htag 1 evals inside a function of a sloppy script: `var` and `function` stay local to the code, undeclared names
  // become global, `this` is window. A function born from an indirect eval is just that, although this file is strict.
  function runScript(code) {
    (0, eval)("(function () { eval(arguments[0]); })")(code);
  }

  /** What htag 1 sends of an event: its plain members, without constants such as AT_TARGET. */
  function jevent(event) {
    const plain = {};
    for (const name in event || {}) {
      const isConstant = name.toUpperCase() === name;
      if (!isConstant && /number|boolean|string/.test(typeof event[name])) plain[name] = event[name];
    }
    return plain;
  }

  /** htag 1: its pages call globals that the host has to define. */
  function htag1(client) {
    let thrown = null;

    function report(text, kind) {
      try {
        const message = text === null && kind === "COM" ? null : `${kind} ERROR: ${text}`;
        if (typeof window.error === "function") window.error(message); // an element of that id is no handler
        else if (message) console.error(message); // a lost connection is shown by the banner
      } catch (error) { console.error(error); }
    }

    function guard(run, ...args) {
      try { run(...args); }
      catch (error) { if (error !== thrown) report(error, "JS"); } // else _error() has reported it
    }

    function apply(payload) {
      if (!payload || typeof payload !== "object") return report(payload, "COM");
      const { update = {}, fresh, stream = {}, post, next, err } = payload;
      const { drawing } = client;
      Object.keys(update).forEach((id) => guard(() => drawing.draw(id, update[id], fresh)));
      Object.keys(stream).forEach((id) => guard(() => drawing.append(id, stream[id])));
      if (post) guard(runScript, post);
      if (next) painted().then(() => guard(runScript, next)); // each step of a generator is to be seen
      if (err !== undefined) report(err, "PYTHON");
    }

    const globals = {
      jevent,
      try_js: (code) => guard(runScript, code),
      interact: ({ id, method = null, args, kargs, event }) =>
        client.queue.send({ id, method, args: args || [], kargs: kargs || {}, event: event || {} }),
      action(payload) {
        try { client.apply(typeof payload === "string" ? JSON.parse(payload) : payload); }
        catch (error) { report(payload, "COM"); } // a text that is not JSON is the error itself
      },
      _error(text, kind) {
        report(text, kind);
        thrown = text;
        throw text; // the inline handler that calls it stops here
      },
    };
    return { globals, apply, report, dropped() {} };
  }

  /** htag 2: its own client comes later in the page, and takes a transport that is already there. */
  function htag2(client) {
    return {
      globals: { HTAG_EXT_INIT: true, htag_transport: (message) => client.queue.send(message) },
      apply(payload) {
        const updates = payload?.updates || {};
        for (const id of Object.keys(updates)) {
          try { client.drawing.draw(id, updates[id]); }
          catch (error) { this.report(error, "JS"); }
        }
        // The rest is left to htag's own client, which would replace elements.
        window.handle_payload(payload?.updates ? { ...payload, updates: {} } : payload, "htagweb");
        window._sync_interacting?.(); // a body that was drawn anew has lost its class
      },
      report(text, kind) {
        if (text === null) return; // no connection: the banner tells
        console.error(`${kind} ERROR:`, text);
        if (client.boot.debug) window._error_overlay?.show?.(`${kind} ERROR`, String(text));
      },
      dropped(message) {
        const id = message?.data?.callback_id;
        const resolve = window._htag_callbacks?.[id];
        if (!resolve) return;
        delete window._htag_callbacks[id];
        window._sync_interacting?.();
        resolve(null);
      },
    };
  }

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
      Object.assign(this, { boot, view, drawing, state: "connecting", calm: null });
      this.htag = boot.generation === 1 ? htag1(this) : htag2(this);
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
      try { this.htag.apply(payload); }
      catch (error) { this.htag.report(error, "JS"); }
      this.view.mark();
    }

    async post(name, body, { signal }) {
      const headers = { "Content-Type": "application/json", "X-Htag": this.boot.token };
      const options = { method: "POST", credentials: "same-origin", redirect: "manual", cache: "no-store" };
      const response = await fetch(this.boot.urls[name], { ...options, headers, body, signal });
      const verdict = judge(response);
      if (verdict === "ok") return response;
      if (verdict === "ended") this.end("ended", TEXTS.ended);
      if (verdict === "gone") this.gone();
      const wait = Math.min(Number(response.headers.get("Retry-After")) || 0, 600) * SECOND;
      const text = `HTTP ${response.status}${response.status === 413 ? " (too large to be sent)" : ""}`;
      throw Object.assign(new Error(text), { status: response.status, verdict, wait });
    }

    /** Posts, and takes in the batch that is the answer. Returns { batch } or { error }, never throws. */
    async ask(name, body, deadline) {
      try {
        const batch = await (await this.post(name, body, deadline)).json();
        this.inbox.receive(batch);
        this.to("open");
        return { batch };
      } catch (error) { return { error }; }
      finally { deadline.cut(true); }
    }

    /** A request came to nothing. Being asked to slow down is no loss of the connection. */
    failed({ status }) { if (status !== 429) this.to("lost"); }

    get isOver() { return this.state === "ended" || this.state === "gone"; }

    to(state) {
      if (state === this.state || this.isOver) return;
      this.state = state;
      clearTimeout(this.calm);
      if (state === "lost") this.calm = setTimeout(() => this.view.off(TEXTS.lost), CALM);
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

    /** The instance does not exist any more: only a fresh page has another one. */
    gone() {
      if (this.isOver) return;
      const notice = this.queue.calls.length ? TEXTS.unknown : "";
      this.end("gone", notice || TEXTS.gone);
      const reload = () => {
        if (document.hidden) document.addEventListener("visibilitychange", reload, { once: true });
        else if (mayReload(notice)) setTimeout(() => location.reload(), Math.random() * SECOND);
        else this.view.off(notice || TEXTS.gone, true);
      };
      reload();
    }
  }

  function listen(client) {
    // After a change of network a dead connection may not know it yet: a new one costs nothing.
    addEventListener("online", () => { client.wake(); client.channel.restart(); });
    addEventListener("pageshow", ({ persisted }) => persisted && client.channel.start());
    document.addEventListener("visibilitychange", () => client.look());
    addEventListener("focus", () => client.look()); // after a sleep nothing may have changed but the time
    addEventListener("pagehide", ({ persisted }) => {
      client.channel.stop();
      const { token, urls } = client.boot;
      if (!persisted) navigator.sendBeacon(urls.leave, new Blob([token], { type: "text/plain" }));
    });
  }

  function run() {
    const source = document.getElementById("htag-boot");
    if (!source) return;
    const view = new View();
    const drawing = new Drawing(() => client.queue.calls.map(({ message }) => message));
    const client = new Client(JSON.parse(source.textContent), view, drawing);
    drawing.listen();
    Object.assign(window, client.htag.globals);
    window.htagweb = {
      status: () => client.state,
      send: (message) => client.queue.send(message),
      get cursor() { return client.inbox.cursor; },
    };
    listen(client);
    const open = () => {
      client.start();
      const notice = withStorage((storage) => storage.htagNotice);
      withStorage((storage) => delete storage.htagNotice);
      if (notice) view.say(notice);
      if (notice) setTimeout(() => view.isOff || view.say(""), 8 * SECOND);
    };
    // On window, as htag 1 does: after what the page's own scripts do on document.
    addEventListener("DOMContentLoaded", open, { once: true });
  }

  if (typeof module === "undefined" || !module.exports) run();
  else module.exports = { Channel, Client, Deadline, Inbox, backoff, eventParser, judge, mayReload, painted };
})();
