/** What the server is told of what has arrived and was read. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { unread } from "../../static/chat/selectors.js";
import { World, changes, conversation, message, reset, settled } from "./fakes.js";

const SEEN = { type: "seen", conversation: "c1", message: "m2" };

/** @import { ServerFrame } from "../../static/chat/wire.js" */

/** The line is cut, and the next socket stands. @param {World} world @param {ServerFrame} first */
async function again(world, first = changes([], 2)) {
  world.socket.die();
  await world.clock.pass(1_000);
  await settled();
  world.socket.open();
  world.socket.receive(first);
}

test("what was read is told again on the next socket, until the server's row says so", async () => {
  const world = new World();
  const client = await world.connected(["one", "two"]);
  client.seen();
  await again(world);
  assert.deepEqual(world.socket.frames("seen"), [SEEN]);
  world.socket.receive({ type: "presence", online: true });
  await again(world, changes([], 3, [conversation({ seq: 3, status: "resolved" })]));
  assert.deepEqual(world.socket.frames("seen"), [SEEN], "once on each");
  assert.equal(unread(client.state).length, 2, "that row was written before");
  world.socket.receive(changes([], 4, [conversation({ seq: 4, contact_seen: message({ seq: 2 }).at })]));
  await again(world);
  assert.deepEqual(world.socket.frames("seen"), []);
});

test("what was read of a thread that is not here any more is told to nobody", async () => {
  const world = new World();
  const client = await world.connected(["one", "two"]);
  client.seen();
  await again(world, reset([], [conversation({ id: "c9" })]));
  await again(world, reset([], [conversation()]));
  assert.deepEqual(world.socket.frames("seen"), []);
});

test("what is not shown yet was not read", async () => {
  const world = new World();
  const client = await world.connected();
  const beside = message({ id: "u1", seq: 1, conversation: "c0" });
  world.socket.receive(reset([beside, message({ seq: 2 })], [conversation(), conversation({ id: "c0" })]));
  client.view("c0");
  client.seen();
  assert.deepEqual(world.socket.frames("seen"), []);
  world.answers["/conversations/c0/messages"] = () => ({ status: 200, body: { messages: [beside], more: false } });
  await client.older();
  client.seen();
  assert.deepEqual(world.socket.frames("seen"), [{ type: "seen", conversation: "c0", message: "u1" }]);
});

test("who is of another epoch than the server dials again, however far it has counted", async () => {
  const world = new World();
  await world.connected(["one", "two"]);
  world.socket.receive({ type: "pong", cursor: "epoch002.1" });
  await world.clock.pass(5_000);
  assert.equal(world.sockets.length, 2);
});
