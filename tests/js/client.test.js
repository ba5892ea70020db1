import assert from "node:assert/strict";
import { test } from "node:test";

import { lockedBy } from "../../static/chat/locks.js";
import { thread } from "../../static/chat/selectors.js";
import { World, changes, conversation, fakeLocks, message, noLocks, reset, settled } from "./fakes.js";

/** @type {() => never} */
const deny = () => {
  throw new DOMException("denied", "SecurityError");
};

/** @param {{state: import("../../static/chat/state.js").State}} client */
const texts = (client) => thread(client.state).map(({ text }) => /** @type {any} */ (text)[0].c[0]);

test("a newcomer costs the server nothing", async () => {
  const world = new World();
  const client = world.client();
  client.start();
  client.look(false);
  client.wake();
  await client.glance();
  await world.clock.pass(600_000);
  assert.deepEqual(world.requests, []);
  assert.equal(world.sockets.length, 0);
  assert.deepEqual(Object.keys(world.area), []);
});

test("the first message begins the session, once for two tabs", async () => {
  const world = new World();
  const [one, two] = [world.client(), world.client()];
  one.start();
  two.start();
  one.send("from one");
  two.send("from two");
  await settled();
  assert.deepEqual(world.requests.map(({ path }) => path), ["/session", "/session/refresh"]);
  assert.deepEqual(world.requests[0]?.body, { inbox: "main", kind: "browser" });
  assert.equal(world.sockets.length, 2);
});

test("two tabs without locks begin one session too", async () => {
  for (const chances of [[0.5, 0.5], [0, 0.9], [0.9, 0]]) {
    const world = new World();
    world.locked = noLocks;
    const [one, two] = [world.client(), world.client()];
    [one, two].forEach((client, index) => (client.session.lease.random = () => chances[index] ?? 0));
    one.start();
    two.start();
    one.send("from one");
    two.send("from two");
    for (const key of Object.keys(world.area)) for (const client of [one, two]) client.noticed(key);
    await world.clock.pass(2_000);
    assert.deepEqual(world.requests.map(({ path }) => path), ["/session", "/session/refresh"]);
    assert.deepEqual([one, two].map(({ state }) => state.unsent.map(({ text }) => text)), [["from one"], ["from two"]]);
  }
});

test("a tab that died while it began a session is not waited for longer than its term", async () => {
  const world = new World();
  world.locked = noLocks;
  world.area.setItem("chatproxy:main:beginning", JSON.stringify({ by: "dead", until: world.clock.now() + 20_000 }));
  world.client().send("hello");
  await world.clock.pass(19_000);
  assert.deepEqual(world.requests, []);
  await world.clock.pass(2_000);
  assert.deepEqual(world.requests.map(({ path }) => path), ["/session"]);
});

test("a clock that was set back makes nobody wait for a term that began later", async () => {
  const world = new World();
  world.locked = noLocks;
  world.area.setItem("chatproxy:main:beginning", JSON.stringify({ by: "dead", until: world.clock.now() + 3_600_000 }));
  world.client().send("hello");
  await world.clock.pass(1_000);
  assert.deepEqual(world.requests.map(({ path }) => path), ["/session"]);
});

test("blocked site data, locks and storage, keeps nothing and delivers all the same", async () => {
  const world = new World();
  const refuse = () => Promise.reject(new DOMException("denied", "SecurityError"));
  world.locked = lockedBy(() => /** @type {any} */ ({ request: refuse }));
  Object.setPrototypeOf(world.area, { getItem: deny, setItem: deny, removeItem: deny });
  const client = world.client();
  client.start();
  client.send("anybody?");
  await world.clock.pass(2_000);
  world.socket.open();
  world.socket.receive(reset([]));
  world.take(world.socket.frames("send")[0], 3);
  assert.deepEqual(texts(client), ["anybody?"]);
});

test("another tab that begins the session brings this one along", async () => {
  const world = new World();
  const [one, two] = [world.client(), world.client()];
  two.start();
  one.send("hello");
  await settled();
  two.noticed("chatproxy:main:begun");
  await settled();
  assert.equal(world.sockets.length, 2);
});

