// A page with the real static/seal.js, driven by lines of JSON: { do, ... } in, { result } or { error } out.
// Bytes are hexadecimal texts.

import { createInterface } from "node:readline";

import { seal } from "./seal.mjs";

const bytes = (text) => text && Uint8Array.from(Buffer.from(text, "hex"));
const text = (data) => Buffer.from(data).toString("hex");

let handshake, channel;
const can = {
  async first({ origin, mount, pin, secret, identity, ephemeral }) {
    const known = { pin: bytes(pin), secret: bytes(secret), identity: await seal.identity() };
    if (identity) known.identity = seal.known(bytes(identity));
    if (ephemeral) known.ephemeral = bytes(ephemeral);
    handshake = new seal.Handshake(origin, mount, known);
    return text(await handshake.first());
  },
  async finish({ answer }) {
    const { third, ...rest } = await handshake.finish(bytes(answer));
    channel = rest.channel;
    return text(third);
  },
  async seal({ message, number }) {
    channel.said = number ?? channel.said;
    return text((await channel.seal(bytes(message))).record);
  },
  async open({ record, answers }) { return text(await channel.open(bytes(record), answers)); },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...values } = JSON.parse(line);
  let said;
  try { said = { result: await can[name](values) }; }
  catch (error) { said = { error: `${error.constructor.name}: ${error.message}` }; }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
