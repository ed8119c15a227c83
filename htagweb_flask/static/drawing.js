/* The document as the server draws it, in the hands of the user.
 *
 * A tag that is drawn anew is morphed by Idiomorph, not replaced: what is still there (by its id) stays the same
 * node, with its focus, caret, scroll position, chosen file, running video. Beyond that:
 *
 * 1. The server's html wins over what scripts have made of the page, as it does with outerHTML. Custom elements,
 *    what is contenteditable, and tags with data-htag-keep own their attributes and content for as long as the
 *    server says the same of them.
 * 2. What the user did (typed, ticked, chose, opened, resized) wins over html that says the same as before. So a
 *    copy is kept of what was said last: `said`, a document that nobody sees.
 * 3. What the server says anew wins over what the user did, but not over a text that is being written.
 * 4. A tag whose script runs again (htag 1: tag.js) is a new node, and all that is in it, as its script expects:
 *    only what the user did in it is carried over. The body is a new node, too, but keeps what is in it. */

/** Attributes in which browsers write down what the user does. */
const USERS = { DETAILS: ["open"], DIALOG: ["open"], TEXTAREA: ["style"] };
/** What has a value, for htag 2: see pool/adapters/htag2_events.py. */
const CONTROLS = /^(input|select|textarea|button|option|output|meter|progress|.+-.*)$/i;
const FOCUS_EVENTS = ["focus", "blur", "focusin", "focusout", "change"];
/** The user has finished, at least for now, what is written in the field. */
const FINISHED = /^(change|submit|(dbl)?click)$/;

/** The element of that id. htag 2 gives those that have an id of their own another name. */
function find(root, id) {
  return root.getElementById(id) || root.querySelector(`[data-htag-id="${CSS.escape(id)}"]`);
}

/** [what the user sees, what the html says] of a field, as names of properties; or nothing. */
function stateOf({ nodeName, type }) {
  if (nodeName === "OPTION") return ["selected", "defaultSelected"];
  if (nodeName === "INPUT" && /^(checkbox|radio)$/.test(type)) return ["checked", "defaultChecked"];
  return (nodeName === "INPUT" && type !== "file") || nodeName === "TEXTAREA" ? ["value", "defaultValue"] : [];
}

/** What the html says of a field. htag 2 has the text of each in its attribute `value`. */
function saidOf(field, [, name] = stateOf(field)) {
  return (field.nodeName === "TEXTAREA" ? field.getAttribute("value") : null) ?? field[name];
}

/** What the html says of a select. */
function saidOfSelect(select) {
  const chosen = [...select.querySelectorAll("option")].filter((option) => option.defaultSelected);
  return JSON.stringify([select.getAttribute("value"), ...chosen.map((option) => option.value)]);
}

/** Not element.id: in a form that is the field of that name, if there is one. */
const idOf = (element) => element.getAttribute("id");
const withIds = (root) => [root, ...root.querySelectorAll("[id]")].filter(idOf);

/** The tags with an id that `test` accepts, and all that they are in. */
function holders(root, test) {
  const found = new Set();
  for (let node of withIds(root).filter(test))
    for (; node && !found.has(node); node = node.parentNode) found.add(node);
  return found;
}

function sameContent(one, other) {
  const [nodes, others] = [one.childNodes, other.childNodes];
  return nodes.length === others.length && [...nodes].every((node, i) => node.isEqualNode(others[i]));
}

/** Whether a tag has its attributes and its content to itself. */
const ownsItself = (element) =>
  element.localName.includes("-") || element.hasAttribute("data-htag-keep") || element.hasAttribute("contenteditable");

class Drawing {
  /** `inFlight` tells the messages that the server has not answered yet. */
  constructor(inFlight = () => []) {
    Object.assign(this, { inFlight, said: null, writing: null, composing: null, echoes: [], busy: false });
  }

  /** To be called before anything changes the document. */
  listen() {
    const on = (name, run) => addEventListener(name, run, true);
    // Before scripts that wait for the document have changed it.
    document.addEventListener("readystatechange", () => this.begin(), { once: true });
    on("input", ({ target }) => (this.writing = target));
    on("compositionstart", ({ target }) => (this.composing = target));
    on("compositionend", () => (this.composing = null));
    // A focus that is taken and given back is nobody's business: a handler might draw, and so on for ever.
    FOCUS_EVENTS.forEach((name) => on(name, (event) => this.busy && event.stopImmediatePropagation()));
  }

  begin() {
    this.said = document.implementation.createHTMLDocument("");
    this.said.body.replaceWith(this.said.importNode(document.body, true));
    // They may have drawn themselves already: what the server has said of them is not known.
    for (const tag of this.said.querySelectorAll("*")) tag.isGuess = ownsItself(tag) && !tag.hasAttribute("contenteditable");
  }

