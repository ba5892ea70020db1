import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const root = new URL("../../static/chat/", import.meta.url);
const files = readdirSync(root, { recursive: true }).map(String).filter((name) => /\.(js|css)$/.test(name));
const read = (/** @type {string} */ name) => readFileSync(new URL(name, root));
const gzipped = (/** @type {Buffer} */ content) => gzipSync(content, { level: 9 }).length;

test("the launcher is at most 5 KB, as it lies", () => {
  assert.ok(gzipped(read("sdk.js")) <= 5 * 1024);
});

for (const name of files) {
  test(`${name} is short and keeps the rules`, () => {
    const text = read(name).toString();
    assert.ok(text.split("\n").length <= 301, "300 lines");
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
    assert.doesNotMatch(text, /postMessage\([^)]*["']\*["']/);
    assert.doesNotMatch(text, /TODO|FIXME/);
  });
}
