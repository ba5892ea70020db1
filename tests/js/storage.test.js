import assert from "node:assert/strict";
import { test } from "node:test";

import { Storage } from "../../static/chat/storage.js";
import { UnsentStore } from "../../static/chat/unsent.js";
import { fakeArea, fakeLocks, settled } from "./fakes.js";

/** @import { Unsent } from "../../static/chat/state.js" */

function blocked() {
  return new Storage(() => {
    throw new DOMException("denied", "SecurityError");
  }, "p:");
}

function full() {
  const area = fakeArea();
  Object.getPrototypeOf(area).setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  return new Storage(() => area, "p:");
}

for (const [name, make] of /** @type {const} */ ([["open", () => new Storage(fakeArea, "p:")], ["blocked", blocked], ["full", full]])) {
  test(`${name} storage keeps, finds and forgets`, () => {
    const storage = make();
    storage.set("a:1", { text: "one" });
    storage.set("b", true);
    assert.deepEqual(storage.get("a:1"), { text: "one" });
    assert.deepEqual(storage.keys("a:"), ["a:1"]);
    storage.remove("a:1");
    assert.equal(storage.get("a:1"), null);
    assert.equal(storage.get("b"), true);
  });
}

test("what is not ours or not readable counts as nothing", () => {
  const area = fakeArea();
  area.setItem("p:x", "{broken");
  area.setItem("other:y", "1");
  const storage = new Storage(() => area, "p:");
  assert.equal(storage.get("x"), null);
  assert.deepEqual(storage.keys(""), ["x"]);
});

/** @param {string} echo_id @returns {Unsent} */
const unsent = (echo_id) => ({ echo_id, text: "hello", conversation: null, at: 5, accepted: null, refused: null });

/** @param {globalThis.Storage} area @param {import("../../static/chat/locks.js").Locked} locked */
function tab(area, locked) {
  /** @type {Unsent[][]} */
  const orphans = [];
  const store = new UnsentStore({ storage: new Storage(() => area, "p:"), locked, onOrphans: (found) => void orphans.push(found) });
  return { store, orphans };
}

test("a living tab's messages are its own; a closed tab's are taken over", async () => {
  const area = fakeArea();
  const grant = fakeLocks();
  /** @type {() => void} */
  let closeFirst = () => {};
  const first = tab(area, (name, work) => grant(name, () => Promise.race([work(), new Promise((resolve) => (closeFirst = () => resolve(null)))])));
  first.store.start();
  first.store.save([unsent("e1")]);
  const second = tab(area, grant);
  second.store.start();
  await settled();
  assert.deepEqual(second.orphans, []);
  closeFirst();
  await settled();
  assert.deepEqual(second.orphans, [[unsent("e1")]]);
  assert.deepEqual(Object.keys(area), []);
});

test("a tab locks its key only while something is in it", async () => {
  const area = fakeArea();
  const grant = fakeLocks();
  /** @type {string[]} */
  const log = [];
  const { store } = tab(area, (name, work) => grant(name, () => (log.push("locked"), work().finally(() => log.push("free")))));
  store.start();
  store.save([]);
  store.save([unsent("e1")]);
  store.save([unsent("e1"), unsent("e2")]);
  await settled();
  assert.deepEqual(log, ["locked"]);
  store.save([]);
  await settled();
  assert.deepEqual(log, ["locked", "free"]);
});

test("a tab that begins to write later is noticed", async () => {
  const area = fakeArea();
  const { store, orphans } = tab(area, fakeLocks());
  store.start();
  area.setItem("p:unsent:other", JSON.stringify([unsent("e7")]));
  store.noticed("p:unsent:other");
  store.noticed("p:draft");
  store.noticed(null);
  await settled();
  assert.deepEqual(orphans, [[unsent("e7")]]);
});

test("only what the server has not taken is kept", () => {
  const area = fakeArea();
  const { store } = tab(area, fakeLocks());
  store.save([{ ...unsent("e1"), accepted: "m1" }, unsent("e2")]);
  const [key = ""] = Object.keys(area);
  assert.deepEqual(JSON.parse(area.getItem(key) ?? ""), [unsent("e2")]);
  store.save([{ ...unsent("e1"), accepted: "m1" }]);
  assert.deepEqual(Object.keys(area), []);
});

test("storage written by another version, or by hand, is read with care", async () => {
  const area = fakeArea();
  area.setItem("p:unsent:1", JSON.stringify([{ echo_id: "e1", text: "x" }, { echo_id: 5, text: "y" }, null]));
  area.setItem("p:unsent:2", JSON.stringify("nonsense"));
  const { store, orphans } = tab(area, fakeLocks());
  store.start();
  await settled();
  assert.deepEqual(orphans, [[{ ...unsent("e1"), text: "x", at: 0 }]]);
});