  /** Draws a tag anew. `fresh` are the ids of tags in it that have to be new nodes. */
  draw(id, html, fresh = []) {
    if (!this.said) this.begin();
    const body = id === "0";
    const element = body ? document.body : find(document, id);
    if (!element) return;
    const was = body ? this.said.body : find(this.said, id);
    const next = this.parse(html, element);
    if (!next) return void (element.outerHTML = html);
    const restore = this.hold(element);
    this.busy = true; // the events that this makes are no doing of the user
    try {
      this.morph(element, next, new Set(fresh.map(String)));
      restore();
    } finally { this.busy = false; }
    was?.replaceWith(next);
  }

  append(id, html) {
    if (!this.said) this.begin();
    for (const root of [document, this.said]) find(root, id)?.insertAdjacentHTML("beforeend", html);
  }

  /** The page calls: `message` will be sent, because of what happens now. */
  told(message) {
    if (!this.said) return; // a script of the head
    const { type, key, target: field } = window.event || {};
    if (FINISHED.test(type) || key === "Enter") {
      this.writing = null;
      this.echoes = this.echoes.filter(({ value }) => typeof value === "boolean"); // a tick is never half done
    }
    const [shown] = field?.nodeName ? stateOf(field) : [];
    // What was drawn before the server hears of it may say what it was, or what was told before.
    const told = shown && (shown === "checked" || this.writing === field);
    if (told) this.echoes.push(...[this.belief(field), field[shown]].map((value) => ({ message, field, value })));
    this.echoes = this.echoes.filter((echo) => this.inFlight().includes(echo.message) || echo.message === message);
    this.sync(message);
  }

  /** htag 2 takes over what an event tells of its tag, and does not draw that; here, of fields alone. */
  sync({ id, data }) {
    const tag = data && id && find(this.said, id);
    for (const name of tag && CONTROLS.test(tag.nodeName) ? ["value", "checked", "name"] : []) {
      const value = data[name];
      if (!(name in data) || (value && typeof value === "object")) continue;
      if (value === false || value === null || value === undefined) tag.removeAttribute(name);
      else tag.setAttribute(name, value === true ? "" : value);
    }
  }

  /** What the server has said of a field, or was told of it. */
  belief(field) { return saidOf(this.said.getElementById(idOf(field)) || field, stateOf(field)); }

  /** The html as a node, parsed as it would be in the place of `element`, where nothing is loaded or run. */
  parse(html, { parentNode, localName }) {
    const place = this.said.createElementNS(parentNode.namespaceURI, parentNode.localName);
    place.innerHTML = html;
    return place.querySelector(`:scope > ${localName === "body" ? localName : "*"}`);
  }

  morph(element, next, fresh) {
    const [anew, selects] = [[], new Map()];
    const withFresh = holders(next, (tag) => fresh.has(idOf(tag)));
    const wantedIds = new Set(withIds(next).map(idOf));
    const remaining = holders(element, (tag) => wantedIds.has(idOf(tag)));
    const beforeNodeMorphed = (live, wanted) => {
      if (live.nodeType !== Node.ELEMENT_NODE) return true;
      if (fresh.has(idOf(live)) && live !== document.body) {
        anew.push([live, wanted]);
        return false;
      }
      if (!withFresh.has(wanted) && live.isEqualNode(wanted) && this.twin(wanted)?.isEqualNode(wanted)) return false;
      if (live.nodeName === "SELECT") selects.set(live, this.choice(live, wanted));
      const goesOn = this.merge(live, wanted, withFresh.has(wanted));
      // Idiomorph would compare each new tag with all that go: 4 seconds for 2000 lines of a table.
      const going = goesOn ? [...live.children].filter((child) => idOf(child) && !remaining.has(child)) : [];
      going.forEach((child) => child.remove());
      return goesOn;
    };
    Idiomorph.morph(element, next, {
      restoreFocus: false,
      head: { style: "none" },
      callbacks: {
        beforeNodeMorphed,
        beforeAttributeUpdated: () => false, // merge() has done it
        afterNodeMorphed: (live) => selects.get(live)?.(),
        beforeNodeRemoved: (node) => node !== window._error_overlay, // htag 2's own
      },
    });
    for (const [live, wanted] of anew) live.replaceWith(this.carry(live, document.importNode(wanted, true), wanted));
    if (fresh.has(idOf(document.body)) && element === document.body) this.rehouse(element);
  }

  /** Merges what stands in a tag. Returns whether its content has to be looked at. */
  merge(live, next, hasFresh) {
    const was = this.twin(next);
    const own = ownsItself(next);
    if (own && !hasFresh && was?.isEqualNode(next)) return false;
    const keeps = this.keeps(live, next, was);
    const names = new Set([...live.getAttributeNames(), ...next.getAttributeNames()]);
    for (const name of names) {
      const wanted = next.getAttributeNode(name);
      const users = USERS[live.nodeName]?.includes(name);
      const same = was ? was.getAttribute(name) === next.getAttribute(name) : !own && live.hasAttributes();
      if (((users || own) && same) || wanted?.value === live.getAttribute(name)) continue;
      if (own && !was && !wanted) continue;
      if (wanted) live.setAttributeNode(wanted.cloneNode()); // setAttribute knows no namespaces
      else live.removeAttribute(name);
    }
    const [shown] = stateOf(next);
    if (shown && !keeps) live[shown] = saidOf(next);
    const written = own && (this.isWritten(live) || (was ? sameContent(was, next) : !next.hasChildNodes()));
    return !written || hasFresh;
  }

