/* The browser side of htagweb_flask.
 *
 * Whatever the server has to say is a payload with a number; the cursor is the last number applied. Payloads come
 * in answers to the page's own calls and over its channel, by connections that know nothing of each other. The
 * Inbox alone decides what is applied and when. So anybody may fetch payloads twice, late or out of order, and
 * every trouble has one cure: ask again for what comes after the cursor.
 *
 * A classic script, the first of the page: htag's own scripts find here what they call. Node loads it for the
 * tests; nothing touches window or document before start(). */
(function () {
  "use strict";

  const SECOND = 1000;
  const CALM = 0.5 * SECOND; // a shorter loss of connection is nobody's business
  const GAP_LIMIT = 2 * SECOND;
  const CALL_LIMIT = 90 * SECOND; // without push the server waits for the handler: above its limit for those
  const HELLO_LIMITS = [3 * SECOND, 1.5 * SECOND]; // first and second try: where streams fail, polls begin within 5 s
  const SILENCE_LIMIT = 40 * SECOND; // two beats of 15 s, and some patience
  const STREAM_AGAIN = 300 * SECOND;
  const POLL_WAIT = 20; // seconds, as it is sent; below the idle limit of the usual proxies
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
    // With redirect "manual" one can see that there is a redirect: to a login page.
    if (type === "opaqueredirect" || status === 0 || status === 401 || status === 403) return "ended";
    if (status === 409 || status === 410) return "gone";
    if (status === 408 || status === 429 || status > 501) return "retry";
    if (!ok) return "refused";
    // We never answer in HTML: a portal or a login on the way wants its page to be read.
    return /html/i.test(headers.get("Content-Type")) ? "ended" : "ok";
  }

  function checkBatch(batch) {
    if (!Array.isArray(batch.payloads)) throw new TypeError("not a batch");
    return batch;
  }

  /** A wait that good news cuts short, unless it is firm: the server's own wish (Retry-After). */
  class Pause {
    wait(ms, firm = false) {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.cut = (anyway) => {
          if (firm && !anyway) return;
          clearTimeout(timer);
          resolve();
        };
      });
    }

    retry(attempt, { wait = 0 }) {
      return this.wait(Math.max(backoff(attempt), wait), wait > 0);
    }

    cut() {} // until there is something to cut
  }

  class Deadline extends AbortController {
    constructor(ms) {
      super();
      this.extend(ms);
    }

    extend(ms) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.abort(), ms);
    }

    /** Also frees the connection of an answer that was not read to its end. */
    end() {
      clearTimeout(this.timer);
      this.abort();
    }
  }

  /** Cuts bytes into server-sent events, wherever the chunks end. */
  class EventParser {
    constructor(onEvent) {
      Object.assign(this, { onEvent, decoder: new TextDecoder(), line: "", event: "", data: [], afterCR: false });
    }

    push(bytes) {
      let text = this.decoder.decode(bytes, { stream: true });
      if (!text) return;
      // A CR ends its line at once. Should a LF follow in the next chunk, it belongs to that CR.
      if (this.afterCR && text[0] === "\n") text = text.slice(1);
      this.afterCR = text.endsWith("\r");
      const lines = text.split(/\r\n?|\n/); // of the new text only: a payload of megabytes comes in many chunks
      lines[0] = this.line + lines[0];
      this.line = lines.pop();
      lines.forEach((line) => this.take(line));
    }

    take(line) {
      const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (field === "event") this.event = value;
      else if (field === "data") this.data.push(value);
      if (line) return;
      const { event, data } = this;
      Object.assign(this, { event: "", data: [] });
      if (data.length) this.onEvent(event, data.join("\n"));
    }
  }

  /** Applies payloads in the order of their numbers, each once. */
  class Inbox {
    constructor(cursor, { apply, onGap, onError }) {
      Object.assign(this, { cursor, apply, onGap, onError, held: new Map(), timer: null });
    }

    receive({ first, payloads, reset }) {
      const before = this.cursor;
      if (reset && first > before) {
        // A full render: what is missing before it will not come, and what is held is older.
        for (const number of this.held.keys()) if (number < first) this.held.delete(number);
        this.cursor = first - 1;
      }
      payloads.forEach((payload, i) => first + i > this.cursor && this.held.set(first + i, payload));
      while (this.held.has(this.cursor + 1)) this.applyNext();
      // What is missing is on its way in another answer. If not, somebody must ask for it. Payloads that arrive
      // meanwhile don't start the time anew, or a busy push would put that off for ever.
      if (this.cursor > before || !this.held.size) this.timer = clearTimeout(this.timer);
      if (this.held.size && !this.timer) {
        this.timer = setTimeout(() => {
          this.timer = null;
          this.onGap();
        }, GAP_LIMIT);
      }
    }

    applyNext() {
      this.cursor += 1; // before it is applied: what fails once would fail again, and must not stop the others
      const payload = this.held.get(this.cursor);
      this.held.delete(this.cursor);
      try {
        this.apply(payload);
      } catch (error) {
        this.onError(error);
      }
    }
  }

  /** The page's calls, one on its way at a time: the server sees them in the order in which they were made. */
  class CallQueue {
    constructor(client) {
      Object.assign(this, { client, calls: [], seq: 0, open: false, closed: false, busy: false, pause: new Pause() });
    }

    send(message) {
      try {
        // Written down now: the message may hold live objects of the page.
        this.calls.push({ message, json: JSON.stringify(message) });
      } catch (error) {
        this.client.htag.report(error, "JS");
        this.client.htag.dropped(message);
      }
      this.pump();
    }

    start() {
      this.open = true;
      this.pump();
    }

    /** The instance is gone: another must not get the calls that were meant for it. */
    close() {
      this.closed = true;
      this.pause.cut(true);
      this.pump();
    }

    async pump() {
      if (this.busy || !this.open) return;
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
      const body = `{"seq":${this.seq},"cursor":${client.cursor},"message":${json}}`;
      for (let attempt = 0; !this.closed; attempt += 1) {
        const { batch, error } = await client.ask("call", body, new Deadline(CALL_LIMIT));
        if (batch && batch.done === false) client.channel.kick(); // its result will come that way
        if (batch) return true;
        if (error.verdict === "refused") {
          // These never reached the instance, which would take the next number for a gap.
          if (error.status === 404 || error.status === 413) this.seq -= 1;
          client.htag.report(error.message, "COM");
          return false;
        }
        if (attempt === 1 && error.status !== 429) client.htag.report(null, "COM");
        if (!this.closed) await this.pause.retry(attempt, error);
      }
      return false;
    }
  }

  /** Collects payloads between start() and stop(): by streaming (transport "sse") or long-polling ("longpoll",
   * and wherever streams do not pass). With "none" it only announces the page. */
  class Channel {
    constructor(client, kind) {
      Object.assign(this, { client, kind, life: null, request: null, pause: new Pause(), attempt: 0, heard: 0 });
      Object.assign(this, { failures: 0, pollUntil: 0, firm: false, polled: null, idle: 0 });
    }

    start() {
      if (this.life) return;
      this.polled = null;
      this.run((this.life = {}));
    }

    stop() {
      this.life = null;
      this.request?.abort();
      this.pause.cut(true);
    }

    /** Tries at once if it waits to; with `force` it gives up the connection it has for a new one. */
    kick(force) {
      // After a sleep of the machine a dead stream looks open: the timer that watches it slept as well.
      if (this.request && (force || (this.heard && Date.now() - this.heard > SILENCE_LIMIT))) {
        this.request.kicked = true;
        this.request.abort();
      }
      this.pause.cut();
      if (force && this.kind === "none") this.start();
    }

    async run(life) {
      // `life` tells a loop that was stopped from the one that was started since.
      while (this.life === life) {
        if (this.kind === "sse" && Date.now() >= this.pollUntil) await this.stream(life);
        else await this.poll(life);
      }
    }

    /** `firm`: the server itself has said for how long. */
    stepDown(ms, firm) {
      // Later on a single failure is enough.
      Object.assign(this, { pollUntil: Date.now() + ms, firm, failures: 1, polled: null });
    }

    // Read with fetch: unlike EventSource it can post a token and a cursor, and tells why it was refused.
    async stream(life) {
      const { client } = this;
      const request = (this.request = new Deadline(HELLO_LIMITS[Math.min(this.failures, 1)]));
      const seen = { hello: 0, bye: false };
      let error = {};
      try {
        const response = await client.post("stream", JSON.stringify({ cursor: client.cursor }), request);
        await this.read(response.body.getReader(), request, seen);
      } catch (caught) {
        error = caught;
      }
      const silent = request.signal.aborted;
      request.end();
      this.heard = 0;
      if (this.life !== life || request.kicked) return;
      if (seen.bye) return this.pause.wait(Math.random() * 2 * SECOND);
      if (error.wait) return this.stepDown(error.wait, true);
      // No hello in time means a proxy that buffers, a refusal a server that lives: neither is a lost connection.
      if (seen.hello || !(silent || error.verdict === "refused")) client.failed(error);
      // A stream that opens only to break is not to be opened faster and faster.
      if (seen.hello && Date.now() - seen.hello > 5 * SECOND) this.attempt = 0;
      if (!seen.hello) this.failures += 1;
      if (this.failures >= HELLO_LIMITS.length) this.stepDown(STREAM_AGAIN, false);
      else if (!silent) await this.pause.retry(this.attempt++, error);
    }

    async read(reader, request, seen) {
      const parser = new EventParser((event, data) => this.take(event, JSON.parse(data), seen));
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        parser.push(value);
        // By bytes, not by events: a large payload on a slow line is no silence.
        if (seen.hello) request.extend(SILENCE_LIMIT);
        this.heard = Date.now();
      }
    }

    take(event, data, seen) {
      if (event === "gone") return this.client.gone(data.reason);
      if (event === "bye") seen.bye = true;
      if (event === "hello") {
        seen.hello = Date.now();
        this.failures = 0;
      }
      this.client.to("open");
      if (event === "batch") this.client.inbox.receive(checkBatch(data));
    }

    async poll(life) {
      const { client, polled } = this; // whether the last poll went well, null for the first
      // The first, and the first after a failure, is answered at once: it shows that the server is there.
      const wait = polled ? POLL_WAIT : 0;
      const asked = Date.now();
      const request = (this.request = new Deadline((wait + 15) * SECOND));
      const { batch, error } = await client.ask("poll", JSON.stringify({ cursor: client.cursor, wait }), request);
      if (this.life !== life || request.kicked) return;
      this.polled = Boolean(batch);
      if (!batch) return this.pause.retry(this.attempt++, error);
      this.attempt = 0;
      if (this.kind === "none") this.life = null;
      // Polls had failed as well: it was the network or the server, nothing is wrong with streams.
      if (polled === false && !this.firm) Object.assign(this, { pollUntil: 0, failures: 0 });
      // A server with one request at a time cannot wait. Then the pauses are ours, and grow while nothing happens.
      const useless = wait && !batch.payloads.length && Date.now() - asked < SECOND;
      this.idle = useless ? Math.min(15 * SECOND, this.idle * 2 || SECOND) : 0;
      if (useless) await this.pause.wait(this.idle);
    }
  }

  /** Runs after the browser has painted what was changed so far. */
  function afterPaint(run) {
    const once = () => {
      run();
      run = () => {};
    };
    // A frame's callback comes before its paint, a timer set there after it. Hidden pages have no frames.
    if (!document.hidden) requestAnimationFrame(() => setTimeout(once));
    setTimeout(once, document.hidden ? 0 : 250);
  }

  function redraw(id, html) {
    const element = id === "0" ? document.body : document.getElementById(id);
    if (!element) return;
    element.outerHTML = html;
    // The parser puts a head before each body: every redraw of it would leave one more.
    document.querySelectorAll("head ~ head").forEach((head) => head.remove());
  }

  /** htag 1: its pages call globals that the host has to define. */
  function htag1(client) {
    let thrown = null;
    let evaluate = null;

    function report(text, kind) {
      try {
        // An element with the id "error" is a window.error too.
        if (typeof window.error !== "function") console.error(`${kind} ERROR:`, text);
        else window.error(text === null ? null : `${kind} ERROR: ${text}`);
      } catch (error) {
        console.error(error);
      }
    }

    function guard(run) {
      try {
        run();
      } catch (error) {
        if (error !== thrown) report(error, "JS"); // else _error() has reported it
      }
    }

    // htag 1 evals inside a function of a sloppy script: `var` and `function` stay local to the code, undeclared
    // names become global, `this` is window. A function born from an indirect eval is just that, in a strict file.
    function tryScript(code) {
      evaluate = evaluate || (0, eval)("(function () { eval(arguments[0]); })");
      guard(() => evaluate(code));
    }

    function apply(payload) {
      if (!payload || typeof payload !== "object") return report(payload, "COM");
      const { update = {}, stream = {}, post, next, err } = payload;
      Object.keys(update).forEach((id) => guard(() => redraw(id, update[id])));
      Object.keys(stream).forEach((id) =>
        guard(() => document.getElementById(id)?.insertAdjacentHTML("beforeend", stream[id]))
      );
      if (post) tryScript(post);
      if (next) afterPaint(() => tryScript(next)); // each step of a generator is to be seen
      if (err !== undefined) report(err, "PYTHON");
    }

    function jevent(event) {
      const plain = {};
      for (const name in event || {}) {
        const value = event[name];
        if (name.toUpperCase() !== name && /^(number|boolean|string)$/.test(typeof value)) plain[name] = value;
      }
      return plain;
    }

    const globals = {
      jevent,
      try_js: tryScript,
      interact: ({ id, method = null, args, kargs, event }) =>
        client.queue.send({ id, method, args: args || [], kargs: kargs || {}, event: event || {} }),
      action(payload) {
        let decoded = payload;
        try {
          if (typeof payload === "string") decoded = JSON.parse(payload);
        } catch (error) {
          return report(payload, "COM"); // a text that is not JSON is the error itself
        }
        client.apply(decoded);
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
      apply: (payload) => window.handle_payload(payload, "htagweb"),
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
