/* What differs between the generations of htag: what their pages call, and how a payload is applied. */

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
      if (message) client.overlay?.show(`${kind} ERROR`, text);
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
    client.strict?.bind();
    if (post) guard(client.run, post);
    if (next) painted().then(() => guard(client.run, next)); // each step of a generator is to be seen
    if (err !== undefined) report(err, "PYTHON");
  }

  const globals = {
    jevent,
    try_js: (code) => guard(client.run, code),
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
  return { globals, apply, report, dropped() {}, entered() {} };
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
      const rest = payload?.updates ? { ...payload, updates: {} } : payload;
      client.strict?.bind();
      window.handle_payload(client.strict ? client.strict.take(rest) : rest, "htagweb");
      window._sync_interacting?.(); // a body that was drawn anew has lost its class
    },
    /** An instance hears of each key, and this one has not. Nothing is bound to that event: nothing runs. */
    entered(field) {
      const id = field.getAttribute("data-htag-id") || idOf(field);
      const [shown] = stateOf(field);
      const data = shown === "checked" ? { value: field.checked, checked: field.checked } : { value: field.value };
      if (id && data.value !== undefined) client.queue.send({ id, event: "htag-entered", data });
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