test("a returning visitor resumes with the cursor held", async () => {
  const world = new World();
  const client = await world.connected(["hello"]);
  world.socket.die();
  await world.clock.pass(1_000);
  world.socket.open();
  assert.deepEqual(world.socket.sent[0], { type: "hello", token: "token", since: "epoch001.1", visible: true });
  world.socket.receive(changes([message({ seq: 2 })], 2));
  assert.deepEqual(texts(client), ["hello", "message 2"]);
});

test("messages go out one at a time, in order", async () => {
  const world = new World();
  const client = await world.connected();
  for (const text of ["one", "two", "three"]) client.send(text);
  for (const [index, text] of ["one", "two", "three"].entries()) {
    const sent = world.socket.frames("send");
    assert.equal(sent.length, index + 1);
    assert.equal(sent[index].text, text);
    world.take(sent[index], index + 10);
  }
  assert.deepEqual(texts(client), ["one", "two", "three"]);
  assert.deepEqual(client.state.unsent, []);
});

test("a cut between sending and the answer sends the same echo_id again", async () => {
  const world = new World();
  const client = await world.connected();
  const echoId = client.send("hello?");
  world.socket.die();
  await world.clock.pass(1_000);
  world.socket.open();
  world.socket.receive(changes([], 1));
  const [again] = world.socket.frames("send");
  assert.equal(again.echo_id, echoId);
});

test("a message that was taken before the cut is not sent again", async () => {
  const world = new World();
  const client = await world.connected();
  const echoId = client.send("hello?");
  world.socket.die();
  await world.clock.pass(1_000);
  world.socket.open();
  world.socket.receive(changes([message({ seq: 5, direction: "incoming", echo_id: echoId })], 5));
  assert.deepEqual(world.socket.frames("send"), []);
  assert.deepEqual(client.state.unsent, []);
});

test("unsent messages survive a reload, with their echo_id", async () => {
  const world = new World();
  const client = await world.connected();
  world.socket.die();
  const echoId = client.send("kept");
  world.locked = fakeLocks(); // The old page and its lock are gone.
  const reloaded = world.client();
  reloaded.start();
  await settled();
  assert.deepEqual(reloaded.state.unsent.map((u) => [u.echo_id, u.text]), [[echoId, "kept"]]);
  world.socket.open();
  world.socket.receive(reset([]));
  world.take(world.socket.frames("send")[0], 3);
  assert.deepEqual(Object.keys(world.area).filter((key) => key.includes("unsent")), []);
});

test("an unanswered message makes the client dial again", async () => {
  const world = new World();
  const client = await world.connected();
  client.send("anybody?");
  for (let ms = 0; ms < 10_000; ms += 1_000) {
    world.socket.receive({ type: "presence", online: true });
    await world.clock.pass(1_000);
  }
  assert.equal(world.sockets.length, 2);
});

test("a server that asks for patience gets it, and the visitor sees no refusal", async () => {
  const world = new World();
  const client = await world.connected();
  const echo_id = client.send("quick");
  world.socket.receive({ type: "refused", echo_id, error: { code: "too_fast", message: "Slower." } });
  assert.equal(client.state.unsent[0]?.refused, null);
  client.send("quicker");
  assert.equal(world.socket.frames("send").length, 1);
  await world.clock.pass(1_500);
  assert.equal(world.socket.frames("send").length, 2);
});

test("a message that came too fast goes out again when the server said, and is never shown as failed", async () => {
  const world = new World();
  const client = await world.connected();
  const echo_id = client.send("eleventh");
  world.socket.receive({ type: "refused", echo_id, error: { code: "too_fast", message: "Slower.", retry_after: 30 } });
  for (let s = 0; s < 30; s += 1) {
    await world.clock.pass(1_000);
    world.socket.receive({ type: "pong", cursor: client.state.cursor ?? "" });
    assert.equal(client.state.unsent[0]?.refused, null);
  }
  assert.equal(world.socket.frames("send").length, 1);
  await world.clock.pass(1_500);
  assert.deepEqual(world.socket.frames("send").map((frame) => frame.echo_id), [echo_id, echo_id]);
  world.take(world.socket.frames("send").at(-1), 1);
  assert.deepEqual(client.state.unsent, []);
});

