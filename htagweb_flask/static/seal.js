/* Parano, the page's side: the handshake and the records. What they are is said in seal.py and noise.py.
 *
 * Computed by noble, the same on http and on https: browsers have no WebCrypto on plain http. Where there is one it
 * keeps the page's key, and seals what is large. */

const { gcm, hmac, sha256, x25519 } = noble;

const VERSION = 1;
const [PINNED, SECRET] = [1, 2];
const SUITES = ["XN", "XK", "XNpsk3", "XKpsk3"]; // for each sum of the two
const [KEY, TAG, HEADER] = [32, 16, 12]; // bytes
const [ASKS, ANSWERS] = [1, 2];
const [BACK, AHEAD] = [256, 4096]; // see seal.py
const EPOCH = 2 ** 16; // records under one key
const LAST = 2 ** 32; // records of one direction
const LARGE = 32 * 1024; // from that size on WebCrypto is faster, though it has to be waited for
const NOTHING = new Uint8Array(0);

/** What was sealed for somebody else, or was changed on its way. */
class Altered extends Error {}

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  parts.reduce((at, part) => { all.set(part, at); return at + part.length; }, 0);
  return all;
}

/** A number in so many bytes, big-endian. */
function bigEndian(number, size) {
  const bytes = new Uint8Array(size);
  for (let at = size - 1; at >= 0; at -= 1, number = Math.floor(number / 256)) bytes[at] = number % 256;
  return bytes;
}

/** HKDF of Noise (section 4.3): that of RFC 5869 with the chaining key as salt, where Noise has no `info`. */
function derive(chaining, material, count, info = NOTHING) {
  const [keys, secret] = [[], hmac(sha256, chaining, material)];
  for (let each = 1; each <= count; each += 1) {
    keys.push(hmac(sha256, secret, joined(keys.at(-1) || NOTHING, info, [each])));
  }
  return keys;
}

/** The nonce of that number: 32 bits of zeros before it (Noise, section 12.4). */
const nonceOf = (number) => bigEndian(number, 12);

/** Encrypts or decrypts. */
async function crypt(way, key, nonce, beside, data) {
  const { subtle } = globalThis.crypto;
  try {
    if (!subtle || data.length < LARGE) return gcm(key, nonce, beside)[way](data);
    const imported = await subtle.importKey("raw", key, "AES-GCM", false, [way]);
    return new Uint8Array(await subtle[way]({ name: "AES-GCM", iv: nonce, additionalData: beside }, imported, data));
  } catch (error) { throw new Altered(error.message); }
}

/** Rekey() of Noise (section 4.2): under the last nonce. */
function rekey(key) {
  const last = joined(new Uint8Array(4), new Uint8Array(8).fill(255));
  return gcm(key, last).encrypt(new Uint8Array(KEY)).subarray(0, KEY);
}

/** The side of a Noise handshake that begins it: XN, or XK when `pin`, the server's key, is known; with psk3 when
 * there is a `secret` of 32 bytes. `ephemeral` is for test vectors alone. */
class Noise {
  constructor(prologue, { pin, secret, identity, ephemeral = x25519.utils.randomSecretKey() }) {
    const octets = (key) => key && Uint8Array.from(key); // they come in JSON
    Object.assign(this, { pin: octets(pin), secret: octets(secret), identity, ephemeral, key: null, number: 0 });
    const name = new TextEncoder().encode(`Noise_${SUITES[suiteOf(this)]}_25519_AESGCM_SHA256`);
    this.chaining = this.hash = name.length > KEY ? sha256(name) : joined(name, new Uint8Array(KEY - name.length));
    this.mixHash(prologue);
    if (pin) this.mixHash(pin);
  }

  mixHash(data) { this.hash = sha256(joined(this.hash, data)); }

  mixKey(material) {
    [this.chaining, this.key] = derive(this.chaining, material, 2);
    this.number = 0;
  }

  mixEphemeral(key) {
    this.mixHash(key);
    if (this.secret) this.mixKey(key);
  }

