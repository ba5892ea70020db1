import assert from "node:assert/strict";
import { test } from "node:test";

import { Bell } from "../../static/chat/frame/bell.js";
import { NOTHING } from "../../static/chat/state.js";
import { Storage } from "../../static/chat/storage.js";
import { FakeClock, conversation, fakeArea, fakeLocks, message } from "./fakes.js";

/** One browser: its tabs share storage and locks. */
class Browser {
  clock = new FakeClock();
  area = fakeArea();
  locked = fakeLocks();
  /** @type {string[]} */ rung = [];

  /** @param {string} name */
  tab(name, { looked = false, touched = true } = {}) {
    const storage = new Storage(() => this.area, "chatproxy:main:");
    const play = async () => void this.rung.push(name);
    const bell = new Bell({ storage, locked: this.locked, clock: this.clock, looked: () => looked, play, touched: () => touched });
    bell.note(change(1));
    return bell;
  }
}

/** @param {number} count messages that are there @param {Partial<import("../../static/chat/wire.js").Message>} [fields] of the newest */
function change(count, fields = {}) {
  const rows = Array.from({ length: count }, (_, index) => message({ seq: index + 1, ...(index === count - 1 ? fields : {}) }));
  const state = { ...NOTHING, loaded: true, messages: new Map(rows.map((row) => [row.id, row])), conversations: new Map([["c1", conversation()]]) };
  return { state, before: NOTHING };
}

test("an agent's message rings in one tab, once", async () => {
  const browser = new Browser();
  const tabs = [browser.tab("one"), browser.tab("two")];
  for (const tab of [...tabs, ...tabs]) tab.note(change(2));
  await browser.clock.pass(1_000);
  assert.equal(browser.rung.length, 1);
  for (const tab of tabs) tab.note(change(3));
  await browser.clock.pass(1_000);
  assert.equal(browser.rung.length, 2);
});

test("nothing rings while one tab shows the chat, whichever hears of it first", async () => {
  const browser = new Browser();
  const [hidden, shown] = [browser.tab("hidden"), browser.tab("shown", { looked: true })];
  hidden.note(change(2));
  shown.note(change(2));
  await browser.clock.pass(1_000);
  assert.deepEqual(browser.rung, []);
});

test("a page that nobody has touched is silent, and leaves it to another one", async () => {
  const browser = new Browser();
  const [untouched, touched] = [browser.tab("untouched", { touched: false }), browser.tab("touched")];
  untouched.note(change(2));
  touched.note(change(2));
  await browser.clock.pass(1_000);
  assert.deepEqual(browser.rung, ["touched"]);
});

test("what the visitor muted is silent in every tab", async () => {
  const browser = new Browser();
  browser.area.setItem("chatproxy:main:muted", "true");
  const next = browser.tab("two");
  next.note(change(2));
  await browser.clock.pass(1_000);
  assert.deepEqual(browser.rung, []);
  browser.area.removeItem("chatproxy:main:muted");
  next.note(change(3));
  await browser.clock.pass(1_000);
  assert.deepEqual(browser.rung, ["two"]);
});

test("what was seen and counts as unread again, by a row that was written before, does not ring", async () => {
  const browser = new Browser();
  const tab = browser.tab("one");
  const { state, before } = change(1);
  tab.note({ state: { ...state, conversations: new Map([["c1", conversation({ contact_seen: Infinity })]]) }, before });
  tab.note({ state, before });
  await browser.clock.pass(1_000);
  assert.deepEqual(browser.rung, []);
});

test("the visitor's own words, what the system says, deleted and seen messages do not ring", async () => {
  const browser = new Browser();
  const tab = browser.tab("one");
  tab.note(change(2, { direction: "incoming" }));
  tab.note(change(2, { sender: { name: "", avatar: null, kind: "system" } }));
  tab.note(change(2, { deleted: true }));
  await browser.clock.pass(1_000);
  assert.deepEqual(browser.rung, []);
});