test("a session that is refused for now is asked for again when the server said, with the message kept", async () => {
  const world = new World();
  const client = world.client();
  world.answers["/session"] = () => ({ status: 429, headers: { "Retry-After": "60" } });
  client.send("first");
  await world.clock.pass(59_000);
  assert.deepEqual(world.requests.map(({ path }) => path), ["/session"]);
  assert.equal(client.state.unsent[0]?.refused, null);
  delete world.answers["/session"];
  await world.clock.pass(2_000);
  world.socket.open();
  world.socket.receive(reset([]));
  await settled();
  assert.equal(world.socket.frames("send").at(-1).text, "first");
});

test("a blocked visitor is told once, and keeps what was not sent", async () => {
  const world = new World();
  const client = await world.connected();
  const echo_id = client.send("hello?");
  world.socket.receive({ type: "error", error: { code: "blocked", message: "This chat is not available to you." } });
  world.socket.die(4423);
  await world.clock.pass(600_000);
  assert.equal(world.sockets.length, 1);
  assert.equal(client.state.status, "stopped");
  assert.equal(client.state.unsent[0]?.echo_id, echo_id);
});

test("a real refusal is shown, lets the next one pass, and can be retried", async () => {
  const world = new World();
  const client = await world.connected();
  const echo_id = client.send("bad");
  client.send("good");
  world.socket.receive({ type: "refused", echo_id, error: { code: "text_invalid", message: "Not text." } });
  assert.equal(client.state.unsent[0]?.refused?.message, "Not text.");
  assert.equal(world.socket.frames("send").at(-1).text, "good");
  world.take(world.socket.frames("send").at(-1), 9);
  client.retry(echo_id);
  assert.equal(world.socket.frames("send").at(-1).echo_id, echo_id);
});

/** @param {World} world @param {Partial<import("../../static/chat/wire.js").Message>} [fields] */
async function withLost(world, fields = {}) {
  const client = await world.connected();
  const lost = message({ id: "m1", seq: 1, direction: "incoming", echo_id: "e1", state: "failed", reason: "Too long.", ...fields });
  world.socket.receive(changes([lost], 1));
  return { client, lost };
}

test("a lost message is asked for again, once on each socket, until its row changes", async () => {
  const world = new World();
  const { client, lost } = await withLost(world);
  client.retry("e1");
  client.typing(true);
  assert.deepEqual(world.socket.frames("retry"), [{ type: "retry", message: "m1" }]);
  world.socket.die();
  await world.clock.pass(1_000);
  world.socket.open();
  world.socket.receive(changes([{ ...lost, seq: 1 }], 1));
  assert.deepEqual(world.socket.frames("retry"), [{ type: "retry", message: "m1" }]);
  world.socket.receive(changes([{ ...lost, seq: 2, state: "accepted", reason: null }], 2));
  assert.equal(client.state.asked.size, 0);
  world.socket.receive(changes([{ ...lost, seq: 3 }], 3));
  client.discard("e1");
  assert.deepEqual(world.socket.frames("discard"), [{ type: "discard", message: "m1" }]);
});

test("what is asked without a line is asked when there is one again, also after a reset", async () => {
  const world = new World();
  const { client, lost } = await withLost(world);
  world.socket.die();
  client.discard("e1");
  await world.clock.pass(1_000);
  world.socket.open();
  world.socket.receive(reset([lost]));
  assert.deepEqual(world.socket.frames("discard"), [{ type: "discard", message: "m1" }]);
});

test("a server that refuses to retry is quoted, one that is too busy is asked later, one that was faster is believed", async () => {
  const world = new World();
  const { client } = await withLost(world);
  const refuse = (/** @type {string} */ code) => world.socket.receive({ type: "refused", message: "m1", error: { code, message: "No." } });
  client.retry("e1");
  refuse("too_many_waiting");
  assert.equal(client.state.asked.get("m1")?.refused?.message, "No.");
  client.retry("e1");
  refuse("unavailable");
  assert.equal(client.state.asked.get("m1")?.refused, null);
  assert.equal(world.socket.frames("retry").length, 2);
  await world.clock.pass(2_000);
  assert.equal(world.socket.frames("retry").length, 3);
  refuse("not_lost");
  assert.equal(client.state.asked.size, 0);
  assert.deepEqual(client.state.unsent, []);
});

