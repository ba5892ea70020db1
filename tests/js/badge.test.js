/** The badge of a launcher whose chat is not open: looked up seldom, and heard from tabs where it is. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Badge } from "../../static/chat/frame/badge.js";
import { World, changes, conversation, message, reset, settled } from "./fakes.js";

const KEY = "chatproxy:main:unread";

/** A tab of somebody who has written before. @param {World} world */
function tab(world) {
  world.area.setItem("chatproxy:main:begun", "true");
  const client = world.client();
  const heard = /** @type {unknown[]} */ ([]);
  const sight = { visible: true };
  const host = { happened: (/** @type {string} */ _, /** @type {unknown} */ count) => void heard.push(count) };
  const badge = new Badge({ client, host, visible: () => sight.visible });
  return { client, badge, heard, sight };
}

/** @param {World} world */
const glances = (world) => world.requests.filter(({ path }) => path === "/sync").length;

test("who looks again and again has it looked up every few seconds, the last time too", async () => {
  const world = new World();
  world.answers["/sync"] = () => ({ status: 200, body: reset([message({ seq: 1 })]) });
  const { badge, sight } = tab(world);
  badge.look();
  await settled();
  assert.equal(glances(world), 0, "it is not known yet who sits here");
  badge.begin();
  for (let second = 0; second < 4; second += 1) {
    badge.look();
    await world.clock.pass(1_000);
  }
  assert.equal(glances(world), 1);
  await world.clock.pass(2_000);
  assert.equal(glances(world), 2);
  badge.look();
  sight.visible = false;
  await world.clock.pass(60_000);
  badge.look();
  await settled();
  assert.equal(glances(world), 2, "nobody looks");
  sight.visible = true;
  badge.look();
  await settled();
  assert.equal(glances(world), 3);
});

test("what could not be looked up is, once the network is back, also where nobody looks", async () => {
  const world = new World();
  world.answers["/sync"] = () => ({ status: 503 });
  const { badge, sight } = tab(world);
  sight.visible = false;
  badge.begin();
  await world.clock.pass(10_000);
  world.answers["/sync"] = () => ({ status: 200, body: reset([message({ seq: 1 })]) });
  badge.look();
  await world.clock.pass(10_000);
  badge.look();
  await settled();
  assert.equal(glances(world), 2);
});

test("a tab with a socket tells the others each new count, and leaves nothing behind", async () => {
  const world = new World();
  const told = /** @type {string[]} */ ([]);
  const { setItem } = world.area;
  Object.getPrototypeOf(world.area).setItem = (/** @type {string} */ key, /** @type {string} */ value) => {
    if (key === KEY) told.push(value);
    setItem(key, value);
  };
  const { client } = tab(world);
  client.start();
  await settled();
  world.socket.open();
  world.socket.receive(reset([message({ seq: 1 })]));
  world.socket.receive(changes([message({ seq: 2 })], 2));
  world.socket.receive(changes([message({ seq: 2, state: "sent" })], 2));
  client.seen();
  await settled();
  assert.deepEqual(told, ["1", "2", "0"]);
  assert.equal(world.area.getItem(KEY), null);
});

test("only who has no socket believes other tabs, and only of somebody who has written", async () => {
  const world = new World();
  world.answers["/sync"] = () => ({ status: 200, body: reset([], [conversation()]) });
  const { client, badge, heard } = tab(world);
  badge.heard(KEY, "1");
  badge.begin();
  await settled();
  badge.heard(KEY, "2");
  badge.heard(KEY, null);
  badge.heard("chatproxy:other:unread", "3");
  badge.heard(null, null);
  assert.deepEqual(heard, [2]);
  client.start();
  await settled();
  badge.heard(KEY, "4");
  client.stop();
  world.area.removeItem("chatproxy:main:begun");
  badge.heard(KEY, "5");
  assert.deepEqual(heard, [2]);
});
