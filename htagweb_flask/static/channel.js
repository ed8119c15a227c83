/* The page's channel: streams, long polls and short polls, and the right to hold a connection for them. */

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
      if (event === "batch") client.take(data);
      if (event === "beat") client.running = 0;
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
    if (bye && settled) return new Deadline(Math.random() * 2 * SECOND);
    if (bye && this.attempt < 2) return Deadline.toRetry(this.attempt++, {}); // said by who is there
    return this.broken(hello, silent, error);
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
    const { batch, error } = await client.poll(wait, this.request, resting || undefined);
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
