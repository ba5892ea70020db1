import assert from "node:assert/strict";
import { test } from "node:test";

import { Composing } from "../../static/chat/frame/composing.js";
import { viewed } from "../../static/chat/selectors.js";
import { World, changes, conversation, message, reset, settled } from "./fakes.js";

const ASK = { fields: [], consent: { text: "I agree.", link: "", link_text: "", version: "2" } };

/** The parts of a composer that are spoken to. */
class Composer extends EventTarget {
  text = "";
  /** @type {object[]} */ files = [];
  /** @type {string[]} */ remarks = [];

  equip() {}

  showFiles() {}

  remark(/** @type {string} */ text) {
    this.remarks.push(text);
  }
}

/** @param {World} world @param {object|null} ask */
function onPage(world, ask) {
  const client = world.client();
  const composer = new Composer();
  const config = { ask, limits: {}, styles: {} };
  const typist = { stopped: () => {}, wrote: () => {} };
  const composing = new Composing(/** @type {any} */ ({ client, config, composer, typist, sending: () => {}, ready: () => null }));
  composing.start();
  client.start();
  return { client, composer, composing };
}

async function begun() {
  const world = new World();
  world.area.setItem("chatproxy:main:begun", "true");
  world.area.setItem("chatproxy:main:answered", JSON.stringify(JSON.stringify(ASK)));
  const { client, composing } = onPage(world, ASK);
  await settled();
  world.socket.open();
  world.socket.receive(reset([], []));
  await settled();
  return { world, client, composing };
}

const answered = (/** @type {World} */ world) => world.area.getItem("chatproxy:main:answered");

test("what was asked is asked again when the server says that nobody has agreed", async () => {
  const { world, client, composing } = await begun();
  composing.suggest("hello");
  const [sent] = world.socket.frames("send");
  assert.equal(sent.text, "hello");
  world.socket.receive({ type: "refused", echo_id: sent.echo_id, error: { code: "consent_required", message: "Please agree." } });
  await settled();
  assert.equal(answered(world), null);
  assert.equal(client.state.unsent[0]?.refused?.code, "consent_required");
  composing.suggest("hello again");
  assert.equal(world.socket.frames("send").length, 1);
});

test("a refusal for another reason asks nothing", async () => {
  const { world, composing } = await begun();
  composing.suggest("hello");
  const [sent] = world.socket.frames("send");
  world.socket.receive({ type: "refused", echo_id: sent.echo_id, error: { code: "text_invalid", message: "No." } });
  await settled();
  assert.notEqual(answered(world), null);
});

test("whoever comes after a session that is gone is asked anew", async () => {
  const { world, client } = await begun();
  client.session.forget();
  assert.equal(answered(world), null);
});

test("what a newcomer typed goes on with their session, and goes when they leave", async () => {
  const world = new World();
  const { client, composer } = onPage(world, null);
  composer.text = "half a thou";
  composer.dispatchEvent(new Event("chat-wrote"));
  client.send("first");
  await settled();
  assert.equal(client.session.begun, true);
  assert.equal(composer.text, "half a thou");
  await client.logout();
  assert.equal(composer.text, "");
});

test("what somebody typed who has no session yet goes when they leave", async () => {
  const { client, composer } = onPage(new World(), null);
  composer.text = "half a thou";
  composer.dispatchEvent(new Event("chat-wrote"));
  await client.logout();
  assert.equal(composer.text, "");
});

/** Two conversations, of which the other one was spoken in last. @param {World} world */
async function loaded(world) {
  world.area.setItem("chatproxy:main:begun", "true");
  const { client, composer } = onPage(world, null);
  await settled();
  world.socket.open();
  return { client, composer, write: (/** @type {string} */ text) => void ((composer.text = text), composer.dispatchEvent(new Event("chat-wrote"))) };
}

const TALKS = [conversation(), conversation({ id: "c2" })];
const inOther = (/** @type {number} */ seq) => message({ seq, conversation: "c2" });

test("an agent's words elsewhere do not turn the thread under somebody who writes", async () => {
  const world = new World();
  const { client, write } = await loaded(world);
  world.socket.receive(reset([message({ seq: 1 })], TALKS));
  write("Please keep it se");
  world.socket.receive(changes([inOther(2)], 2));
  assert.equal(viewed(client.state)?.id, "c1");
  client.send("Please keep it secret");
  assert.equal(world.socket.frames("send")[0].conversation, "c1");
});

test("nor does the page that loads while somebody writes, unless they have written nothing", async () => {
  const world = new World();
  const { client, composer, write } = await loaded(world);
  write("Harbour Str");
  world.socket.receive(reset([message({ seq: 1 })], TALKS));
  world.socket.receive(changes([inOther(2)], 2));
  assert.equal(viewed(client.state)?.id, "c1");
  assert.equal(composer.text, "Harbour Str");
  const idle = new World();
  const other = await loaded(idle);
  idle.socket.receive(reset([message({ seq: 1 })], TALKS));
  other.write("");
  idle.socket.receive(changes([inOther(2)], 2));
  assert.equal(viewed(other.client.state)?.id, "c2");
});

test("a page that is loaded anew comes back to the conversation in which something is being written", async () => {
  const world = new World();
  world.area.setItem("chatproxy:main:drafts", JSON.stringify({ of: "c1", all: { c1: { text: "half a thou", files: [] } } }));
  const { client, composer } = await loaded(world);
  client.send("at once");
  assert.equal(client.state.unsent[0]?.conversation, "c1");
  world.socket.receive(reset([message({ seq: 1 }), inOther(2)], TALKS));
  assert.equal(viewed(client.state)?.id, "c1");
  assert.equal(composer.text, "half a thou");
});

test("what is being written to a conversation that is gone goes along to the one that is shown", async () => {
  const world = new World();
  world.area.setItem("chatproxy:main:drafts", JSON.stringify({ of: "c1", all: { c1: { text: "half a thou", files: [] } } }));
  const { client, composer } = await loaded(world);
  world.socket.receive(reset([inOther(2)], [conversation({ deleted: true }), conversation({ id: "c2" })]));
  assert.equal(viewed(client.state)?.id, "c2");
  assert.equal(composer.text, "half a thou");
});

test("what this page writes is not replaced by what another page keeps for the same conversation", async () => {
  const world = new World();
  const { composer, write } = await loaded(world);
  write("from this page");
  world.area.setItem("chatproxy:main:drafts", JSON.stringify({ of: "c1", all: { c1: { text: "from another", files: [] } } }));
  world.socket.receive(reset([message({ seq: 1 })], [conversation()]));
  assert.equal(composer.text, "from this page");
});
