import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOSE } from "../../static/chat/close.js";
import { Connection } from "../../static/chat/connection.js";
import { FakeClock, FakeSocket, settled } from "./fakes.js";

/** @import { ServerFrame } from "../../static/chat/wire.js" */
/** @type {ServerFrame} */
const PONG = { type: "pong", cursor: "epoch001.1" };

class Line {
  clock = new FakeClock();
  /** @type {FakeSocket[]} */ sockets = [];
  /** @type {string[]} */ phases = [];
  /** @type {ServerFrame[]} */ frames = [];
  stale = 0;
  /** @type {() => Promise<object|"idle"|"stopped">} */ hello = async () => ({ type: "hello" });

  /** @param {{random?: () => number}} [options] */
  constructor({ random = () => 0.5 } = {}) {
    this.connection = new Connection({
      dial: () => {
        this.sockets.push(new FakeSocket());
        return /** @type {any} */ (this.sockets.at(-1));
      },
      hello: () => this.hello(),
      clock: this.clock,
      random,
      onFrame: (frame) => void this.frames.push(frame),
      onPhase: (phase) => void this.phases.push(phase),
      onStale: () => void (this.stale += 1),
    });
  }

  get socket() {
    return /** @type {FakeSocket} */ (this.sockets.at(-1));
  }

  async online() {
    this.connection.start();
    await settled();
    await this.answer();
    return this;
  }

  async answer() {
    this.socket.open();
    this.socket.receive(PONG);
    await settled();
  }
}

test("the hello is the first frame, and a ping asks whether it was taken", async () => {
  const line = await new Line().online();
  assert.deepEqual(line.socket.sent, [{ type: "hello" }, { type: "ping", visible: true }]);
  assert.deepEqual(line.phases, ["connecting", "online"]);
});

test("nothing is sent before the server has answered", async () => {
  const line = new Line();
  line.connection.start();
  await settled();
  line.socket.open();
  assert.equal(line.connection.send({ type: "typing" }), false);
  line.socket.receive(PONG);
  assert.equal(line.connection.send({ type: "typing" }), true);
});

test("pings come every 20 to 25 s while they are answered", async () => {
  const line = await new Line({ random: () => 0.999 }).online();
  await line.clock.pass(24_000);
  assert.equal(line.socket.frames("ping").length, 1);
  await line.clock.pass(1_000);
  assert.equal(line.socket.frames("ping").length, 2);
});

test("a socket that answers no ping is given up", async () => {
  const line = await new Line().online();
  await line.clock.pass(22_500 + 8_000);
  assert.equal(line.connection.phase, "waiting");
  assert.equal(line.socket.readyState, 3);
});

test("a dial that never opens is given up", async () => {
  const line = new Line();
  line.connection.start();
  await line.clock.pass(10_000);
  assert.equal(line.connection.phase, "waiting");
});

