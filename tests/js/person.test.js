import assert from "node:assert/strict";
import { test } from "node:test";

import { claimOf, gistOf, whoOf } from "../../static/chat/claim.js";
import { thread } from "../../static/chat/selectors.js";
import { World, fakeLocks, message, reset, settled, tree } from "./fakes.js";

/** @import { ChatClient } from "../../static/chat/client.js" */

/** @param {object} claims */
const jwt = (claims) => `h.${Buffer.from(JSON.stringify({ aud: "main", exp: 1, ...claims })).toString("base64url")}.s`;
const alice = { identity_token: jwt({ sub: "alice" }) };
const bob = { identity_token: jwt({ sub: "bob" }) };

/** @param {ChatClient} client */
const texts = (client) => thread(client.state).map(({ text }) => /** @type {any} */ (text)[0].c[0]);
/** @param {ChatClient} client */
const unsent = (client) => client.state.unsent.map(({ text }) => text);
/** @param {World} world */
const calls = (world) => world.requests.map(({ call }) => call);

/** @param {World} world @param {string} contact whose session the server gives from now on */
const seats = (world, contact) => {
  const body = { access_token: `token-${contact}`, expires_in: 900, contact };
  world.answers["/session"] = world.answers["/session/refresh"] = () => ({ status: 200, body });
};

/** @param {World} world @param {ChatClient} client @param {string[]} [said] */
async function online(world, client, said = []) {
  await settled();
  world.socket.open();
  world.socket.receive(reset(said.map((text, index) => message({ seq: index + 1, text: tree(text) }))));
  await settled();
  return client;
}

/** @param {World} world @param {string[]} [said] */
async function asAlice(world, said = ["for alice"]) {
  seats(world, "alice");
  const client = world.client();
  client.start();
  await client.identify(alice);
  return online(world, client, said);
}

test("a claim is told apart by whom it names, and by what it says of them", () => {
  const again = { identity_token: jwt({ sub: "alice", exp: 2, jti: "x" }) };
  assert.equal(whoOf(alice), whoOf(again));
  assert.notEqual(whoOf(alice), whoOf(bob));
  assert.equal(whoOf(alice), whoOf({ identifier: "alice", identifier_hash: "x" }));
  assert.equal(gistOf(alice), gistOf(again));
  assert.notEqual(gistOf(alice), gistOf({ identity_token: jwt({ sub: "alice", name: "Al" }) }));
  assert.equal(whoOf({ identity_token: "nonsense" }), "");
  assert.equal(gistOf({ identity_token: "nonsense" }), "nonsense");
  assert.doesNotMatch(whoOf(alice), /alice/);
});

test("what a page tells of somebody becomes a claim, or nothing", () => {
  assert.deepEqual(claimOf({ token: "t" }), { identity_token: "t" });
  assert.deepEqual(claimOf({ identifier: 7, identifier_hash: "h" }), { identifier: "7", identifier_hash: "h" });
  for (const bad of [null, undefined, 1, "t", {}, { token: "" }, { token: 1 }, { token: "t".repeat(4_097) }, { identifier: "a" }, { identifier: {}, identifier_hash: "h" }]) {
    assert.equal(claimOf(bad), null);
  }
});

test("identifying is an act: it begins a session, and opens no socket behind a closed panel", async () => {
  const world = new World();
  seats(world, "alice");
  const client = world.client();
  assert.equal(await client.identify(alice), true);
  assert.deepEqual(calls(world), ["POST /session"]);
  assert.deepEqual(world.requests[0]?.body, { inbox: "main", kind: "browser", ...alice });
  assert.equal(world.sockets.length, 0);
  client.start();
  await online(world, client, ["hello alice"]);
  assert.equal(world.socket.sent[0].token, "token-alice");
  assert.deepEqual(calls(world), ["POST /session"]);
});

test("the same person again costs nothing; something new of them is told", async () => {
  const world = new World();
  const client = await asAlice(world);
  const before = world.requests.length;
  assert.equal(await client.identify({ identity_token: jwt({ sub: "alice", exp: 99 }) }), false);
  assert.equal(world.requests.length, before);
  assert.equal(await client.identify({ identity_token: jwt({ sub: "alice", name: "Alice" }) }), true);
  assert.equal(world.requests.length, before + 1);
  assert.equal(world.sockets.length, 1);
  assert.deepEqual(texts(client), ["for alice"]);
});

