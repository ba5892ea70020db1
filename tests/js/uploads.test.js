import assert from "node:assert/strict";
import { test } from "node:test";

import { World, message, reset, settled } from "./fakes.js";

/** A server for files that answers when it is told to. */
class Desk {
  /** @type {{order: any, answer: (status: number, body?: any, retryAfter?: number) => void, cut: () => void}[]} */ calls = [];

  transmit = (/** @type {any} */ order) =>
    new Promise((resolve, reject) => {
      order.signal.addEventListener("abort", () => reject(new Error("abort")));
      const answer = (/** @type {number} */ status, /** @type {any} */ body = null, retryAfter = 0) => resolve({ status, body, retryAfter });
      this.calls.push({ order, answer, cut: () => reject(new Error("cut")) });
    });

  /** @param {number} index */
  take(index, id = `f${index}`) {
    this.calls[index]?.answer(201, { id, name: "photo.jpg", size: 3, type: "image" });
    return settled();
  }
}

async function begin() {
  const world = new World();
  const client = await world.connected([]);
  const uploads = await client.filing.load();
  const desk = new Desk();
  uploads.transmit = desk.transmit;
  const add = async (name = "photo.jpg") => {
    const key = uploads.add(new Blob(["abc"], { type: "image/jpeg" }), name);
    await settled();
    return key;
  };
  const file = (/** @type {string} */ key) => {
    const { id, name, size, type } = /** @type {import("../../static/chat/uploads.js").Upload} */ (uploads.get(key));
    return { key, id, name, size, type };
  };
  return { world, client, uploads, desk, add, file };
}

const sent = (/** @type {World} */ world) => world.socket.frames("send").map(({ text, files }) => ({ text, files }));

test("a file is uploaded when it is added, and its message names it", async () => {
  const { world, client, desk, add, file } = await begin();
  const key = await add();
  assert.match(desk.calls[0]?.order.url, /\/api\/v1\/uploads\?name=photo\.jpg$/);
  assert.equal(desk.calls[0]?.order.token, "token");
  await desk.take(0);
  client.send("look", [file(key)]);
  assert.deepEqual(sent(world), [{ text: "look", files: ["f0"] }]);
});

test("a message waits for its files, and what is written after it waits for both", async () => {
  const { world, client, desk, add, file } = await begin();
  const key = await add();
  client.send("look", [file(key)]);
  client.send("at this");
  assert.deepEqual(sent(world), []);
  await desk.take(0);
  assert.deepEqual(sent(world), [{ text: "look", files: ["f0"] }]);
  world.take(world.socket.frames("send")[0], 2);
  assert.deepEqual(sent(world).at(-1), { text: "at this", files: undefined });
});

test("a file that was cut off is sent again, and its message keeps its echo_id", async () => {
  const { world, client, desk, add, file } = await begin();
  const echoId = client.send("look", [file(await add())]);
  desk.calls[0]?.cut();
  await world.clock.pass(2_000);
  assert.equal(desk.calls.length, 2);
  await desk.take(1);
  assert.deepEqual(world.socket.frames("send"), [{ type: "send", echo_id: echoId, conversation: "c1", text: "look", files: ["f1"] }]);
});

test("an upload that stands still is cut and sent again", async () => {
  const { world, uploads, desk, add } = await begin();
  const key = await add();
  await world.clock.pass(40_000);
  desk.calls[0]?.order.onShare(0.5);
  await world.clock.pass(40_000);
  assert.equal(uploads.get(key)?.share, 0.5);
  assert.equal(desk.calls.length, 1);
  await world.clock.pass(10_000);
  assert.equal(desk.calls.length, 2);
  assert.equal(uploads.get(key)?.share, 0);
});

/** The network is gone without a word, and back after a while. @param {World} world */
async function reconnected(world) {
  world.socket.die();
  await world.clock.pass(2_000);
  await settled();
  world.socket.open();
  world.socket.receive(reset([]));
  await world.clock.pass(2_000);
  await settled();
}

