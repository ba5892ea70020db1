import assert from "node:assert/strict";
import { test } from "node:test";

import { Composing } from "../../static/chat/frame/composing.js";
import { World, reset, settled } from "./fakes.js";

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
