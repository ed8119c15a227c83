/* Parano, in the browser: the page before the page, and the seal of all that its page says and hears.
 *
 * The shell holds nothing but this script. It agrees on keys with the process of the app (seal.js), asks for the
 * page inside of the channel, and writes it into the place of itself. htagweb.js knows nothing of it, but for the
 * function that it finds in window.htagSeal, takes away, and gives its client to. */

const PATIENCE = 90000; // ms for an answer: a process may have to be started, and the app
const AGAIN = 8; // tries of what something on the way has sent twice, or another tab has overtaken
const TEXTS = {
  lost: "The server cannot be reached. Trying again …",
  busy: "This app cannot be started just now. Trying again …",
  failed: "This app has an error",
  log: "The log of the server says more.",
  elsewhere: "The server does not answer to pages of this address. Its log says why.",
  refused: "This page is not for you, or your session has ended.",
  answered: "Something on the way has answered in place of the server.",
  altered: "Something between this browser and the server alters what is sent. So nothing more is sent.",
  pinned: "The server does not have this key, or this secret, or something on the way alters what is sent. So nothing more is sent.",
  locked: "This app demands a secret. It is opened by a command: ask whoever looks after the server.",
  foreign: "Your session belongs to another browser, or to another address of this site.",
};

const utf8 = (text) => new TextEncoder().encode(text);
const parsed = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Stops everything, with a text for the user. */
class Final extends Error {}

/** What the page is asked for with. Behind "#?" it is not seen by anybody, in contrast to what is behind "?". */
function query() {
  const hidden = location.hash.startsWith("#?") ? location.hash.slice(2) : "";
  return [location.search.slice(1), hidden].filter(Boolean).join("&");
}

/** Runs what opens or verifies. What fails there was altered. */
async function proved(run) {
  try { return await run(); }
  catch (error) { throw new Final(TEXTS.altered); }
}

/* ---- the shell ---- */

const MEANINGS = { 400: TEXTS.altered, 401: TEXTS.refused, 403: TEXTS.refused, 404: TEXTS.refused };

async function post(url, body, token) {
  const headers = { "Content-Type": "application/octet-stream", ...(token ? { "X-Htag": token } : {}) };
  const options = { method: "POST", credentials: "same-origin", redirect: "manual", cache: "no-store" };
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), PATIENCE);
  try {
    const response = await fetch(url, { ...options, headers, body, signal: limit.signal });
    const { ok, status, type } = response;
    const code = response.headers.get("X-Htag");
    if (type === "opaqueredirect") throw new Final(TEXTS.refused);
    if (code === "foreign") throw Object.assign(new Final(TEXTS.foreign), { foreign: true });
    if (code === "locked") throw new Final(TEXTS.locked);
    if (code === "app") throw Object.assign(new Final(TEXTS.log), { app: true });
    if (code === "refused" && !token) throw new Final(TEXTS.elsewhere);
    if (code === "refused") throw Object.assign(new Final(TEXTS.refused), { other: true });
    if (status in MEANINGS) throw new Final(MEANINGS[status]);
    if (!ok) throw { busy: status > 425, wait: Number(response.headers.get("Retry-After")) * 1000 };
    if (/html/i.test(response.headers.get("Content-Type"))) throw new Final(TEXTS.answered);
    return { bytes: new Uint8Array(await response.arrayBuffer()), token: code };
  } finally { clearTimeout(timer); }
}

/** One try: the handshake, and the page. */
async function enter(shell) {
  const { origin = location.origin, path, pin, secret } = shell;
  const own = await identity();
  const handshake = new Handshake(origin, path, { pin, secret, identity: own });
  const second = await post(shell.key, await handshake.first());
  const { third, channel } = await proved(() => handshake.finish(second.bytes));
  const { seq, record } = await channel.seal(utf8(JSON.stringify({ query: query(), kept: own.kept })));
  const { bytes } = await post(shell.page, joined(third, record), second.token);
  const page = parsed(await proved(() => channel.open(bytes, seq)));
  if (page.error) throw Object.assign(new Final(page.error), { app: true, trace: page.trace });
  return { html: page.html, channel };
}