test("what was written without a name goes along with the one who signs in", async () => {
  const world = new World();
  const client = await world.connected(["hello"]);
  world.socket.die();
  client.send("still mine");
  seats(world, "alice");
  await client.identify(alice);
  assert.deepEqual(unsent(client), ["still mine"]);
  await online(world, client);
  assert.equal(world.socket.frames("send")[0].text, "still mine");
});

test("T7: another person gets nothing of the former one: no thread, no words, no draft, no load under way", async () => {
  const world = new World();
  const client = await asAlice(world);
  const [socket] = world.sockets;
  world.socket.receive(reset(Array.from({ length: 50 }, (_, index) => message({ seq: index + 100 }))));
  /** @type {(page: object) => void} */ let arrive = () => {};
  world.answers["/conversations/c1/messages"] = () => ({ status: 200, body: new Promise((resolve) => (arrive = resolve)) });
  const older = client.older();
  await settled();
  const { signal } = world.requests.at(-1) ?? {};
  client.send("alice's words");
  client.storage.set("draft", "alice's dra");
  client.storage.set("draft:c1", "alice's other dra");
  await settled();
  seats(world, "bob");
  await client.identify(bob);
  assert.deepEqual([socket?.readyState, signal?.aborted], [3, true]);
  arrive({ messages: [message({ seq: 9, text: tree("alice's past") })], more: false });
  assert.equal(await older, false);
  assert.deepEqual([texts(client), unsent(client)], [[], []]);
  assert.doesNotMatch(JSON.stringify(world.area), /alice/);
  await online(world, client, ["for bob"]);
  assert.deepEqual(world.socket.frames("send"), []);
  assert.equal(world.socket.sent[0].since, null);
  assert.deepEqual(calls(world).filter((call) => !call.startsWith("GET")), ["POST /session", "DELETE /session", "POST /session"]);
});

test("a name that is not proven leaves nobody signed in whom the page does not mean", async () => {
  const world = new World();
  const client = await asAlice(world);
  world.answers["/session"] = () => ({ status: 401 });
  await assert.rejects(client.identify(bob), { code: "bad_identity" });
  assert.deepEqual(texts(client), []);
  assert.equal(client.session.begun, false);
});

test("a stale claim of the one who sits here does them no harm", async () => {
  const world = new World();
  const client = await asAlice(world);
  world.answers["/session"] = () => ({ status: 401 });
  await assert.rejects(client.identify({ identity_token: jwt({ sub: "alice", name: "New" }) }), { code: "bad_identity" });
  assert.deepEqual(texts(client), ["for alice"]);
  assert.equal(client.session.begun, true);
});

test("signing out ends the session at the server and forgets everything here", async () => {
  const world = new World();
  const client = await asAlice(world);
  const [socket] = world.sockets;
  client.send("not yet sent");
  client.storage.set("draft", "half a thou");
  client.storage.set("unsent:dead", [{ echo_id: "e", text: "of a closed tab" }]);
  await client.logout();
  assert.deepEqual(world.requests.at(-1)?.call, "DELETE /session");
  assert.equal(world.requests.at(-1)?.token, "token-alice");
  assert.equal(socket?.readyState, 3);
  assert.deepEqual(Object.keys(world.area), []);
  assert.deepEqual([texts(client), unsent(client), client.state.status], [[], [], "new"]);
});

test("signing out a newcomer asks the server nothing", async () => {
  const world = new World();
  await world.client().logout();
  assert.deepEqual(world.requests, []);
  assert.deepEqual(Object.keys(world.area), []);
});

test("a sign-out that the server could not hear is made up for before anybody else comes in", async () => {
  const world = new World();
  const client = await asAlice(world);
  world.answers["/session"] = () => ({ status: 503 });
  await assert.rejects(client.logout());
  assert.deepEqual(texts(client), []);
  assert.equal(client.session.begun, false);
  seats(world, "nobody");
  const before = world.requests.length;
  const next = world.client();
  next.send("somebody else");
  await online(world, next);
  assert.deepEqual(calls(world).slice(before), ["POST /session/refresh", "DELETE /session", "POST /session"]);
  assert.equal(world.socket.frames("send")[0].text, "somebody else");
});

test("a sign-out that the server could not hear is told as soon as the network is back", async () => {
  const world = new World();
  const client = await asAlice(world);
  world.answers["/session"] = () => ({ status: 503 });
  await assert.rejects(client.logout());
  seats(world, "nobody");
  client.wake();
  await settled();
  assert.equal(world.requests.at(-1)?.call, "DELETE /session");
  assert.deepEqual(Object.keys(world.area), []);
});

