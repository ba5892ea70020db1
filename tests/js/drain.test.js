import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOSE } from "../../static/chat/close.js";
import { Notice } from "../../static/chat/frame/notice.js";
import { World, changes, message, settled } from "./fakes.js";

test("what is written while a server stops goes to it, and again to the next one if it did not answer", async () => {
  const world = new World();
  const client = await world.connected(["before"]);
  const old = world.socket;
  old.receive({ type: "reconnect", in_ms: 4_000 });
  client.send("taken by the old one");
  const [taken] = old.frames("send");
  world.take(taken, 2);
  client.send("not answered any more");
  const [, open] = old.frames("send");
  await world.clock.pass(4_000);
  assert.notEqual(world.socket, old);
  assert.equal(old.readyState, 3);
  world.socket.open();
  assert.equal(world.socket.sent[0].since, "epoch001.2");
  world.socket.receive(changes([], 2));
  await settled();
  assert.deepEqual(world.socket.frames("send").map(({ echo_id }) => echo_id), [open.echo_id]);
});

test("what an agent says while the page changes servers arrives once", async () => {
  const world = new World();
  const client = await world.connected(["before"]);
  world.socket.receive({ type: "reconnect", in_ms: 1_000 });
  world.socket.receive(changes([message({ seq: 2 })], 2));
  await world.clock.pass(1_000);
  world.socket.open();
  world.socket.receive(changes([message({ seq: 2 }), message({ seq: 3 })], 3));
  assert.deepEqual([...client.state.messages.keys()], ["m1", "m2", "m3"]);
});

test("a server that stops shows no banner while another one answers", async () => {
  const world = new World();
  const client = await world.connected(["before"]);
  const notice = new Notice();
  const said = new Set();
  const look = () => said.add(notice.text(client.state, { now: world.clock.now(), slow: false, networked: true }));
  client.on("change", look);
  world.socket.receive({ type: "reconnect", in_ms: 9_000 });
  await world.clock.pass(8_990);
  look();
  world.socket.die(CLOSE.RESTART?.code); // it was a little faster
  await world.clock.pass(1_000);
  look();
  world.socket.open();
  world.socket.receive(changes([], 1));
  await world.clock.pass(5_000);
  look();
  assert.deepEqual([...said], [""]);
  assert.equal(client.state.status, "online");
});