  /** Whether a field stays as it is: rules 2 and 3. */
  keeps(live, next, was) {
    const state = stateOf(next);
    if (!state[0]) return true;
    const wanted = saidOf(next, state);
    const before = saidOf(was || live, state);
    if (wanted === before) return true;
    const overtaken = this.echoes.some(
      (echo) => echo.field === live && echo.value === wanted && this.inFlight().includes(echo.message));
    if (overtaken && next.nodeName === "TEXTAREA") next.setAttribute("value", before);
    else if (overtaken) next[state[1]] = before; // what the server knows by now
    return overtaken || this.isWritten(live);
  }

  isWritten(field) {
    return this.composing === field || (this.writing === field && document.activeElement === field);
  }

  /** Returns what sets a select, once its options are merged, to what the user or the server has chosen. */
  choice(select, next) {
    const was = this.twin(next) || select;
    const chosen = [...select.selectedOptions].map((option) => option.value);
    const value = next.getAttribute("value");
    if (saidOfSelect(was) !== saidOfSelect(next))
      return () => { if (value !== null && value !== was.getAttribute("value")) select.value = value; };
    return () => {
      const options = [...select.options];
      if (!options.some((option) => chosen.includes(option.value))) return;
      options.forEach((option) => (option.selected = chosen.includes(option.value)));
    };
  }

  /** What was said before in the place of this node. What has no id is found by its place in what has one. */
  twin(next) {
    if (idOf(next)) return this.sameKind(this.said.getElementById(idOf(next)), next);
    const parent = next.parentElement && this.twin(next.parentElement);
    return parent ? this.sameKind(parent.children[[...next.parentElement.children].indexOf(next)], next) : null;
  }

  sameKind(was, next) { return was?.nodeName === next.nodeName && !was.isGuess ? was : null; }

  /** What the user did in `old` is done in `node`, a copy of `next` that will replace it. Returns `node`. */
  carry(old, node, next) {
    const byId = (root, id) => (idOf(root) === id ? root : root.querySelector(`[id="${CSS.escape(id)}"]`));
    for (const live of withIds(old)) {
      const [copy, wanted] = [byId(node, idOf(live)), byId(next, idOf(live))];
      if (!copy || copy.nodeName !== live.nodeName) continue;
      const was = this.twin(wanted);
      const [shown] = stateOf(live);
      if (shown && this.keeps(live, wanted, was)) copy[shown] = live[shown];
      if ("open" in live && was?.open === wanted.open) copy.open = live.open;
    }
    return node;
  }

  /** Moves what is in the body to a new one. */
  rehouse(old) {
    const body = old.cloneNode(false);
    old.after(body);
    for (const node of [...old.childNodes]) {
      if (body.moveBefore) body.moveBefore(node, null); // keeps focus, frames and all
      else body.append(node);
    }
    old.remove();
  }

  /** Returns what restores focus, selection and scroll positions. */
  hold(element) {
    const there = (node) => (node.isConnected ? node : document.getElementById(idOf(node)));
    const scrolled = [document.scrollingElement, element, ...element.querySelectorAll("*")]
      .filter((node) => node?.scrollTop || node?.scrollLeft)
      .map((node) => [node, node.scrollLeft, node.scrollTop]);
    const active = element.contains(document.activeElement) ? document.activeElement : null;
    const caret = active && [active.selectionStart, active.selectionEnd, active.selectionDirection];
    const selection = getSelection();
    const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
    return () => {
      const focused = active && there(active);
      if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
      const moved = caret && caret[0] !== null && focused?.setSelectionRange;
      if (moved && (focused.selectionStart !== caret[0] || focused.selectionEnd !== caret[1]))
        focused.setSelectionRange(...caret);
      const end = (node, offset) => Math.min(offset, (node.data ?? node.childNodes).length);
      const lost = selection.anchorNode !== anchorNode || selection.anchorOffset !== anchorOffset ||
        selection.focusNode !== focusNode || selection.focusOffset !== focusOffset;
      if (lost && anchorNode?.isConnected && focusNode.isConnected && !moved)
        selection.setBaseAndExtent(anchorNode, end(anchorNode, anchorOffset), focusNode, end(focusNode, focusOffset));
      for (const [node, left, top] of scrolled) Object.assign(there(node) || {}, { scrollLeft: left, scrollTop: top });
    };
  }
}
