// What parano needs of noble, for one small file: scripts/vendor.py has esbuild put it together.
//
// X25519 is noble's Montgomery ladder with the parameters of RFC 7748 section 5, as its documentation shows it.
// Its ready-made x25519 would bring Edwards curves along, which double the size to make one step faster.

import { gcm } from "@noble/ciphers/aes.js";
import { pow } from "@noble/curves/abstract/modular.js";
import { montgomery } from "@noble/curves/abstract/montgomery.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

const P = 2n ** 255n - 19n;

const x25519 = montgomery({
  P,
  type: "x25519",
  adjustScalarBytes(bytes) {
    bytes[0] &= 248;
    bytes[31] = (bytes[31] & 127) | 64;
    return bytes;
  },
  powPminus2: (x) => pow(x, P - 2n, P),
});

export { gcm, hmac, sha256, x25519 };