test("an upload on a line that was cut without a word goes on as soon as the server is reached anew", async () => {
  const { world, desk, add } = await begin();
  await add();
  desk.calls[0]?.order.onShare(0.5);
  await world.clock.pass(10_000);
  assert.equal(desk.calls.length, 1);
  await reconnected(world);
  assert.equal(desk.calls.length, 2);
});

test("one that moves meanwhile goes on", async () => {
  const { world, uploads, desk, add } = await begin();
  const key = await add();
  await world.clock.pass(10_000);
  desk.calls[0]?.order.onShare(0.5);
  await reconnected(world);
  assert.equal(desk.calls.length, 1);
  assert.equal(uploads.get(key)?.share, 0.5);
});

test("a server that wants us later is asked then, and one that wants us much later has refused", async () => {
  const { world, uploads, desk, add } = await begin();
  const key = await add();
  desk.calls[0]?.answer(429, { error: { code: "too_fast", message: "Wait.", retry_after: 20 } });
  await world.clock.pass(19_000);
  assert.equal(desk.calls.length, 1);
  await world.clock.pass(3_000);
  assert.equal(desk.calls.length, 2);
  desk.calls[1]?.answer(429, { error: { code: "too_fast", message: "Tomorrow.", retry_after: 7_200 } });
  await settled();
  assert.deepEqual([uploads.get(key)?.phase, uploads.get(key)?.fault?.message, uploads.get(key)?.again], ["failed", "Tomorrow.", true]);
});

test("a refused file refuses the message that waits for it, and both can be tried again", async () => {
  const { client, desk, add, file } = await begin();
  const echoId = client.send("look", [file(await add())]);
  desk.calls[0]?.answer(415, { error: { code: "file_refused", message: "Send a picture." } });
  await settled();
  assert.equal(client.state.unsent[0]?.refused?.message, "Send a picture.");
  client.retry(echoId);
  await settled();
  assert.equal(desk.calls.length, 2);
});

test("what the server does not hold any more is uploaded once more when the message is tried again", async () => {
  const { world, client, desk, add, file } = await begin();
  const key = await add();
  await desk.take(0);
  const echoId = client.send("look", [file(key)]);
  world.socket.receive({ type: "refused", echo_id: echoId, error: { code: "no_such_file", message: "Gone." } });
  client.retry(echoId);
  await settled();
  await desk.take(1);
  assert.deepEqual(sent(world).at(-1), { text: "look", files: ["f1"] });
});

test("one file goes at once, others wait; one that is taken away makes room and is cut", async () => {
  const { uploads, desk, add } = await begin();
  const keys = [await add(), await add()];
  assert.equal(desk.calls.length, 1);
  uploads.remove(keys[0] ?? "");
  await settled();
  assert.equal(desk.calls[0]?.order.signal.aborted, true);
  assert.equal(desk.calls.length, 2);
  assert.equal(uploads.get(keys[0] ?? ""), null);
});

test("nothing is sent before the visitor agreed", async () => {
  const { uploads, desk, add } = await begin();
  uploads.held = true;
  await add();
  assert.equal(desk.calls.length, 0);
  uploads.held = false;
  uploads.wake();
  await settled();
  assert.equal(desk.calls.length, 1);
});

test("a token that is not known any more is renewed", async () => {
  const { world, desk, add } = await begin();
  await add();
  world.answers["/session/refresh"] = () => ({ status: 200, body: { access_token: "newer", expires_in: 900, contact: "x" } });
  desk.calls[0]?.answer(401, { error: { code: "unknown_token", message: "" } });
  await world.clock.pass(2_000);
  assert.equal(desk.calls[1]?.order.token, "newer");
});

