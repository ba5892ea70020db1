import assert from "node:assert/strict";
import { test } from "node:test";

import { Storage } from "../../static/chat/storage.js";
import { UnsentStore } from "../../static/chat/unsent.js";
import { FakeClock, fakeArea, fakeLocks, noLocks, settled } from "./fakes.js";

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
function tab(area, locked, clock = new FakeClock()) {
  /** @type {Unsent[][]} */
  const orphans = [];
  const seen = { looked: false };
  const options = { storage: new Storage(() => area, "p:"), locked, clock, isLookedAt: () => seen.looked };
  const store = new UnsentStore({ ...options, onOrphans: (found) => void orphans.push(found) });
  return { store, orphans, seen };
}

test("a living tab's messages are its own; a closed tab's are taken over", async () => {
  const area = fakeArea();
  const grant = fakeLocks();
  /** @type {() => void} */
  let closeFirst = () => {};
  const first = tab(area, (name, work) => grant(name, () => Promise.race([work(true), new Promise((resolve) => (closeFirst = () => resolve(null)))])));
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
  const { store } = tab(area, (name, work) => grant(name, () => (log.push("locked"), work(true).finally(() => log.push("free")))));
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

/** @param {string} echo_id @param {string|null} id of its file */
const withFile = (echo_id, id) => ({ ...unsent(echo_id), files: [{ key: `k-${echo_id}`, id, name: "a.png", size: 1, type: "" }] });

/** A tab that was there before, when another one leaves something. */
async function witness() {
  const [area, grant, clock] = [fakeArea(), fakeLocks(), new FakeClock()];
  const here = tab(area, grant, clock);
  here.store.start();
  await clock.pass(60_000);
  area.setItem("p:unsent:dead", JSON.stringify([withFile("e1", null), withFile("e2", "f2"), unsent("e3")]));
  here.store.noticed("p:unsent:dead");
  await settled();
  return { area, grant, clock, here };
}

test("a message whose file is gone goes to the page that comes next, the others to whoever is there", async () => {
  const { area, grant, clock, here } = await witness();
  here.seen.looked = true;
  here.store.look();
  assert.deepEqual(here.orphans, [[withFile("e2", "f2"), unsent("e3")]]);
  const next = tab(area, grant, clock);
  next.store.start();
  await clock.pass(60_000);
  assert.deepEqual(next.orphans, [[withFile("e1", null)]]);
  assert.equal(here.orphans.length, 1);
  assert.deepEqual(Object.keys(area), []);
});

test("where no page comes, it goes to the one that is looked at", async () => {
  const { clock, here } = await witness();
  await clock.pass(60_000);
  assert.equal(here.orphans.length, 1);
  here.seen.looked = true;
  here.store.look();
  await clock.pass(10_000);
  assert.deepEqual(here.orphans[1], [withFile("e1", null)]);
  await clock.pass(60_000);
  assert.equal(here.orphans.length, 2);
});

test("one that was refused waits for nothing, and is shown by whoever is there", async () => {
  const { area, here } = await witness();
  const refused = { ...withFile("e4", null), refused: { code: "file_refused", message: "" } };
  area.setItem("p:unsent:other", JSON.stringify([refused]));
  here.store.noticed("p:unsent:other");
  await settled();
  assert.deepEqual(here.orphans[1], [refused]);
});

test("without locks a living tab's messages stay its own, a dead one's are taken over after a while", async () => {
  const area = fakeArea();
  const clock = new FakeClock();
  const [first, second] = [tab(area, noLocks, clock), tab(area, noLocks, clock)];
  first.store.start();
  second.store.start();
  first.store.save([unsent("e1")]);
  const key = Object.keys(area).find((name) => name.startsWith("p:unsent:")) ?? "";
  second.store.noticed(key);
  await clock.pass(120_000);
  assert.deepEqual(second.orphans, []);
  const dead = new FakeClock();
  dead.time = clock.time;
  const third = tab(area, noLocks, dead);
  third.store.start();
  await dead.pass(29_000);
  assert.deepEqual(third.orphans, []);
  await dead.pass(2_000);
  assert.deepEqual(third.orphans, [[unsent("e1")]]);
  assert.deepEqual(Object.keys(area), []);
});

test("without locks a clock that was set back keeps no dead tab alive", async () => {
  const [area, clock] = [fakeArea(), new FakeClock()];
  area.setItem("p:unsent:dead", JSON.stringify([unsent("e1")]));
  area.setItem("p:alive:dead", JSON.stringify(clock.now() + 3_600_000));
  const { store, orphans } = tab(area, noLocks, clock);
  store.start();
  await clock.pass(29_000);
  assert.deepEqual(orphans, []);
  await clock.pass(2_000);
  assert.deepEqual(orphans, [[unsent("e1")]]);
});

test("without locks a page that left need not be waited for", async () => {
  const area = fakeArea();
  const first = tab(area, noLocks);
  first.store.save([unsent("e1")]);
  first.store.leave();
  const second = tab(area, noLocks);
  second.store.start();
  await settled();
  assert.deepEqual(second.orphans, [[unsent("e1")]]);
});

test("only what the server has not taken is kept", () => {
  const area = fakeArea();
  const { store } = tab(area, fakeLocks());
  store.save([{ ...unsent("e1"), accepted: "m1" }, unsent("e2")]);
  const key = Object.keys(area).find((name) => name.startsWith("p:unsent:")) ?? "";
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