test("delays double under full jitter and start over only after a healthy while", async () => {
  const line = await new Line().online();
  const waits = [];
  for (let drop = 0; drop < 9; drop += 1) {
    line.socket.die();
    const before = line.sockets.length;
    let waited = 0;
    while (line.sockets.length === before) {
      await line.clock.pass(125);
      waited += 125;
    }
    waits.push(waited);
    await line.answer();
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  await line.clock.pass(10_000);
  line.socket.die();
  await line.clock.pass(250);
  assert.equal(line.sockets.length, 11);
});

for (const [name, { code, policy }] of Object.entries(CLOSE)) {
  test(`${name} (${code}): ${policy}`, async () => {
    const line = await new Line().online();
    await line.clock.pass(10_000);
    line.socket.die(code);
    assert.equal(line.connection.phase, policy === "stop" ? "stopped" : "waiting");
    assert.equal(line.stale, policy === "refresh" ? 1 : 0);
    await line.clock.pass(0);
    const atOnce = policy === "refresh" || policy === "at once";
    assert.equal(line.sockets.length, atOnce ? 2 : 1);
    await line.clock.pass(3_600_000);
    assert.equal(line.sockets.length > 1, policy !== "stop");
  });
}

test("a server that is slow at once, each time, is not hammered", async () => {
  const line = await new Line().online();
  line.socket.die(CLOSE.SLOW?.code);
  await line.clock.pass(0);
  assert.equal(line.sockets.length, 1);
});

test("a network that comes back, or a page looked at again, does not wait", async () => {
  const line = await new Line().online();
  line.connection.lose();
  assert.equal(line.connection.phase, "waiting");
  line.connection.wake();
  await settled();
  assert.equal(line.sockets.length, 2);
});

test("a network that goes revives nothing that was stopped, or not begun", async () => {
  const line = await new Line().online();
  line.socket.die(CLOSE.BLOCKED?.code);
  line.connection.lose();
  const other = new Line();
  other.connection.lose();
  await line.clock.pass(3_600_000);
  await other.clock.pass(3_600_000);
  assert.deepEqual([line.connection.phase, line.sockets.length], ["stopped", 1]);
  assert.deepEqual([other.connection.phase, other.sockets.length], ["idle", 0]);
});

test("waking asks an old socket quickly whether it lives", async () => {
  const line = await new Line().online();
  line.connection.wake();
  await line.clock.pass(3_000);
  assert.equal(line.connection.phase, "waiting");
});

test("visibility is told at once, and only when it changes", async () => {
  const line = await new Line().online();
  line.connection.look(true);
  line.connection.look(false);
  assert.deepEqual(line.socket.frames("ping").map(({ visible }) => visible), [true, false]);
});

test("a server that stops is left at the moment it names, and not before", async () => {
  const line = await new Line().online();
  line.socket.receive({ type: "reconnect", in_ms: 8123 });
  await line.clock.pass(8122);
  assert.equal(line.sockets.length, 1);
  assert.equal(line.connection.send({ type: "typing" }), true);
  await line.clock.pass(1);
  assert.equal(line.sockets.length, 2);
  await line.answer();
  assert.deepEqual(line.phases, ["connecting", "online", "connecting", "online"]);
});

test("a server that stops and closes early is dialled no sooner than it said", async () => {
  const line = await new Line({ random: () => 0.999 }).online();
  line.socket.receive({ type: "reconnect", in_ms: 800 });
  await line.clock.pass(300);
  line.socket.die(CLOSE.RESTART?.code);
  await line.clock.pass(499);
  assert.equal(line.sockets.length, 1);
  await line.clock.pass(1);
  assert.equal(line.sockets.length, 2);
});

test("pages that a stopping server does not name a moment spread by themselves", async () => {
  const moments = [];
  for (const chance of [0, 0.25, 0.999]) {
    const line = await new Line({ random: () => chance }).online();
    const before = line.clock.now();
    line.socket.die(CLOSE.RESTART?.code);
    while (line.sockets.length === 1) await line.clock.pass(5);
    moments.push(line.clock.now() - before);
  }
  assert.deepEqual(moments, [5, 1250, 4995]);
});

test("a hello that fails is tried again; one that says to rest is not", async () => {
  const line = new Line();
  line.hello = async () => Promise.reject(new Error("no network"));
  line.connection.start();
  await settled();
  assert.equal(line.connection.phase, "waiting");
  line.hello = async () => "stopped";
  await line.clock.pass(500);
  assert.equal(line.connection.phase, "stopped");
  assert.equal(line.sockets.length, 0);
});

test("a connection stopped while it says hello dials no more", async () => {
  const line = new Line();
  line.connection.start();
  line.connection.stop();
  await settled();
  assert.equal(line.sockets.length, 0);
});

test("a stopped connection leaves no timer and hears nothing more", async () => {
  const line = await new Line().online();
  const { onmessage } = line.socket;
  line.connection.stop();
  assert.equal(line.clock.timers.length, 0);
  assert.notEqual(line.socket.onmessage, onmessage);
  assert.equal(line.connection.phase, "idle");
});

test("a server that has no place says when it may be asked again", async () => {
  const line = new Line();
  line.connection.start();
  await settled();
  line.socket.open();
  line.socket.receive({ type: "error", error: { code: "too_fast", message: "No place.", retry_after: 30 } });
  line.socket.die(CLOSE.TOO_FAST?.code);
  await line.clock.pass(30_000);
  assert.equal(line.sockets.length, 1);
  await line.clock.pass(1_000);
  assert.equal(line.sockets.length, 2);
  line.socket.die();
  await line.clock.pass(2_000);
  assert.equal(line.sockets.length, 3, "once");
});
