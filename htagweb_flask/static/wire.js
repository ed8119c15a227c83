/* What passes between a page and the server, and what becomes of it.
 *
 * Whatever the server has to say is a payload with a number; the cursor is the last number applied. Payloads come
 * in answers to the page's own calls and over its channel, by connections that know nothing of each other. The
 * Inbox alone decides what is applied and when. So anybody may fetch payloads twice, late or out of order, and
 * every trouble has one cure: ask again for what comes after the cursor. */

const SECOND = 1000;
const GAP_LIMIT = 2 * SECOND;
const CALL_LIMIT = 130 * SECOND; // the server waits 120 s for a handler, where it cannot push the result later

/** What `run` makes of a storage of the browser, or null where that is blocked or full. */
function withStorage(run, kind = "sessionStorage") {
  try { return run(globalThis[kind]); }
  catch (error) { return null; }
}

/** Milliseconds before the next try. Full jitter: a thousand pages must not come back at once. */
function backoff(attempt, random = Math.random) {
  return random() * Math.min(30 * SECOND, 0.5 * SECOND * 2 ** attempt);
}

/** What an answer means, whatever was asked: "ok", "retry", "refused" (for good), "stale", "gone" or "ended". */
function judge({ status, type, ok, headers }) {
  // With redirect "manual" one sees that there is a redirect: to a login page.
  if (type === "opaqueredirect" || status === 0 || status === 401 || status === 403) return "ended";
  if (status === 410 && headers.get("X-Htag") === "stale") return "stale";
  if (status === 409 || status === 410) return "gone";
  if (status === 204 || status === 408 || status === 429 || status > 501) return "retry"; // 204: it ends
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
      this.calls.push({ message, json: JSON.stringify(message), at: this.client.inbox.cursor });
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
      const [{ message, json, at }] = this.calls;
      if (this.closed || !(await this.deliver(json, at))) this.client.htag.dropped(message);
    }
    this.busy = false;
  }

  async deliver(json, at) {
    const { client } = this;
    const { cursor } = client.inbox;
    this.seq += 1;
    // What the user saw when this was called: since then it may have been replaced.
    const then = at === cursor ? "" : `,"at":${at}`;
    // The same bytes at each try: by its number the server runs a call once, however often it has to answer.
    const body = `{"seq":${this.seq},"cursor":${cursor}${then},"message":${json}}`;
    for (let attempt = 0; ; attempt += 1) {
      const { batch, error } = await client.ask("call", body, new Deadline(CALL_LIMIT));
      if (batch?.done === false) client.wake(); // its result comes over the channel
      if (batch || this.closed) return Boolean(batch);
      if (error.verdict === "stale") {
        await client.poll(0); // what is there instead
        return false;
      }
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