  async crypt(way, data) {
    const result = this.key ? await crypt(way, this.key, nonceOf(this.number), this.hash, data) : data;
    this.number += 1;
    this.mixHash(way === "encrypt" ? result : data);
    return result;
  }

  /** -> e, with es when the server's key is known. */
  async first(payload = NOTHING) {
    const key = x25519.getPublicKey(this.ephemeral);
    this.mixEphemeral(key);
    if (this.pin) this.mixKey(agree(this.ephemeral, this.pin));
    return joined(key, await this.crypt("encrypt", payload));
  }

  /** <- e, ee */
  async second(message) {
    this.theirs = message.slice(0, KEY);
    if (this.theirs.length < KEY) throw new Altered("a message that is cut");
    this.mixEphemeral(this.theirs);
    this.mixKey(agree(this.ephemeral, this.theirs));
    return this.crypt("decrypt", message.subarray(KEY));
  }

  /** -> s, se, with psk where there is a secret. */
  async third(payload = NOTHING) {
    const key = await this.crypt("encrypt", this.identity.key);
    this.mixKey(await this.identity.agree(this.theirs));
    if (this.secret) {
      const [chaining, mixed, next] = derive(this.chaining, this.secret, 3);
      this.mixHash(mixed);
      Object.assign(this, { chaining, key: next, number: 0 });
    }
    return joined(key, await this.crypt("encrypt", payload));
  }

  /** The keys for what the page says, and for what it hears. */
  split() { return derive(this.chaining, NOTHING, 2); }
}

const suiteOf = ({ pin, secret }) => (pin ? PINNED : 0) + (secret ? SECRET : 0);

function agree(mine, theirs) {
  try { return x25519.getSharedSecret(mine, theirs); } // throws where the result would not be secret
  catch (error) { throw new Altered(error.message); }
}

/** What both sides must see in the same way before they agree on keys. */
function prologue(suite, origin, mount) {
  const texts = ["htagweb_flask parano", String.fromCharCode(VERSION), SUITES[suite], origin, mount];
  const parts = texts.map((text) => new TextEncoder().encode(text));
  return joined(...parts.flatMap((part) => [bigEndian(part.length, 2), part]));
}

/** A handshake with the server for the app that is mounted at `mount` of `origin`. `known` are the `identity` of the
 * browser and, where they are known, `pin` and `secret`: 32 bytes each. */
class Handshake {
  constructor(origin, mount, known) {
    this.suite = suiteOf(known);
    this.noise = new Noise(prologue(this.suite, origin, mount), known);
  }

  /** The message to begin with. */
  async first() { return joined([VERSION, this.suite], await this.noise.first()); }

  /** What is to go in front of the first record, and the channel for it. Throws Altered unless the answer came
   * from the server that has the pinned key. */
  async finish(answer) {
    if ((await this.noise.second(answer)).length) throw new Altered("a second message with something in it");
    const third = await this.noise.third();
    return { third, channel: new Channel(...this.noise.split()) };
  }
}

/** The keys of one direction, by epoch. */
class Ratchet {
  constructor(key) { this.keys = new Map([[0, key]]); }

  /** That of an epoch; with `keep`, those before the last are forgotten. */
  key(epoch, keep) {
    let newest = Math.max(...this.keys.keys());
    if (epoch <= newest) return this.keys.get(epoch);
    let key = this.keys.get(newest);
    const passed = [];
    for (; newest < epoch; newest += 1) passed.push([newest, key], [newest + 1, (key = rekey(key))]);
    if (keep) this.keys = new Map(passed.filter(([each]) => each >= epoch - 1));
    return key;
  }
}

/** What the page says and hears: it seals what asks, and opens what answers. A server does it the other way round. */
class Channel {
  constructor(says, hears) {
    Object.assign(this, { says: new Ratchet(says), hears: new Ratchet(hears), said: 0, next: 0, seen: new Set() });
  }

