/* What the user has entered, carried over to the page that follows one whose instance is gone.
 *
 * A field counts for as long as it holds what the user gave it: what the server has put there since is the server's.
 * The new page knows it by name and place, as ids are those of an instance. Passwords are not kept. */

const ENTRIES_KEPT = 60 * SECOND; // a page may have to wait for its pool
const ENTRIES_KEPT_IN_DEBUG = 3600 * SECOND; // or for its author to mend it

/** What the user changes of a field, as the name of a property. */
function enteredIn(field) {
  if (field.isContentEditable) return "innerHTML";
  return /^(password|hidden)$/.test(field.type) ? undefined : stateOf(field)[0];
}

const chosenIn = ({ options }) => [...options].map((option) => option.selected && option.value);
const entryOf = (field) => (field.nodeName === "SELECT" ? chosenIn(field) : field[enteredIn(field)]);
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const kindOf = ({ nodeName, type, name }) => `${nodeName} ${type} ${name}`;

/** The way from the body to an element, as a selector. */
function placeOf(element) {
  const steps = [];
  for (let node = element; node && node !== document.body; node = node.parentElement)
    steps.unshift(`:nth-child(${[...node.parentElement.children].indexOf(node) + 1})`);
  return ["body", ...steps].join(">");
}

class Entries {
  /** `session` tells the sessions of the browser apart: the next user gets nothing of this one. */
  constructor({ session, debug }) {
    Object.assign(this, { session, fields: new Map(), limit: debug ? ENTRIES_KEPT_IN_DEBUG : ENTRIES_KEPT });
  }

  /** To be called before anything is entered. */
  listen() {
    addEventListener("input", ({ target }) => target.localName && this.note(target), true);
  }

  note(field) { this.fields.set(idOf(field) || field, entryOf(field)); } // drawn as a new node it has the same id

  origin() { return { session: this.session, path: location.pathname + location.search }; }

  /** The page ends, and the next one is to have this. */
  keep() {
    const entries = [];
    for (const [key, value] of this.fields) {
      const field = key.nodeName ? key : document.getElementById(key);
      if (value !== undefined && field?.isConnected && isSame(entryOf(field), value))
        entries.push([placeOf(field), kindOf(field), field.name, value]);
    }
    const { activeElement: active, body } = document;
    const caret = [active?.selectionStart, active?.selectionEnd, active?.selectionDirection];
    const focus = active && active !== body ? [placeOf(active), kindOf(active), ...caret] : null;
    const scrolled = [...body.querySelectorAll("*")]
      .filter((node) => node.scrollTop || node.scrollLeft)
      .map((node) => [placeOf(node), { scrollLeft: node.scrollLeft, scrollTop: node.scrollTop }]);
    const kept = JSON.stringify({ ...this.origin(), at: Date.now(), entries, focus, scrolled });
    withStorage((storage) => (storage.htagEntries = kept));
  }

  /** Enters again what the page before has kept. Returns the fields that this has changed. */
  restore() {
    const kept = withStorage((storage) => JSON.parse(storage.htagEntries || "{}"));
    withStorage((storage) => delete storage.htagEntries);
    const { session, path } = this.origin();
    if (kept?.session !== session || kept.path !== path || Date.now() - kept.at > this.limit) return [];
    const changed = kept.entries.map((entry) => this.enter(...entry)).filter(Boolean);
    const [place, kind, ...caret] = kept.focus || [];
    const focused = place && document.querySelector(place);
    if (focused && kindOf(focused) === kind) {
      focused.focus({ preventScroll: true });
      if (Number.isInteger(caret[0])) focused.setSelectionRange(...caret);
    }
    for (const [where, position] of kept.scrolled) Object.assign(document.querySelector(where) || {}, position);
    return changed;
  }

  enter(place, kind, name, value) {
    const alike = name ? [...document.getElementsByName(name)].filter((each) => kindOf(each) === kind) : [];
    const there = document.querySelector(place);
    const field = there && kindOf(there) === kind ? there : alike.length === 1 && alike[0];
    if (!field || isSame(entryOf(field), value)) return null;
    if (field.nodeName === "SELECT") [...field.options].forEach((option) => (option.selected = value.includes(option.value)));
    else field[enteredIn(field)] = value;
    this.note(field);
    return field;
  }
}