test("a file is let go when its message has arrived, and cut when that is deleted", async () => {
  const { world, client, uploads, desk, add, file } = await begin();
  const keys = [await add(), await add()];
  await desk.take(0);
  client.send("one", [file(keys[0] ?? "")]);
  const second = client.send("two", [file(keys[1] ?? "")]);
  world.take(world.socket.frames("send")[0], 2);
  assert.equal(uploads.get(keys[0] ?? ""), null);
  client.discard(second);
  assert.equal(desk.calls[1]?.order.signal.aborted, true);
});

test("files of whoever leaves are neither sent on nor kept, and begin nobody's session", async () => {
  const { world, client, uploads, desk, add } = await begin();
  const [going, waiting] = [await add("going.jpg"), await add("waiting.jpg")];
  await client.logout();
  await settled();
  assert.equal(desk.calls[0]?.order.signal.aborted, true);
  assert.deepEqual([uploads.get(going), uploads.get(waiting)], [null, null]);
  world.requests.length = 0;
  desk.calls[0]?.answer(401, { error: { code: "unknown_token", message: "" } });
  await world.clock.pass(120_000);
  assert.deepEqual([world.requests, desk.calls.length, client.session.begun], [[], 1, false]);
});

test("a newcomer's file is theirs after its upload has begun their session", async () => {
  const world = new World();
  const client = world.client();
  client.start();
  const uploads = await client.filing.load();
  const desk = new Desk();
  uploads.transmit = desk.transmit;
  const key = uploads.add(new Blob(["abc"]), "photo.jpg");
  await settled();
  client.send("look", [{ key, id: null, name: "photo.jpg", size: 3, type: "" }]);
  await settled();
  world.socket.open();
  world.socket.receive(reset([], []));
  await desk.take(0);
  assert.deepEqual(sent(world), [{ text: "look", files: ["f0"] }]);
});

test("after a reload, what was uploaded is sent and what was not is handed back", async () => {
  const world = new World();
  const left = (/** @type {string} */ echo_id, /** @type {string|null} */ id) => ({
    ...{ echo_id, text: `text of ${echo_id}`, conversation: null, at: 1, accepted: null, refused: null },
    files: [{ key: `k-${echo_id}`, id, name: "photo.jpg", size: 3, type: "image/jpeg" }],
  });
  world.area.setItem("chatproxy:main:unsent:dead", JSON.stringify([left("e1", "f1"), left("e2", null)]));
  const client = world.client();
  /** @type {string[]} */
  const told = [];
  client.on("stranded", () => told.push(...client.filing.takeStranded().map(({ text }) => text)));
  client.start();
  await settled();
  world.socket.open();
  world.socket.receive(reset([message()]));
  assert.deepEqual(told, ["text of e2"]);
  assert.deepEqual(sent(world), [{ text: "text of e1", files: ["f1"] }]);
  assert.deepEqual(client.filing.takeStranded(), []);
});

test("after a reload, a message whose file was refused is shown as it was", async () => {
  const world = new World();
  const refused = { code: "file_refused", message: "Send a picture." };
  const files = [{ key: "k", id: null, name: "a.exe", size: 3, type: "" }];
  const left = { echo_id: "e1", text: "look", conversation: null, at: 1, accepted: null, refused, files };
  world.area.setItem("chatproxy:main:unsent:dead", JSON.stringify([left]));
  const client = world.client();
  client.start();
  await settled();
  assert.deepEqual([client.state.unsent[0]?.refused, client.filing.hasStranded], [refused, false]);
});

test("another person's session does not have the files of the one before", async () => {
  const { world, client, desk, add, file } = await begin();
  const key = await add();
  await desk.take(0);
  world.socket.die();
  client.send("look", [file(key)]);
  world.answers["/session/refresh"] = () => ({ status: 200, body: { access_token: "t2", expires_in: 900, contact: "other" } });
  client.session.expire();
  await world.clock.pass(20_000);
  desk.calls[1]?.order.onShare(0.5);
  world.socket.open();
  world.socket.receive(reset([]));
  await settled();
  assert.equal(desk.calls.length, 2);
  await desk.take(1);
  assert.deepEqual(sent(world), [{ text: "look", files: ["f1"] }]);
});