  /** The next record, and its number, which is for the answer to name. */
  async seal(message, answers) {
    const seq = this.said++;
    if (seq >= LAST) throw new Altered("this channel has said all that it can say");
    const [header, beside] = this.beside(seq, answers);
    const text = new Uint8Array(padded(4 + message.length));
    text.set(bigEndian(message.length, 4));
    text.set(message, 4);
    const key = this.says.key(Math.floor(seq / EPOCH), true);
    return { seq, record: joined(header, await crypt("encrypt", key, nonceOf(seq), beside, text)) };
  }

  /** The message of a record that answers our record of that number. Throws Altered. */
  async open(record, answers) {
    if (record.length < HEADER + 4 + TAG) throw new Altered("too short for a record");
    const number = record.subarray(4, HEADER).reduce((sum, byte) => sum * 256 + byte, 0);
    const [header, beside] = this.beside(number, answers);
    if (number >= LAST || header.some((byte, at) => byte !== record[at])) throw new Altered("not a record of this kind");
    this.check(number);
    const key = this.hears.key(Math.floor(number / EPOCH));
    const text = await crypt("decrypt", key, nonceOf(number), beside, record.subarray(HEADER));
    this.check(number); // once more: another one may have been opened meanwhile
    this.seen.add(number);
    if (number >= this.next) {
      for (let late = this.next - BACK; late <= number - BACK; late += 1) this.seen.delete(late);
      this.next = number + 1;
      this.hears.key(Math.floor(number / EPOCH), true);
    }
    const size = text.subarray(0, 4).reduce((sum, byte) => sum * 256 + byte, 0);
    if (text.length !== padded(4 + size)) throw new Altered("not padded as it should be");
    return text.subarray(4, 4 + size);
  }

  check(number) {
    if (number < this.next - BACK || this.seen.has(number)) throw new Altered("opened before, or too late");
    if (number >= this.next + AHEAD) throw new Altered("too far ahead");
  }

  /** The header of a record, and all that its tag vouches for beside the text. */
  beside(number, answers) {
    const kind = answers === undefined ? ASKS : ANSWERS;
    const epoch = Math.floor(number / EPOCH) % EPOCH;
    const header = joined([VERSION, kind], bigEndian(epoch, 2), bigEndian(number, 8));
    return [header, kind === ASKS ? header : joined(header, bigEndian(answers, 8))];
  }
}

/** The size that a text of that size is given: at most 12 % more (Padmé). */
function padded(size) {
  const exponent = Math.floor(Math.log2(size));
  const step = 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1);
  return Math.ceil(size / step) * step;
}

/** The key by which servers know this browser again, kept for this origin. Where it cannot be kept it is for this page
 * alone. Returns { key: the public one, kept, agree(theirs) }. */
async function identity() {
  const made = await newIdentity();
  const { key, secret, passing } = await kept(made).catch(() => ({ ...made, passing: true }));
  if (secret instanceof Uint8Array) return { key, kept: !passing, agree: async (theirs) => agree(secret, theirs) };
  return {
    key,
    kept: !passing,
    async agree(theirs) {
      const name = "X25519";
      const imported = await crypto.subtle.importKey("raw", theirs, name, false, []);
      return new Uint8Array(await crypto.subtle.deriveBits({ name, public: imported }, secret, 256));
    },
  };
}

/** One that no script can read, where the browser has that. */
async function newIdentity() {
  try {
    const { privateKey, publicKey } = await crypto.subtle.generateKey("X25519", false, ["deriveBits"]);
    return { key: new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)), secret: privateKey };
  } catch { // on plain http, or an older browser
    const secret = x25519.utils.randomSecretKey();
    return { key: x25519.getPublicKey(secret), secret };
  }
}

/** The one that is kept; `made`, which is kept from now on, where there is none. */
async function kept(made) {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = request.oncomplete = () => resolve(request.result);
    request.onerror = request.onabort = () => reject(request.error);
  });
  const opening = indexedDB.open("htag", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("parano");
  const database = await done(opening);
  try {
    const transaction = database.transaction("parano", "readwrite");
    const store = transaction.objectStore("parano");
    const found = await done(store.get("identity"));
    if (!found) store.put(made, "identity");
    await done(transaction);
    return found || made;
  } finally { database.close(); }
}