/** What the user sees until there is a page. Returns what adds a button. */
function tell(text, title, trace) {
  const { body, documentElement } = document;
  documentElement.style.colorScheme = "light dark"; // by script: a policy may forbid it in HTML
  body.style.cssText = "font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:12vh auto;padding:0 1.5rem";
  const add = (name, content) => {
    const element = document.createElement(name);
    element.textContent = content;
    body.append(element);
    return element;
  };
  body.textContent = "";
  if (title) add("h1", (document.title = title));
  add("p", text).setAttribute("role", "status");
  if (trace) add("pre", trace).style.cssText = "overflow:auto;padding:1rem;border:1px solid;border-radius:.5rem";
  return (label, act) => (add("button", label).onclick = act);
}

async function beginAnew(url) {
  await fetch(url, { method: "POST", credentials: "same-origin", headers: { "X-Htag": "forget" } });
  location.reload();
}

/** Loads the page again when the app has other code than that which has failed. */
async function watch(url) {
  const look = async () => (await fetch(url)).text();
  for (const failed = await look(); ; await pause(500)) {
    try { if ((await look()) !== failed) location.reload(); }
    catch (error) { /* the server starts again, perhaps */ }
  }
}

async function run(shell) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { html, channel } = await enter(shell);
      window.htagSeal = (client) => seal(client, channel);
      document.open();
      document.write(html);
      document.close();
      return;
    } catch (error) {
      const other = error.other && attempt < AGAIN; // a tab that was opened meanwhile has begun another session
      if (error instanceof Final && !other) {
        const text = shell.pin && error.message === TEXTS.altered ? TEXTS.pinned : error.message;
        const button = tell(text, error.app && TEXTS.failed, error.trace);
        if (error.foreign) button("Begin a new session", () => beginAnew(shell.key));
        else button("Reload", () => location.reload());
        if (error.app && shell.code) watch(shell.code);
        return;
      }
      if (attempt && !other) tell(error.busy ? TEXTS.busy : TEXTS.lost);
      // Full jitter: a thousand pages must not come back at once.
      await pause(Math.max(error.wait || 0, Math.random() * Math.min(30000, 500 * 2 ** attempt)));
    }
  }
}

/* ---- the page ---- */

/** Has all that `client` of htagweb.js posts sealed, and opens what it is answered. */
function seal(client, channel) {
  const send = client.post.bind(client);

  function stop() {
    client.end("ended", TEXTS.altered);
    throw new Error(TEXTS.altered);
  }

  async function opened(record, seq) {
    try { return await channel.open(record, seq); }
    catch (error) { return stop(); }
  }

  client.post = async (name, text, deadline) => {
    for (let attempt = 1; ; attempt += 1) {
      // Each try is another record: its number is for once. That the call runs once is for the number in it.
      const { seq, record } = await channel.seal(utf8(text));
      try {
        const response = await send(name, record, deadline);
        return {
          json: async () => parsed(await opened(new Uint8Array(await response.arrayBuffer()), seq)),
          get body() { return response.body.pipeThrough(events((data) => opened(data, seq))); },
        };
      } catch (error) {
        if (error.code === "altered") stop();
        if (error.status !== 425) throw error;
        if (attempt === AGAIN) throw Object.assign(error, { verdict: "retry" }); // after a while
      }
    }
  };

  client.leave = async () => {
    const { token, urls } = client.boot;
    const { record } = await channel.seal(utf8("{}"));
    const headers = { "Content-Type": "application/octet-stream", "X-Htag": token };
    const options = { method: "POST", credentials: "same-origin", keepalive: true };
    await fetch(urls.leave, { ...options, headers, body: record }).catch(() => {}); // who cannot say so is not heard of
  };

  addEventListener("hashchange", () => location.hash.startsWith("#?") && location.reload());
}

/** Passes a stream of events on, line by line, with its sealed data opened. What is in clear says nothing but {}. */
function events(open) {
  const decoder = new TextDecoder();
  let rest = "";
  return new TransformStream({
    async transform(chunk, controller) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop();
      if (!lines.length) controller.enqueue(utf8(":.\n")); // a comment: a large event on a slow line is no silence
      for (const line of lines) {
        const [isData, said] = /^data:? ?(.*?)\r?$/s.exec(line) || [];
        const opened = isData && said !== "{}" ? joined(utf8("data: "), await open(octets(said))) : utf8(line);
        controller.enqueue(joined(opened, utf8("\n")));
      }
    },
  });
}

/** What stands there in base64; nothing where it does not. */
function octets(text) {
  try { return Uint8Array.from(atob(JSON.parse(text)), (letter) => letter.charCodeAt(0)); }
  catch (error) { return new Uint8Array(0); }
}

const source = document.getElementById("htag-shell");
if (source) run(JSON.parse(source.textContent));
