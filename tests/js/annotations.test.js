/** What a page says of a conversation: told of the one that is looked at, kept while there is none, never of somebody else's. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { CALLS } from "../../static/chat/sdk/chat.js";
import { World, conversation, message, reset, settled, tree } from "./fakes.js";

/** @import { ChatClient } from "../../static/chat/client.js" */

/** @param {World} world */
const puts = (world) => world.requests.filter(({ call }) => call.startsWith("PUT ")).map(({ path, body }) => [path.replace(/.*conversations/, ""), body]);

/** Modules are loaded by the event loop. */
async function loaded() {
  await import("../../static/chat/annotations.js");
  await new Promise((resolve) => setTimeout(resolve, 1));
  await settled();
}

/** @param {World} world @param {ChatClient} client */
async function spoken(world, client) {
  client.send("hello");
  await settled();
  world.socket.open();
  world.socket.receive(reset([message({ seq: 1, text: tree("hello") })]));
  await settled();
}

/** @param {World} world */
function answered(world) {
  world.answers["/conversations/c1/attributes"] = world.answers["/conversations/c1/labels"] = () => ({ status: 200, body: {} });
}

test("a newcomer's are kept, ask for nothing, and go to the first conversation once it is there", async () => {
  const world = new World();
  answered(world);
  const client = world.client();
  client.start();
  await client.setConversationAttributes({ order: 7, gift: true });
  await client.deleteConversationAttribute("gift");
  await client.setLabel("vip");
  await client.setLabel("new");
  await client.removeLabel("new");
  assert.deepEqual(world.requests, []);
  await spoken(world, client);
  assert.deepEqual(puts(world), [
    ["/c1/attributes", { attributes: { order: 7, gift: null } }],
    ["/c1/labels", { add: ["vip"], remove: ["new"] }],
  ]);
  world.socket.receive(reset([message({ seq: 2, text: tree("again") })]));
  await settled();
  assert.equal(puts(world).length, 2, "once");
});

test("those of somebody who talks are told at once, of the conversation that is looked at", async () => {
  const world = new World();
  world.answers["/conversations/c2/attributes"] = () => ({ status: 200, body: {} });
  const client = world.client();
  client.start();
  await spoken(world, client);
  world.socket.receive(reset([message({ seq: 3 })], [conversation(), conversation({ id: "c2", seq: 2 })]));
  client.view("c2");
  await client.setConversationAttributes({ order: 8 });
  assert.deepEqual(puts(world), [["/c2/attributes", { attributes: { order: 8 } }]]);
});

test("what the server refuses is told to whoever asked, at once or later", async () => {
  const world = new World();
  const error = { code: "unsupported", message: "It has no bot token." };
  world.answers["/conversations/c1/attributes"] = () => ({ status: 409, body: { error } });
  const client = world.client();
  client.start();
  world.answers["/conversations/c1/labels"] = () => ({ status: 200, body: {} });
  /** @type {any[]} */ const late = [];
  await client.setLabel("vip");
  await client.annotate({ attributes: { order: 7 } }, (told) => late.push(told));
  await spoken(world, client);
  assert.deepEqual(late.map(({ code, message: words }) => [code, words]), [["unsupported", "It has no bot token."]]);
  await assert.rejects(client.setConversationAttributes({ order: 8 }), error);
  assert.deepEqual(puts(world).map(([path]) => path), ["/c1/attributes", "/c1/labels", "/c1/attributes"], "what is refused is not asked for again");
});

test("of attributes and labels that waited, each that is refused is told", async () => {
  const world = new World();
  for (const what of ["attributes", "labels"]) {
    world.answers[`/conversations/c1/${what}`] = () => ({ status: 409, body: { error: { code: `no_${what}`, message: "It has no token." } } });
  }
  const client = world.client();
  client.start();
  /** @type {any[]} */ const late = [];
  const tell = (/** @type {any} */ { code }) => late.push(code);
  await client.annotate({ attributes: { order: "A-1" } }, tell);
  await client.annotate({ labels: { vip: true } }, tell);
  await spoken(world, client);
  assert.deepEqual(late, ["no_attributes", "no_labels"]);
});

test("a call is told of what it asked for, not of what another did at the same time", async () => {
  const world = new World();
  answered(world);
  const client = world.client();
  client.start();
  await spoken(world, client);
  world.answers["/conversations/c1/labels"] = () => ({ status: 409, body: { error: { code: "label_refused", message: "No." } } });
  const told = await Promise.allSettled([client.setConversationAttributes({ order: 8 }), client.setLabel("vip"), client.setLabel("new")]);
  assert.deepEqual(told.map(({ status }) => status), ["fulfilled", "rejected", "rejected"]);
  assert.deepEqual(puts(world), [["/c1/attributes", { attributes: { order: 8 } }], ["/c1/labels", { add: ["vip", "new"], remove: [] }]]);
});

test("a server that is away is asked again after a pause, and the last wish counts", async () => {
  const world = new World();
  world.answers["/conversations/c1/attributes"] = () => ({ status: 503, headers: { "Retry-After": "20" } });
  const client = world.client();
  client.start();
  await spoken(world, client);
  await client.setConversationAttributes({ order: 7, page: "/" });
  answered(world);
  world.socket.receive(reset([message({ seq: 3 })]));
  await settled();
  assert.equal(puts(world).length, 1, "not with each change");
  await world.clock.pass(21_000);
  assert.deepEqual(puts(world).slice(1), [["/c1/attributes", { attributes: { order: 7, page: "/" } }]]);
});

test("nobody's are told of whoever comes next", async () => {
  const world = new World();
  answered(world);
  const client = world.client();
  client.start();
  await client.setConversationAttributes({ order: 7 });
  await client.logout();
  await spoken(world, client);
  await loaded();
  assert.deepEqual(puts(world), []);
});

test("more than can be kept is refused", async () => {
  const client = new World().client();
  const many = Object.fromEntries(Array.from({ length: 31 }, (_, n) => [`k${n}`, n]));
  await assert.rejects(client.setConversationAttributes(many), { code: "too_many_attributes" });
});

test("what a page may call of sdk.js is what its types name", () => {
  const named = "open close toggle show hide identify logout setAttributes setConversationAttributes deleteConversationAttribute setLabel removeLabel setLocale setTheme";
  assert.deepEqual(CALLS, named.split(" "));
});
