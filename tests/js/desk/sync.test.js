import assert from "node:assert/strict";
import { test } from "node:test";
import { initialState, next } from "../../../chat/sandbox/desk/state.js";
import { Sync } from "../../../chat/sandbox/desk/sync.js";
import { threadOf } from "../../../chat/sandbox/desk/views.js";
import { FakeClock, conversationRow, messageRow, settled } from "./fakes.js";

/** Chatwoot's paging (contract §6.7, §6.8) over plain arrays. */
class Desk {
  state = initialState();
  clock = new FakeClock();
  calls = [];
  failures = 0;
  conversations = [conversationRow(1)];
  messages = [];

  constructor(messages = 0, conversations = 1) {
    this.messages = Array.from({ length: messages }, (_, index) => messageRow(index + 1, { updated_at: undefined }));
    this.conversations = Array.from({ length: conversations }, (_, index) => conversationRow(index + 1));
    const dispatch = (event) => (this.state = next(this.state, event));
    this.sync = new Sync({ api: this.api, state: () => this.state, dispatch, clock: this.clock, random: () => 1 });
  }

  api = {
    conversations: async (page) => {
      this.calls.push(`list ${page}`);
      if (this.failures-- > 0) throw new Error("Chatwoot does not answer.");
      return this.conversations.slice((page - 1) * 25, page * 25);
    },
    conversation: async (id) => {
      this.calls.push(`show ${id}`);
      return conversationRow(id);
    },
    messages: async (id, { before, after }) => {
      this.calls.push(`messages ${before ? `before ${before}` : after ? `after ${after}` : "latest"}`);
      if (after) return this.messages.filter((row) => row.id > Number(after)).slice(0, 100);
      return this.messages.filter((row) => !before || row.id < Number(before)).slice(-20);
    },
  };

  choose(conversationId) {
    this.state = next(this.state, { type: "chosen", conversationId });
  }

  get ids() {
    return threadOf(this.state, 1).map(({ id }) => id);
  }
}

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

test("the list is read page by page to its end", async () => {
  const desk = new Desk(0, 60);
  await desk.sync.list();
  assert.equal(desk.state.conversations.size, 60);
  assert.equal(desk.state.loaded, true);
  assert.deepEqual(desk.calls, ["list 1", "list 2", "list 3"]);
});

test("a thread begins with its newest page and goes back on demand to its begin", async () => {
  const desk = new Desk(45);
  desk.choose(1);
  await desk.sync.thread(1);
  assert.deepEqual(desk.ids, range(26, 45));
  await desk.sync.earlier(1);
  assert.equal(desk.state.begun.has(1), false);
  await desk.sync.earlier(1);
  assert.deepEqual(desk.ids, range(1, 45));
  assert.equal(desk.state.begun.has(1), true);
});

test("after a gap nothing is missing, however much was said meanwhile", async () => {
  const desk = new Desk(30);
  desk.choose(1);
  await desk.sync.thread(1);
  desk.messages.push(...range(31, 290).map((id) => messageRow(id)));
  desk.messages[20] = messageRow(21, { content_attributes: { deleted: true } });
  await desk.sync.everything();
  assert.deepEqual(desk.ids, range(11, 290));
  assert.equal(threadOf(desk.state, 1)[10].deleted, true);
});

test("a conversation that the list lacks is fetched with its thread", async () => {
  const desk = new Desk(3, 0);
  desk.choose(1);
  await desk.sync.everything();
  assert.deepEqual(desk.calls, ["list 1", "show 1", "messages latest"]);
});

test("a conversation that does not exist is asked for once, not for ever", async () => {
  const desk = new Desk(0, 0);
  desk.api.conversation = async () => {
    throw Object.assign(new Error("Resource could not be found"), { status: 404 });
  };
  desk.choose(1);
  await desk.sync.everything();
  assert.equal(desk.state.notice, null);
  assert.equal(desk.state.conversations.size, 0);
});

test("a failed read is tried again, after a pause, until it succeeds", async () => {
  const desk = new Desk(3);
  desk.failures = 2;
  const reading = desk.sync.everything();
  await settled();
  assert.equal(desk.state.notice, "Chatwoot does not answer.");
  desk.clock.advance(500);
  await settled();
  desk.clock.advance(1000);
  await reading;
  assert.equal(desk.state.notice, null);
  assert.deepEqual(desk.calls, ["list 1", "list 1", "list 1"]);
});

test("asked again while reading, it reads once more, not twice", async () => {
  const desk = new Desk();
  const reading = desk.sync.everything();
  desk.sync.everything();
  desk.sync.everything();
  await reading;
  assert.deepEqual(desk.calls, ["list 1", "list 1"]);
});

test("a conversation known only by a message is fetched once", async () => {
  const desk = new Desk();
  desk.state = next(desk.state, {
    type: "frame",
    name: "message.created",
    data: messageRow(5, { conversation_id: 9 }),
  });
  await Promise.all([desk.sync.unknown(), desk.sync.unknown()]);
  assert.deepEqual(desk.calls, ["show 9"]);
  assert.equal(desk.state.conversations.has(9), true);
});
