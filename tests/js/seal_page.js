// A page with static/seal.js that does as it is told, in Node and in browsers: a function of what that script has.
// Bytes are hexadecimal texts.

(seal) => {
  const bytes = (text) => text && Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
  const data = (text) => bytes(text) || new Uint8Array(0);
  const hex = (array) => Array.from(array, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const identity = (secret) => ({
    key: seal.noble.x25519.getPublicKey(secret),
    agree: async (theirs) => seal.agree(secret, theirs),
  });

  /** What is made of a published vector, by its kind. */
  const made = {
    x25519: async ({ private: mine, public: theirs }) => hex(seal.agree(data(mine), data(theirs))),
    hkdf: async ({ salt, ikm, info, size }) =>
      hex(seal.joined(...seal.derive(data(salt), data(ikm), Math.ceil(size / 32), data(info)))).slice(0, 2 * size),
    encrypt: async ({ key, iv, aad, msg }) => hex(await seal.crypt("encrypt", data(key), data(iv), data(aad), data(msg))),
    decrypt: async ({ key, iv, aad, ct, tag }) =>
      hex(await seal.crypt("decrypt", data(key), data(iv), data(aad), data(ct + tag))),

    async noise({ pattern, prologue, init_static, init_ephemeral, resp_public, psk, messages, rekey }) {
      const known = { identity: identity(data(init_static)), ephemeral: data(init_ephemeral) };
      if (pattern.includes("K")) known.pin = data(resp_public);
      if (pattern.includes("psk")) known.secret = data(psk);
      const noise = new seal.Noise(data(prologue), known);
      const said = [await noise.first(data(messages[0].payload)), await noise.second(data(messages[1].ciphertext))];
      said.push(await noise.third(data(messages[2].payload)));
      const keys = noise.split();
      for (let turn = 3; turn < messages.length; turn += 1) {
        const [side, number] = [(turn + 1) % 2, Math.floor((turn - 3) / 2)]; // 0: the page hears, and 3 is the server's
        if (turn >= rekey) keys[1 - side] = seal.rekey(keys[1 - side]);
        const { payload, ciphertext } = messages[turn];
        const [way, text] = side ? ["encrypt", payload] : ["decrypt", ciphertext];
        said.push(await seal.crypt(way, keys[1 - side], seal.nonceOf(number), new Uint8Array(0), data(text)));
      }
      return [hex(noise.hash), ...said.map(hex)];
    },
  };

  let handshake, channel;
  return {
    async first({ origin, mount, pin, secret, identity: mine, ephemeral }) {
      const known = { pin: bytes(pin), secret: bytes(secret) };
      known.identity = mine ? identity(bytes(mine)) : await seal.identity();
      if (ephemeral) known.ephemeral = bytes(ephemeral);
      handshake = new seal.Handshake(origin, mount, known);
      return hex(await handshake.first());
    },
    async finish({ answer }) {
      const done = await handshake.finish(bytes(answer));
      channel = done.channel;
      return hex(done.third);
    },
    async seal({ message, number }) {
      channel.said = number ?? channel.said;
      return hex((await channel.seal(bytes(message))).record);
    },
    open: async ({ record, answers }) => hex(await channel.open(bytes(record), answers)),
    twice: async ({ record, answers }) => {
      const both = [0, 0].map(() => channel.open(bytes(record), answers));
      return (await Promise.allSettled(both)).map(({ status }) => status);
    },
    epochs: async () => [channel.hears, channel.says].map(({ keys }) => [...keys.keys()]),
    identity: async () => hex((await seal.identity()).key),
    vectors: ({ kind, vectors }) => Promise.all(vectors.map(async (vector) => {
      try { return await made[kind](vector); }
      catch (error) {
        if (error instanceof seal.Altered) return "refused";
        throw error;
      }
    })),
  };
}
