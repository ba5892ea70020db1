import assert from "node:assert/strict";
import { test } from "node:test";

import { HelpCentre } from "../../static/chat/frame/help-centre.js";

const LINE = { id: "a1", title: "Send it back", description: "" };

function centre() {
  /** @type {string[]} */ const asked = [];
  /** @type {((answer: Response) => void)[]} */ const waiting = [];
  const around = { held: false, ok: true };
  const answer = () => (around.ok ? Response.json({ articles: [LINE], ...LINE, text: [] }) : new Response("", { status: 503 }));
  const fetch = /** @type {any} */ (async (/** @type {string} */ url) => {
    asked.push(url);
    return around.held ? new Promise((resolve) => waiting.push(resolve)) : answer();
  });
  const help = new HelpCentre({ api: "/api/v1", inbox: "main", locale: "de-AT", fetch });
  return { help, asked, around, answer: (/** @type {number} */ which) => waiting[which]?.(answer()) };
}

test("what is asked once is kept, and asked in the visitor's language", async () => {
  const { help, asked } = centre();
  assert.deepEqual(await help.top(), [LINE]);
  assert.deepEqual(await help.search("  "), [LINE]);
  assert.deepEqual(await help.search(" send & back "), [LINE]);
  assert.deepEqual(await help.search("send & back"), [LINE]);
  assert.equal((await help.article("a/1")).title, "Send it back");
  assert.deepEqual(asked, [
    "/api/v1/inbox/main/articles?locale=de-AT",
    "/api/v1/inbox/main/articles?query=send+%26+back&locale=de-AT",
    "/api/v1/inbox/main/articles/a%2F1?locale=de-AT",
  ]);
});

test("an answer that comes after a later question is dropped", async () => {
  const { help, around, answer } = centre();
  around.held = true;
  const [first, second] = [help.search("a"), help.search("ab")];
  answer(1);
  assert.deepEqual(await second, [LINE]);
  answer(0);
  assert.equal(await first, null);
});

test("a failure is no answer, and is not kept", async () => {
  const { help, asked, around } = centre();
  around.ok = false;
  await assert.rejects(help.search("a"), /503/);
  around.ok = true;
  assert.deepEqual(await help.search("a"), [LINE]);
  assert.equal(asked.length, 2);
});

test("a failure that nobody waits for any more is silent", async () => {
  const { help, around, answer } = centre();
  around.held = true;
  const [first, second] = [help.search("a"), help.search("b")];
  around.ok = false;
  answer(0);
  assert.equal(await first, null);
  around.ok = true;
  answer(1);
  assert.deepEqual(await second, [LINE]);
});

test("only so much is kept", async () => {
  const { help, asked } = centre();
  for (let n = 0; n < 60; n += 1) await help.search(`word ${n}`);
  await help.search("word 59");
  assert.equal(asked.length, 60);
  await help.search("word 0");
  assert.equal(asked.length, 61);
});