test("an answer for the one who left comes too late to seat them again", async () => {
  const world = new World();
  const client = await asAlice(world);
  /** @type {(body: object) => void} */ let arrive = () => {};
  world.answers["/session/refresh"] = () => ({ status: 200, body: new Promise((resolve) => (arrive = resolve)) });
  world.locked = fakeLocks();
  client.session.expire();
  const token = client.session.token();
  await settled();
  client.session.forget();
  arrive({ access_token: "late", expires_in: 900, contact: "alice" });
  await assert.rejects(token);
  assert.equal(client.session.begun, false);
  assert.equal(client.session.contact, null);
});

/** @param {World} world @param {ChatClient} from @param {ChatClient} to @param {() => Promise<unknown>} act */
async function otherTab(world, from, to, act) {
  const before = { ...world.area };
  await act();
  const keys = new Set([...Object.keys(before), ...Object.keys(world.area), "chatproxy:main:leaving"]);
  for (const key of keys) if (before[key] !== world.area[key] || key.endsWith("leaving")) to.noticed(key);
  await settled();
  assert.notEqual(from, to);
}

test("all tabs follow a sign-out", async () => {
  const world = new World();
  const one = await asAlice(world);
  const two = await asAlice(world);
  two.send("unsent in the other tab");
  await otherTab(world, one, two, () => one.logout());
  assert.deepEqual([texts(two), unsent(two)], [[], []]);
  assert.equal(two.connection.phase, "idle");
  assert.deepEqual(Object.keys(world.area), []);
});

test("a sign-out at another inbox, however long its name, takes nothing of this one", async () => {
  const world = new World();
  const client = world.client();
  client.start();
  world.answers["/session"] = () => ({ status: 503 });
  client.send("please help me");
  world.area.setItem("chatproxy:main:drafts", "{}");
  const kept = Object.keys(world.area);
  for (const key of ["chatproxy:shop:leaving", "chatproxy:shop:person", "other-site:long:leaving"]) client.noticed(key);
  await settled();
  assert.deepEqual(unsent(client), ["please help me"]);
  assert.deepEqual(Object.keys(world.area), kept);
});

test("all tabs follow a change of person", async () => {
  const world = new World();
  const one = await asAlice(world);
  const two = await asAlice(world);
  two.send("alice's, unsent");
  seats(world, "bob");
  /** @type {string[][]} */
  const shown = [];
  two.on("change", () => void shown.push(texts(two)));
  await otherTab(world, one, two, () => one.identify(bob));
  assert.deepEqual(shown[0], [], "at once, not when the server has answered");
  await online(world, two, ["for bob"]);
  assert.deepEqual([texts(two), unsent(two)], [["for bob"], []]);
  assert.equal(world.socket.sent[0].token, "token-bob");
});

test("words of somebody whose session ended wait unseen for them, and for nobody else", async () => {
  for (const [next, kept] of /** @type {const} */ ([["alice", ["from the train"]], ["bob", []]])) {
    const world = new World();
    const client = await asAlice(world);
    client.send("from the train");
    world.answers["/session/refresh"] = () => ({ status: 401 });
    await world.clock.pass(5_000);
    world.socket.die(4401);
    await world.clock.pass(10_000);
    assert.deepEqual([texts(client), unsent(client)], [[], []]);
    world.locked = fakeLocks(); // The tab is closed; a new one opens.
    seats(world, next);
    const later = world.client();
    later.start();
    await settled();
    assert.deepEqual(unsent(later), []);
    await later.identify(next === "alice" ? alice : bob);
    assert.deepEqual(unsent(later), kept);
    assert.equal(JSON.stringify(world.area).includes("from the train"), kept.length > 0);
  }
});

/** Alice's words wait and her draft lies there while she has no network, for so long; then her session turns out to have ended. @param {World} world @param {number} hours */
async function ended(world, hours) {
  const client = await asAlice(world);
  client.send("from the train");
  client.storage.set("draft:c1", "half a thou");
  world.answers["/session/refresh"] = () => ({ status: 401 });
  world.clock.time += hours * 3_600_000;
  world.socket.die(4401);
  await world.clock.pass(10_000);
  assert.deepEqual([client.session.begun, texts(client)], [false, []]);
  return client;
}

test("with a session end the drafts of whoever had signed in", async () => {
  const world = new World();
  await ended(world, 1);
  assert.doesNotMatch(JSON.stringify(world.area), /half a thou/);
});

