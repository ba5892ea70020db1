/** `$chatwoot` as docs/chatwoot-compat.md says: each row of its tables is a test. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const DOCUMENT = readFileSync(new URL("../../docs/chatwoot-compat.md", import.meta.url), "utf8");

/** @param {string} heading @returns {[string, string, string][]} the cells of a table */
function rows(heading) {
  const table = DOCUMENT.split(`\n| ${heading} |`)[1]?.split("\n\n")[0] ?? "";
  const cells = table.split("\n").slice(2).map((line) => line.slice(2, -2).split(" | "));
  return /** @type {[string, string, string][]} */ (cells);
}

/** @param {string} text @returns {string[]} what stands between backticks */
const quoted = (text) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? "");
/** @param {unknown} value */
const plain = (value) => JSON.parse(JSON.stringify(value ?? null));

let round = 0;

/** A page with the shim on it. @param {object} [settings] @param {{inbox?: string}} [tag] */
async function page(settings = {}, tag = { inbox: "main" }) {
  /** @type {string[]} */
  const calls = [];
  /** @type {{type: string, detail: unknown}[]} */
  const raised = [];
  /** @type {Map<string, (detail: unknown) => void>} */
  const listeners = new Map();
  /** @type {any} */
  const started = [];
  const chat = new Proxy({}, {
    get: (_, name) => {
      if (name === "isOpen") return calls.includes("open()");
      if (name === "on") return (/** @type {string} */ event, /** @type {any} */ listener) => void listeners.set(event, listener);
      return (/** @type {unknown} */ value) => void calls.push(`${String(name)}(${value === undefined ? "" : JSON.stringify(value)})`);
    },
  });
  /** @type {any} */
  const window = {
    chatwootSettings: settings,
    chatproxy: { start: (/** @type {object} */ options) => (started.push(options), chat) },
  };
  const script = { dataset: tag, src: "https://chat.test/sdk.js" };
  Object.assign(globalThis, {
    window,
    document: { querySelector: () => script },
    dispatchEvent: (/** @type {CustomEvent} */ { type, detail }) => void raised.push({ type, detail }),
    open: () => null,
    CustomEvent: class {
      constructor(/** @type {string} */ type, /** @type {any} */ { detail }) {
        Object.assign(this, { type, detail });
      }
    },
  });
  Object.defineProperty(globalThis, "navigator", { value: { language: "fr-CA" }, configurable: true });
  await import(`../../static/chat/compat.js?${(round += 1)}`);
  await new Promise((resolve) => setTimeout(resolve, 1));
  return { window, calls, raised, started, happens: (/** @type {string} */ name, /** @type {unknown} */ detail) => listeners.get(name)?.(detail) };
}

for (const [, call, becomes] of rows("method")) {
  test(`$chatwoot.${call} becomes ${becomes}`, async () => {
    const { window, calls } = await page();
    const [code = ""] = quoted(call);
    const name = code.slice(0, code.indexOf("("));
    const values = JSON.parse(`[${code.slice(name.length + 1, -1)}]`);
    if (quoted(becomes).length) {
      window.$chatwoot[name](...values);
      assert.deepEqual(calls, quoted(becomes).map((expected) => expected.replace(/\((.+)\)$/, (_, value) => `(${JSON.stringify(JSON.parse(value))})`)));
    } else {
      assert.throws(() => window.$chatwoot[name](...values), { message: becomes });
      assert.deepEqual(calls, []);
    }
  });
}

for (const [event, when, detail] of rows("event")) {
  test(`${event} is raised by ${when}`, async () => {
    const { raised, happens } = await page();
    const [, name = "", value] = /^`(\S+)(?: (.*))?`$/.exec(when) ?? [];
    if (name) happens(name, value === undefined ? undefined : JSON.parse(value));
    assert.deepEqual(plain(raised.at(-1)), { type: quoted(event)[0], detail: JSON.parse(quoted(detail)[0] ?? "") });
  });
}

for (const [setting, value, becomes] of rows("setting")) {
  test(`the setting ${setting}: ${value} becomes ${becomes}`, async () => {
    const { started } = await page({ [quoted(setting)[0] ?? ""]: JSON.parse(quoted(value)[0] ?? "") });
    const usual = { theme: "light", frame: {}, hidden: false, inbox: "main", origin: "https://chat.test" };
    assert.deepEqual(plain(started[0]), { ...usual, ...JSON.parse(quoted(becomes)[0] ?? "") });
  });
}

test("the tables name all 13 methods, 7 events and 18 settings", () => {
  const names = (/** @type {string} */ heading) => new Set(rows(heading).map(([name]) => name));
  assert.deepEqual([names("method").size, names("event").size, names("setting").size], [13, 7, 18]);
});

test("it runs once, by its tag or when it is asked", async () => {
  const { window, started } = await page({}, {});
  assert.equal(window.$chatwoot, undefined);
  window.chatwootSDK.run({ websiteToken: "other", baseUrl: "https://elsewhere.test" });
  window.chatwootSDK.run({ websiteToken: "third" });
  assert.deepEqual(started.map((/** @type {any} */ { inbox, origin }) => [inbox, origin]), [["other", "https://chat.test"]]);
  assert.equal(window.$chatwoot.websiteToken, "other");
  assert.equal(window.$chatwoot.hasLoaded, false);
  await new Promise((resolve) => setTimeout(resolve, 5)); // Its "ready" is not the next test's.
});

test("$chatwoot says how things are", async () => {
  const { window, raised, happens } = await page({ locale: "de" });
  const { $chatwoot } = window;
  assert.deepEqual([$chatwoot.hasLoaded, $chatwoot.isOpen, $chatwoot.resetTriggered, $chatwoot.locale], [true, false, false, "de"]);
  $chatwoot.toggle("open");
  assert.equal($chatwoot.isOpen, true);
  $chatwoot.setUser("7", { name: "Ada" });
  assert.deepEqual([$chatwoot.identifier, $chatwoot.user.name], ["7", "Ada"]);
  $chatwoot.setLabel("a");
  $chatwoot.reset();
  assert.deepEqual([$chatwoot.identifier, $chatwoot.resetTriggered], [undefined, true]);
  happens("ready", undefined);
  assert.equal(raised.filter(({ type }) => type === "chatwoot:ready").length, 1);
});

test("a window of its own is a frame without a token that looks as the page wants it", async () => {
  const { window, calls, happens } = await page({ locale: "pt_BR", darkMode: "auto", welcomeTitle: "Hi", showPopoutButton: true });
  /** @type {any} */ const element = { style: {}, contentWindow: {} };
  const popup = { document: { createElement: () => element, body: { replaceChildren: () => {} } }, addEventListener: () => {}, focus: () => {} };
  Object.assign(globalThis, { open: () => popup, location: { origin: "https://shop.test" } });
  happens("popout", undefined);
  assert.deepEqual(calls, ["close()"]);
  const { origin, pathname, searchParams } = new URL(element.src);
  assert.equal(origin + pathname, "https://chat.test/frame/main/");
  const said = { origin: "https://shop.test", locale: "pt-BR", theme: "auto", welcomeTitle: "Hi", showPopoutButton: "0" };
  assert.deepEqual(Object.fromEntries(searchParams), said);
  window.$chatwoot.setLocale("de");
  window.$chatwoot.setColorScheme("dark");
  window.$chatwoot.popoutChatWindow();
  assert.deepEqual([...new URL(element.src).searchParams].slice(1, 3), [["locale", "de"], ["theme", "dark"]]);
});
