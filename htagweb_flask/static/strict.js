/* For pages under a policy that lets only marked scripts run (`csp="strict"`).
 *
 * The handlers of tags come beside the html, in a table, and the html names them: data-htag-on="click:KEY". Here
 * they become what an attribute would have made of them. Their code, and what Python has the page run, is put into
 * script elements that carry the nonce of the page, in place of eval. */

const HANDLED = "data-htag-on";
/** The names that a handler in an attribute finds beside those of the page: of its document, form and element. */
const INSIDE =
  "with(this===window?{}:document)with(this.form instanceof HTMLFormElement?this.form:{})with(this===window?{}:this)";

/** What htag 2's own client does when a script of Python fails. */
function scriptFailed(error, code) {
  console.error("htag: eval error for", code, error);
  const trace = `${error.message}\nSource: ${code}`;
  window._error_overlay?.show("JS Eval Error", trace);
  window.htag_transport({ action: "log_error", error: `JS Eval Error: ${trace}` });
}

class Strict {
  constructor({ on }) {
    this.nonce = document.currentScript.nonce;
    Object.assign(this, { codes: { ...on }, handlers: new Map(), bound: new WeakMap() });
    this.observer = new MutationObserver((records) => this.look(records));
    this.observer.observe(document, { childList: true, subtree: true, attributeFilter: [HANDLED] });
  }

  /** Handlers that the html of a payload will name. */
  learn({ on }) { Object.assign(this.codes, on); }

  /** Binds what was drawn just now: a script that comes with it may click on it. */
  bind() { this.look(this.observer.takeRecords()); }

  look(records) {
    for (const { type, target, addedNodes } of records) {
      if (type === "attributes") this.equip(target);
      for (const node of addedNodes) {
        if (node.nodeType !== Node.ELEMENT_NODE) continue;
        if (node.hasAttribute(HANDLED)) this.equip(node);
        node.querySelectorAll(`[${HANDLED}]`).forEach((inner) => this.equip(inner));
      }
    }
  }

  equip(element) {
    const before = this.bound.get(element) || {};
    const wanted = {};
    for (const named of (element.getAttribute(HANDLED) || "").split(" ")) {
      const [event, key] = named.split(":");
      if (key in this.codes && `on${event}` in element) wanted[event] = key;
    }
    for (const event of Object.keys(before)) if (!(event in wanted)) element[`on${event}`] = null;
    for (const [event, key] of Object.entries(wanted))
      if (before[event] !== key) element[`on${event}`] = this.handler(key, event === "error" && element === document.body);
    this.bound.set(element, wanted);
  }

  /** As with attributes, the code is read when it is wanted for the first time. */
  handler(key, ofWindow) {
    const names = ofWindow ? "event, source, lineno, colno, error" : "event";
    const id = `${key} ${ofWindow}`;
    const make = () => this.made(names, `${INSIDE}{${this.codes[key]}\n}`);
    if (!this.handlers.has(id)) {
      let made = null;
      this.handlers.set(id, function (...args) { return (made ??= make()).apply(this, args); });
    }
    return this.handlers.get(id);
  }

  run(code) { this.made("", code).call(window); }

  /** The function with this body. Throws its SyntaxError. */
  made(names, body) {
    const script = document.createElement("script");
    let failure = new Error("the Content-Security-Policy of the page stops its own scripts");
    const fail = (event) => {
      failure = event.error;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    script.nonce = this.nonce;
    script.textContent = `document.currentScript.made = function (${names}) {${body}\n}`;
    const { onerror } = window; // would be asked first
    window.onerror = null;
    addEventListener("error", fail);
    document.documentElement.append(script);
    removeEventListener("error", fail);
    window.onerror = onerror;
    script.remove();
    if (!script.made) throw failure;
    return script.made;
  }

  /** htag 2: loads and runs what its own client would have eval run. Returns what is left to do for that. */
  take(payload) {
    for (const html of payload?.statics || []) {
      const box = document.createElement("div");
      box.innerHTML = html.trim();
      const node = box.firstElementChild;
      if (node) document.head.append(node.localName === "script" ? this.copy(node) : node);
    }
    for (const code of payload?.js || []) {
      try { this.run(code); }
      catch (error) { scriptFailed(error, code); }
    }
    return payload && { ...payload, statics: [], js: [] };
  }

  /** A script that runs. */
  copy(node) {
    const script = document.createElement("script");
    for (const { name, value } of node.attributes) script.setAttribute(name, value);
    Object.assign(script, { async: false, nonce: this.nonce, textContent: node.textContent });
    return script;
  }
}