test("words of an ended session wait a day, and not where the site signs everybody out", async () => {
  for (const [hours, leaves, kept] of /** @type {const} */ ([[23, false, 1], [25, false, 0], [23, true, 0]])) {
    const world = new World();
    const client = await ended(world, hours);
    if (leaves) await client.logout();
    seats(world, "alice");
    await client.identify(alice);
    assert.equal(unsent(client).length, kept, `${hours} hours, ${leaves}`);
    assert.equal(JSON.stringify(world.area).includes("from the train"), kept > 0);
  }
});

test("what somebody wrote without a name and never sent is not the next one's once they have signed in", async () => {
  const world = new World();
  const client = world.client();
  client.start();
  world.answers["/session"] = () => ({ status: 503 });
  client.send("alice, before she signed in");
  await settled();
  seats(world, "alice");
  await client.identify(alice);
  assert.deepEqual(unsent(client), ["alice, before she signed in"]);
  seats(world, "bob");
  await client.identify(bob);
  assert.deepEqual(unsent(client), []);
});

test("what became somebody's own words does not pass to the next one who comes by a socket", async () => {
  const world = new World();
  const client = world.client();
  client.start();
  world.answers["/session"] = () => ({ status: 503 });
  client.send("alice's by now");
  await settled();
  seats(world, "alice");
  await client.identify(alice);
  await settled();
  seats(world, "bob");
  world.socket.die(4401);
  await world.clock.pass(5_000);
  await online(world, client);
  assert.deepEqual(unsent(client), []);
  assert.deepEqual(world.socket.frames("send"), []);
});

test("attributes wait for the first act, then are told once", async () => {
  const world = new World();
  const client = world.client();
  await client.setAttributes({ plan: "free", name: "Al" });
  await client.setAttributes({ plan: "pro" });
  assert.deepEqual(world.requests, []);
  assert.deepEqual(Object.keys(world.area), []);
  client.start();
  client.send("hello");
  await online(world, client);
  /** @type {{body: any}[]} */
  const told = world.requests.filter(({ call }) => call === "PATCH /contact");
  assert.deepEqual(told.map(({ body }) => body), [{ name: "Al", attributes: { plan: "pro" } }]);
});

test("attributes that are refused say why; those that could not be told are told later", async () => {
  const world = new World();
  const client = await world.connected();
  world.answers["/contact"] = () => ({ status: 422, body: { error: { code: "profile_invalid", message: "No." } } });
  await assert.rejects(client.setAttributes({ "no key": 1 }), { code: "profile_invalid", message: "No." });
  world.answers["/contact"] = () => ({ status: 503 });
  await client.setAttributes({ plan: "pro" });
  delete world.answers["/contact"];
  world.socket.die();
  await world.clock.pass(1_000);
  await online(world, client);
  assert.deepEqual(world.requests.filter(({ path }) => path === "/contact").map(({ body }) => body.attributes), [{ "no key": 1 }, { plan: "pro" }, { plan: "pro" }]);
  await assert.rejects(client.setAttributes(Object.fromEntries(Array.from({ length: 24 }, (_, n) => [`k${n}`, n]))), { code: "too_many_attributes" });
});

test("attributes that were on their way when somebody left are not told of the next", async () => {
  const world = new World();
  const client = await asAlice(world);
  /** @type {(error: Error) => void} */ let lose = () => {};
  world.answers["/contact"] = () => ({ status: 200, body: new Promise((_, reject) => (lose = reject)) });
  const telling = client.setAttributes({ email: "alice@example.com" });
  await settled();
  await client.logout();
  lose(new Error("the line was cut"));
  await telling.catch(() => {});
  seats(world, "bob");
  world.answers["/contact"] = () => ({ status: 200, body: {} });
  await client.identify(bob);
  await settled();
  assert.equal(calls(world).filter((call) => call === "PATCH /contact").length, 1);
});

test("what is told later of somebody is meant, though what was told before had to wait", async () => {
  const world = new World();
  const client = await asAlice(world);
  /** @type {((error: Error) => void)[]} */ const waiting = [];
  world.answers["/contact"] = () => ({ status: 200, body: new Promise((_, reject) => waiting.push(reject)) });
  void client.setAttributes({ plan: "free" });
  void client.setAttributes({ plan: "pro" });
  await settled();
  assert.equal(waiting.length, 1, "one after another");
  waiting[0]?.(new Error("the line was cut"));
  await settled();
  assert.deepEqual(world.requests.at(-1)?.body, { attributes: { plan: "pro" } });
});

test("attributes of the one who left are not told of the next", async () => {
  const world = new World();
  const client = world.client();
  await client.setAttributes({ plan: "pro" });
  await client.logout();
  seats(world, "bob");
  await client.identify(bob);
  await settled();
  assert.deepEqual(calls(world), ["POST /session"]);
});