test("an unknown token is refreshed once; a session that is gone leaves a newcomer", async () => {
  const world = new World();
  const client = await world.connected(["secret"]);
  world.answers["/session/refresh"] = () => ({ status: 401 });
  await world.clock.pass(10_000);
  world.socket.die(4401);
  await world.clock.pass(0);
  assert.equal(client.state.status, "new");
  assert.equal(client.state.messages.size, 0);
  assert.equal(world.area.getItem("chatproxy:main:begun"), null);
  client.send("hello again");
  await settled();
  assert.equal(world.requests.at(-1)?.path, "/session");
});

test("a session of somebody else brings none of the old thread and no old cursor", async () => {
  const world = new World();
  const client = await world.connected(["secret"]);
  world.answers["/session/refresh"] = () => ({ status: 200, body: { access_token: "t2", expires_in: 900, contact: "y" } });
  await world.clock.pass(10_000);
  world.socket.die(4401);
  await world.clock.pass(0);
  world.socket.open();
  assert.equal(world.socket.sent[0].since, null);
  assert.deepEqual(texts(client), []);
});

test("T7: an older page that was asked for by the one before is not shown to the next", async () => {
  const world = new World();
  const client = await world.connected();
  world.socket.receive(reset(Array.from({ length: 50 }, (_, index) => message({ seq: index + 100 }))));
  /** @type {(page: object) => void} */ let arrive = () => {};
  world.answers["/conversations/c1/messages"] = () => ({ status: 200, body: new Promise((resolve) => (arrive = resolve)) });
  const asking = client.older();
  await settled();
  world.answers["/session/refresh"] = () => ({ status: 200, body: { access_token: "t2", expires_in: 900, contact: "y" } });
  await world.clock.pass(10_000);
  world.socket.die(4401);
  await world.clock.pass(0);
  arrive({ messages: [message({ seq: 9 })], more: false });
  assert.equal(await asking, false);
  assert.deepEqual(texts(client), []);
});

test("an inbox that does not exist stops the client in words, not in a loop", async () => {
  const world = new World();
  world.answers["/session"] = () => ({ status: 404 });
  const client = world.client();
  client.send("hello");
  await world.clock.pass(600_000);
  assert.equal(client.state.status, "stopped");
  assert.equal(world.requests.length, 1);
});

test("a server in trouble is asked again, more and more patiently", async () => {
  const world = new World();
  world.answers["/session"] = () => ({ status: 503 });
  const client = world.client();
  client.send("hello");
  await world.clock.pass(60_000);
  assert.equal(client.state.status, "offline");
  assert.ok(world.requests.length > 4 && world.requests.length < 15, `${world.requests.length} requests`);
});

test("changes are acknowledged after a second, or after sixteen", async () => {
  const world = new World();
  await world.connected(["one"]);
  assert.deepEqual(world.socket.frames("ack"), []);
  await world.clock.pass(1_000);
  assert.deepEqual(world.socket.frames("ack"), [{ type: "ack", cursor: "epoch001.1" }]);
  const burst = Array.from({ length: 16 }, (_, index) => message({ seq: index + 2 }));
  world.socket.receive(changes(burst, 17));
  assert.equal(world.socket.frames("ack").at(-1).cursor, "epoch001.17");
});

test("a client that stays behind the server's head dials again", async () => {
  const world = new World();
  await world.connected(["one"]);
  world.socket.receive({ type: "pong", cursor: "epoch001.4" });
  await world.clock.pass(5_000);
  assert.equal(world.sockets.length, 2);
});

test("a client that catches up in time stays", async () => {
  const world = new World();
  await world.connected(["one"]);
  world.socket.receive({ type: "pong", cursor: "epoch001.4" });
  world.socket.receive(changes([message({ seq: 4 })], 4));
  await world.clock.pass(5_000);
  assert.equal(world.sockets.length, 1);
});

