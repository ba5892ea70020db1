import assert from "node:assert/strict";
import { test } from "node:test";
import { Outgoing } from "../../../chat/sandbox/desk/outgoing.js";
import { initialState, next } from "../../../chat/sandbox/desk/state.js";
import { Typing } from "../../../chat/sandbox/desk/typing.js";
import { threadOf } from "../../../chat/sandbox/desk/views.js";
import { FakeClock, messageRow, settled } from "./fakes.js";

class Desk {
  state = initialState();
  posts = [];
  #ids = 0;

  outgoing = new Outgoing({
    api: {
      createMessage: (id, fields) => new Promise((answer, refuse) => this.posts.push({ id, fields, answer, refuse })),
    },
    state: () => this.state,
    dispatch: (event) => (this.state = next(this.state, event)),
    newId: () => `e${++this.#ids}`,
    now: () => 0,
  });
}

test("messages of one conversation go one after the other, of two side by side", async () => {
  const desk = new Desk();
  for (const [id, content] of [
    [1, "a"],
    [1, "b"],
    [2, "c"],
  ])
    desk.outgoing.send(id, { content });
  await settled();
  assert.deepEqual(
    desk.posts.map(({ fields }) => fields.content),
    ["a", "c"],
  );
  desk.posts[0].answer(messageRow(1));
  await settled();
  assert.deepEqual(
    desk.posts.map(({ fields }) => fields.content),
    ["a", "c", "b"],
  );
});

test("the answer replaces the draft", async () => {
  const desk = new Desk();
  const sent = desk.outgoing.send(1, { content: "a" });
  assert.equal(desk.state.drafts.length, 1);
  await settled();
  desk.posts[0].answer(messageRow(4));
  await sent;
  assert.deepEqual([desk.state.drafts.length, threadOf(desk.state, 1)[0].id], [0, 4]);
});

test("a refused message keeps its reason and its echo_id, and the next one goes on", async () => {
  const desk = new Desk();
  desk.outgoing.send(1, { content: "a" });
  desk.outgoing.send(1, { content: "b" });
  await settled();
  desk.posts[0].refuse(new Error("Content is too long"));
  await settled();
  assert.equal(desk.state.drafts[0].reason, "Content is too long");
  desk.outgoing.retry(desk.state.drafts[0]);
  desk.posts[1].answer(messageRow(1));
  await settled();
  assert.deepEqual(
    desk.posts.map(({ fields }) => fields.echo_id),
    ["e1", "e2", "e1"],
  );
});

test("a discarded draft is gone", async () => {
  const desk = new Desk();
  desk.outgoing.send(1, { content: "a" });
  desk.outgoing.discard(desk.state.drafts[0]);
  assert.deepEqual(desk.state.drafts, []);
});

test("typing is told once, and its end after four quiet seconds", () => {
  const told = [];
  const clock = new FakeClock();
  const typing = new Typing({ tell: (...words) => told.push(words.join(" ")), clock });
  typing.key(1, false);
  clock.advance(3000);
  typing.key(1, false);
  clock.advance(3999);
  assert.deepEqual(told, ["1 on false"]);
  clock.advance(1);
  assert.deepEqual(told, ["1 on false", "1 off false"]);
});

test("a note is typed privately, and the reply before it ends first", () => {
  const told = [];
  const typing = new Typing({ tell: (...words) => told.push(words.join(" ")), clock: new FakeClock() });
  typing.key(1, false);
  typing.key(1, true);
  typing.stop();
  typing.stop();
  assert.deepEqual(told, ["1 on false", "1 off false", "1 on true", "1 off true"]);
});
