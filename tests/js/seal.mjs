// What static/seal.js has, for tests.

import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import { runInThisContext } from "node:vm";

globalThis.crypto ??= webcrypto;

const names = ["Altered", "Channel", "Handshake", "Noise", "agree", "crypt", "derive", "identity", "noble", "padded", "prologue"];
const read = (name) => readFileSync(new URL(`../../htagweb_flask/static/${name}`, import.meta.url), "utf8");
const code = ["vendor/noble.min.js", "seal.js"].map(read).join("\n");
export const seal = runInThisContext(`(function () { "use strict"; ${code}\nreturn { ${names} }; })`)();

/** The identity that has this private key. */
seal.known = (secret) => ({
  key: seal.noble.x25519.getPublicKey(secret),
  agree: async (theirs) => seal.agree(secret, theirs),
});