test("seen names the newest unread message of each conversation, once", async () => {
  const world = new World();
  const client = await world.connected(["one", "two"]);
  client.seen();
  client.seen();
  assert.deepEqual(world.socket.frames("seen"), [{ type: "seen", conversation: "c1", message: "m2" }]);
});

test("typing is told to the current conversation, and to nobody before there is one", async () => {
  const world = new World();
  const client = world.client();
  client.typing(true);
  const returning = await world.connected(["one"]);
  returning.typing(true);
  assert.deepEqual(world.socket.frames("typing"), [{ type: "typing", conversation: "c1", on: true }]);
});

test("earlier pages are fetched one at a time with the bearer's token", async () => {
  const world = new World();
  const client = await world.connected();
  world.socket.receive(reset(Array.from({ length: 50 }, (_, index) => message({ seq: index + 100 }))));
  world.answers["/conversations/c1/messages"] = () => ({ status: 200, body: { messages: [message({ seq: 9 })], more: false } });
  assert.deepEqual(await Promise.all([client.older(), client.older()]), [true, false]);
  assert.equal(world.requests.at(-1)?.path, "/conversations/c1/messages?before=m100");
  assert.equal(texts(client)[0], "message 9");
  assert.equal(await client.older(), false);
});

test("a glance reads the state once, without a socket", async () => {
  const world = new World();
  world.area.setItem("chatproxy:main:begun", "true");
  world.answers["/sync"] = () => ({ status: 200, body: reset([message({ seq: 1 })], [conversation()]) });
  const client = world.client();
  await client.glance();
  assert.equal(client.state.messages.size, 1);
  assert.equal(world.sockets.length, 0);
});

test("a glance that ends after the chat was opened changes nothing", async () => {
  const world = new World();
  world.answers["/sync"] = () => ({ status: 200, body: reset([]) });
  const client = await world.connected(["hello"]);
  assert.equal(await client.glance(), true);
  assert.deepEqual(texts(client), ["hello"]);
});

test("a glance that fails says so, and can be had again", async () => {
  const world = new World();
  world.area.setItem("chatproxy:main:begun", "true");
  world.answers["/sync"] = () => ({ status: 503 });
  const client = world.client();
  assert.equal(await client.glance(), false);
  world.answers["/sync"] = () => ({ status: 200, body: reset([message({ seq: 1 })], [conversation()]) });
  assert.equal(await client.glance(), true);
  assert.equal(client.state.messages.size, 1);
});

test("listeners hear what changed, until they leave", async () => {
  const world = new World();
  const client = await world.connected(["one"]);
  /** @type {string[]} */
  const heard = [];
  const off = client.on("presence", ({ state }) => void heard.push(`online ${state.online}`));
  client.on("typing", ({ state }) => void heard.push(`typing ${state.typing.size}`));
  world.socket.receive({ type: "presence", online: true });
  world.socket.receive({ type: "typing", conversation: "c1", name: "Gus", on: true });
  off();
  world.socket.receive({ type: "presence", online: false });
  await world.clock.pass(31_000);
  assert.deepEqual(heard, ["online true", "typing 1", "typing 0"]);
});

test("what a session left unsent when it ended goes out as the first of a new person", async () => {
  const world = new World();
  const left = { echo_id: "e1", text: "left behind", conversation: "c-old", at: world.clock.now(), accepted: null, refused: null };
  world.area.setItem("chatproxy:main:unsent:dead", JSON.stringify([left]));
  world.area.setItem("chatproxy:main:begun", "true");
  world.answers["/session/refresh"] = () => ({ status: 401 });
  const client = world.client();
  await client.glance(); // the launcher of the next page
  client.resume();
  await settled();
  world.socket.open();
  await settled();
  world.socket.receive(reset([], []));
  assert.equal(world.socket.frames("send")[0]?.conversation, null);
  assert.equal(world.socket.frames("send")[0]?.text, "left behind");
});

test("a clock that is put back does not change the order in which one writes", async () => {
  const world = new World();
  const client = world.client();
  client.send("first");
  world.clock.time -= 60_000;
  client.send("second");
  assert.deepEqual(client.state.unsent.map(({ text }) => text), ["first", "second"]);
});
