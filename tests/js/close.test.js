import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CLOSE, policyOf } from "../../static/chat/close.js";

const source = readFileSync(new URL("../../chat/wire/close.py", import.meta.url), "utf8");

/** @param {RegExp} pattern @returns {Record<string, string>} */
function table(pattern) {
  return Object.fromEntries([...source.matchAll(pattern)].map(([, key, value]) => [key, value]));
}

test("the client's close codes and policies are the server's", () => {
  const codes = table(/^ {4}([A-Z_]+) = (\d{4})$/gm);
  const words = table(/^ {4}([A-Z_]+) = "([a-z ]+)"/gm);
  const policies = table(/Close\.([A-Z_]+): Policy\.([A-Z_]+),/g);
  assert.ok(Object.keys(codes).length >= 10);
  assert.deepEqual(Object.keys(policies).toSorted(), Object.keys(codes).toSorted());
  const theirs = Object.fromEntries(
    Object.entries(codes).map(([name, code]) => [name, { code: Number(code), policy: words[policies[name] ?? ""] }]),
  );
  assert.deepEqual({ ...CLOSE }, theirs);
});

test("a close nobody numbered is a lost network", () => {
  assert.equal(policyOf(1006), "after a pause");
  assert.equal(policyOf(4413), "stop");
});
