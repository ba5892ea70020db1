import assert from "node:assert/strict";
import { test } from "node:test";
import { Cable, pauseMs } from "../../../chat/sandbox/desk/cable.js";
import { FakeClock } from "./fakes.js";

const ROOM = '{"channel":"RoomChannel","pubsub_token":"t"}';

class Line {
  sockets = [];
  heard = [];
  clock = new FakeClock();

  cable = new Cable({
    open: () => this.open(),
    identifier: ROOM,
    onConfirmed: () => this.heard.push("confirmed"),
    onEvent: (name) => this.heard.push(name),
    onLost: () => this.heard.push("lost"),
    clock: this.clock,
    random: () => 1,
  });

  open() {
    const socket = {
      sent: [],
      closed: false,
      send: (text) => socket.sent.push(JSON.parse(text)),
      close: () => (socket.closed = true),
    };
    this.sockets.push(socket);
    return socket;
  }

  get socket() {
    return this.sockets.at(-1);
  }

  says(frame) {
    this.socket.onmessage({ data: JSON.stringify(frame) });
  }

  confirmed() {
    this.cable.start();
    this.says({ type: "welcome" });
    this.says({ identifier: ROOM, type: "confirm_subscription" });
    return this;
  }

  alive(ms) {
    for (let passed = 0; passed < ms; passed += 3000) {
      this.clock.advance(3000);
      this.says({ type: "ping", message: 1 });
      this.says({ identifier: ROOM, message: { event: "presence.update", data: {} } });
    }
  }
}

test("it subscribes after the welcome and tells its presence after the confirmation", () => {
  const line = new Line().confirmed();
  const [subscribe, presence] = line.socket.sent;
  assert.deepEqual(subscribe, { command: "subscribe", identifier: ROOM });
  assert.equal(JSON.parse(presence.data).action, "update_presence");
  assert.deepEqual(line.heard, ["confirmed"]);
});

test("it passes on only what belongs to its subscription", () => {
  const line = new Line().confirmed();
  line.says({ identifier: "other", message: { event: "message.created", data: {} } });
  line.says({ identifier: ROOM, message: { event: "message.updated", data: {} } });
  assert.deepEqual(line.heard, ["confirmed", "message.updated"]);
});

test("presence is told again before Chatwoot forgets it", () => {
  const line = new Line().confirmed();
  line.alive(60_000);
  assert.equal(line.socket.sent.filter(({ command }) => command === "message").length, 5);
  assert.equal(line.sockets.length, 1);
});

for (const [name, lie] of [
  ["a line without a frame", (line) => line.clock.advance(9000)],
  ["a disconnect frame", (line) => line.says({ type: "disconnect", reason: "server_restart", reconnect: true })],
  ["a closed socket", (line) => line.socket.onclose()],
  [
    "pings from a deaf line",
    (line) =>
      [3, 3, 3].forEach((s) => (line.clock.advance(s * 1000), line.socket.onmessage && line.says({ type: "ping" }))),
  ],
]) {
  test(`${name} is lost, hung up and dialled again`, () => {
    const line = new Line().confirmed();
    const [first] = line.sockets;
    lie(line);
    assert.deepEqual(line.heard, ["confirmed", "lost"]);
    assert.equal(first.closed, true);
    line.clock.advance(500);
    assert.equal(line.sockets.length, 2);
  });
}

test("silence instead of a confirmation is a lost line", () => {
  const line = new Line();
  line.cable.start();
  line.says({ type: "welcome" });
  line.clock.advance(3000);
  line.says({ type: "ping" });
  line.clock.advance(2000);
  assert.deepEqual(line.heard, ["lost"]);
});

test("pauses grow to a ceiling and are spread by chance", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 10].map((attempt) => pauseMs(attempt, () => 1)),
    [500, 1000, 2000, 4000, 15_000],
  );
  assert.equal(
    pauseMs(10, () => 0.1),
    1500,
  );
});

test("a line that confirms and dies at once does not shorten the pauses", () => {
  const line = new Line().confirmed();
  line.socket.onclose();
  line.clock.advance(500);
  line.says({ type: "welcome" });
  line.says({ identifier: ROOM, type: "confirm_subscription" });
  line.socket.onclose();
  line.clock.advance(999);
  assert.equal(line.sockets.length, 2);
  line.clock.advance(1);
  assert.equal(line.sockets.length, 3);
});

test("a healthy while makes the next dial quick again", () => {
  const line = new Line().confirmed();
  line.socket.onclose();
  line.clock.advance(500);
  line.says({ type: "welcome" });
  line.says({ identifier: ROOM, type: "confirm_subscription" });
  line.alive(30_000);
  line.socket.onclose();
  line.clock.advance(500);
  assert.equal(line.sockets.length, 3);
});

test("hurrying ends the pause, and only a pause", () => {
  const line = new Line().confirmed();
  line.cable.hurry();
  assert.equal(line.sockets.length, 1);
  line.socket.onclose();
  line.cable.hurry();
  assert.equal(line.sockets.length, 2);
});

test("a stopped cable leaves no timer and no socket behind", () => {
  const line = new Line().confirmed();
  line.cable.stop();
  assert.equal(line.socket.closed, true);
  assert.equal(line.clock.pending, 0);
});
