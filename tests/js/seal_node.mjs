// Has a page (seal_page.js, whose code is the first line) do what the lines say that follow: { do, ... }. Answers each
// with a line, { result } or { error }.

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import { runInThisContext } from "node:vm";

globalThis.crypto ??= webcrypto;
let page;

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...values } = JSON.parse(line);
  let said;
  try {
    if (name === "load") page = runInThisContext(values.code);
    said = { result: name === "load" ? null : await page[name](values) };
  } catch (error) { said = { error: `${error.constructor.name}: ${error.message}` }; }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
