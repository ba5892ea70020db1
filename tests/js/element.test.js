import assert from "node:assert/strict";
import { test } from "node:test";

/** @type {Map<string, any>} */
const defined = new Map();
const page = /** @type {any} */ (globalThis);
page.window = page;
page.HTMLElement = class {};
page.customElements = { get: (/** @type {string} */ name) => defined.get(name), define: defined.set.bind(defined) };
const source = "../../static/chat/element.js"; // A script of its own, and no module.
await import(source);

/** One that the page has taken in. @param {Record<string, string>} attributes */
function placed(attributes) {
  const element = new (defined.get("chatproxy-chat"))();
  element.attributes = Object.entries(attributes).map(([name, value]) => ({ name, value }));
  element.connectedCallback();
  return element;
}

test("an element says which chat is shown and how", () => {
  page.chatproxy = { q: [] };
  const host = placed({ inbox: "main", theme: "dark" });
  assert.deepEqual(page.chatproxy.q, [["start", { inbox: "main", theme: "dark", mode: "inline", host }]]);
});

test("markup does not say from where the chat comes, nor where it is put", () => {
  page.chatproxy = { q: [] };
  const host = placed({ inbox: "main", origin: "https://evil.example", mode: "launcher", host: "body" });
  assert.deepEqual(page.chatproxy.q, [["start", { inbox: "main", mode: "inline", host }]]);
});
