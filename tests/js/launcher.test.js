/** What the launcher keeps of whom, and tells to the frame: `sdk.js` on a page of the few parts that it speaks to. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { fakeArea, settled } from "./fakes.js";

/** @typedef {{src: string, referrerPolicy: string, contentWindow: object}} Pane */

/** An element, as far as the launcher needs one. */
class Part {
  dataset = {};
  style = {};
  classList = { add() {}, remove() {}, toggle() {} };
  parentNode = {};
  isConnected = true;
  activeElement = null;
  contentWindow = {};

  append() {}

  addEventListener() {}

  replaceChildren() {}

  remove() {}

  setAttribute() {}

  focus() {}

  attachShadow() {
    return new Part();
  }
}

let round = 0;

/** A page that includes the script. @param {{storage?: Record<string, string>, q?: unknown[][], clobbered?: object}} [of] */
async function page({ storage: kept = {}, q = [], clobbered } = {}) {
  const storage = Object.assign(fakeArea(), kept);
  /** @type {any[]} */ const panes = [];
  /** @type {any[]} */ const posted = [];
  /** @type {Set<{act: () => void, ms: number}>} */ const timers = new Set();
  /** @type {Record<string, (event: object) => void>} */ const heard = {};
  const script = { src: "https://chat.test/sdk.js", dataset: { inbox: "main" } };
  const create = (/** @type {string} */ tag) => {
    const part = new Part();
    part.contentWindow = { postMessage: (/** @type {object} */ data) => void posted.push(structuredClone(data)) };
    if (tag === "iframe") panes.push(part);
    return part;
  };
  class Document {
    documentElement = new Part();
    body = new Part();
    activeElement = null;
    createElement = create;
    createElementNS = create;
    querySelector = () => null;

    get currentScript() {
      return script;
    }
  }
  const document = new Document();
  // Of an element that is named so, a browser makes a property of the document's own.
  if (clobbered) Object.defineProperty(document, "currentScript", { value: clobbered });
  const setTimeout = (/** @type {() => void} */ act, /** @type {number} */ ms) => {
    const timer = { act, ms };
    timers.add(timer);
    return timer;
  };
  const window = { chatproxy: /** @type {any} */ ({ q }), setTimeout, requestIdleCallback: queueMicrotask };
  Object.assign(globalThis, {
    ...{ window, document, Document, setTimeout, localStorage: storage, visualViewport: null, innerWidth: 1_000 },
    clearTimeout: (/** @type {any} */ timer) => void timers.delete(timer),
    location: { origin: "https://shop.test" },
    addEventListener: (/** @type {string} */ name, /** @type {any} */ listener) => void (heard[name] = listener),
    CSSStyleSheet: class {
      replaceSync() {}
    },
    MutationObserver: class {
      observe() {}
    },
  });
  const source = `../../static/chat/sdk.js?${(round += 1)}`;
  await import(source);
  await settled();
  return {
    ...{ chat: window.chatproxy, panes, storage },
    /** What the frame was told since this was asked last, each as type and value. */
    told: () => posted.splice(0).map(({ type, value }) => (value === undefined ? [type] : [type, value])),
    /** The frame says something. @param {object} data */
    says: async (data) => {
      heard.message?.({ origin: "https://chat.test", source: panes.at(-1).contentWindow, data: { chatproxy: 1, ...data } });
      await settled();
    },
    pass: (/** @type {number} */ ms) => timers.forEach((timer) => timer.ms <= ms && (timers.delete(timer), timer.act())),
  };
}

const MARK = "chatproxy:main:wrote";
const jwt = (/** @type {object} */ claims) => `h.${Buffer.from(JSON.stringify({ aud: "main", ...claims })).toString("base64url")}.s`;

test("an element that is named like the document's script does not say from where the chat comes", async () => {
  const clobbered = { src: "https://evil.test/a.png", dataset: { inbox: "main" } };
  const { chat, panes } = await page({ clobbered });
  chat.open();
  assert.match(panes[0].src, /^https:\/\/chat\.test\/frame\/main\//);
});

test("the server learns of the page around it no more than its origin", async () => {
  const { chat, panes } = await page();
  chat.open();
  assert.equal(panes[0].referrerPolicy, "origin");
});

test("a sign-out that the frame did not hear is told on the next page before anything else", async () => {
  const left = await page({ storage: { [MARK]: "1" } });
  void left.chat.logout();
  assert.deepEqual(left.told(), [], "the frame was not ready yet");
  const next = await page({ storage: left.storage, q: [["identify", { token: jwt({ sub: "bob" }) }]] });
  await next.says({ type: "ready" });
  assert.deepEqual(next.told().map(([type]) => type), ["logout", "identify"]);
  await next.says({ type: "forget" });
  assert.deepEqual(Object.keys(next.storage), []);
  const after = await page({ storage: next.storage });
  assert.equal(after.panes.length, 0, "it is not told again");
});

test("a frame that comes after a page has lost patience hears of the sign-out all the same", async () => {
  const { chat, says, told, pass, storage } = await page({ storage: { [MARK]: "1" } });
  const code = chat.logout().catch((/** @type {{code: string}} */ error) => error.code);
  pass(20_000);
  assert.equal(await code, "unreachable");
  await says({ type: "ready" });
  assert.deepEqual(told(), [["logout"]]);
  await says({ type: "event", name: "unread", detail: 2 });
  assert.equal(storage[MARK], "0", "what is unread is still the former's");
});

test("nobody was here, and nothing is loaded to sign them out", async () => {
  const { chat, panes, storage } = await page();
  await chat.logout();
  assert.deepEqual([panes, Object.keys(storage)], [[], []]);
});

const ALICE = { name: "Alice", phone: "+49123" };
const who = (/** @type {string} */ sub) => ({ token: jwt({ sub, name: "Zoë >~?>~?" }) }); // - and _ in its base64url
const CHANGES = /** @type {const} */ ([
  ["another token", who("alice"), who("bob"), false],
  ["another identifier", { identifier: "alice", identifier_hash: "a" }, { identifier: "bob", identifier_hash: "b" }, false],
  ["a function that may fetch anybody's", { token: () => who("alice").token }, { token: () => who("bob").token }, false],
  ["the same person's next token", who("alice"), { token: jwt({ sub: "alice", iat: 7 }) }, true],
  ["the same identifier", { identifier: 7, identifier_hash: "a" }, { identifier: 7, identifier_hash: "a" }, true],
]);
for (const [name, first, second, stays] of CHANGES) {
  test(`what was noted of one person is ${stays ? "kept for" : "not told of"} ${name}`, async () => {
    const { chat, says, told } = await page();
    void chat.identify(first);
    void chat.setAttributes(ALICE);
    await settled();
    void chat.identify(second);
    void chat.setAttributes({ name: "Bob" });
    await settled();
    await says({ type: "ready" });
    assert.deepEqual(told().filter(([type]) => type === "attributes"), [["attributes", stays ? { ...ALICE, name: "Bob" } : { name: "Bob" }]]);
  });
}

test("what was noted before anybody was named goes with whoever is, also into a frame that is loaded anew", async () => {
  const { chat, says, told } = await page();
  void chat.setAttributes({ plan: "pro" });
  void chat.identify({ token: async () => who("alice").token });
  await settled();
  await says({ type: "ready" });
  for (const id of [1, 2]) await says({ type: "answer", id });
  told();
  await says({ type: "ready" });
  assert.deepEqual(told().filter(([type]) => type === "attributes"), [["attributes", { plan: "pro" }]]);
});
