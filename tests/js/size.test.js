import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = new URL("../../static/chat/", import.meta.url);
const files = readdirSync(root, { recursive: true }).map(String).filter((name) => /\.(js|css)$/.test(name));
const read = (/** @type {string} */ name) => readFileSync(new URL(name, root));
const gzipped = (/** @type {Buffer} */ content) => gzipSync(content, { level: 9 }).length;

/** `build.js` builds when it is imported. */
const INWARD = new RegExp(/const INWARD = \/(.*)\/;/.exec(readFileSync(new URL("../../build.js", import.meta.url), "utf8"))?.[1] ?? "$^");

/** As it is released. @param {string} name */
async function bundled(name) {
  const tool = "esbuild"; // It may not be installed, which is no error of types.
  const esbuild = await import(tool).catch(() => null);
  if (!esbuild) return null;
  const entryPoints = [fileURLToPath(new URL(name, root))];
  const options = { bundle: true, minify: true, write: false, target: "es2022", charset: "utf8", legalComments: "none", mangleProps: INWARD };
  const { outputFiles } = await esbuild.build({ ...options, format: "iife", entryPoints });
  return Buffer.from(outputFiles[0].contents);
}

for (const [name, most] of /** @type {const} */ ([["sdk.js", 5 * 1024], ["compat.js", 4 * 1024], ["element.js", 512]])) {
  test(`${name} is at most ${most} bytes where it is released`, async (t) => {
    const content = await bundled(name);
    if (!content) return t.skip("esbuild is not installed");
    assert.ok(gzipped(content) <= most, `${gzipped(content)} bytes`);
  });
}

const TO_ANYBODY = /postMessage\([^;]*["'`]\*["'`]/;

test("the rule against messages for anybody finds them, however they are written", () => {
  for (const call of ['(x, "*")', '(f(x), "*")', "({ a: f(1) }, '*', [port])", "(x, { targetOrigin: `*` })", '(\n  f(x),\n  "*",\n)']) {
    assert.match(`parent.postMessage${call};`, TO_ANYBODY);
  }
  assert.doesNotMatch('parent.postMessage(f(x), origin); const all = "*";', TO_ANYBODY);
});

for (const name of files) {
  test(`${name} is short and keeps the rules`, () => {
    const text = read(name).toString();
    assert.ok(text.split("\n").length <= 301, "300 lines");
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
    assert.doesNotMatch(text, TO_ANYBODY);
    assert.doesNotMatch(text, /TODO|FIXME/);
  });
}
