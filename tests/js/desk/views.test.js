import assert from "node:assert/strict";
import { test } from "node:test";
import { initialState, next } from "../../../chat/sandbox/desk/state.js";
import {
  blocksOf,
  conversationList,
  lastLine,
  unknownConversations,
  unreadIn,
} from "../../../chat/sandbox/desk/views.js";
import { AGENT, conversationRow, messageRow } from "./fakes.js";

const created = (row) => ({ type: "frame", name: "message.created", data: row });
const opened = (row) => ({ type: "frame", name: "conversation.created", data: row });
const after = (...events) => events.reduce(next, initialState(AGENT.id));
const own = (id, changes) => messageRow(id, { message_type: 1, sender: AGENT, ...changes });

test("conversations stand by their newest activity", () => {
  const state = after(
    opened(conversationRow(1, { last_activity_at: 50 })),
    opened(conversationRow(2, { last_activity_at: 40 })),
  );
  assert.deepEqual(
    conversationList(state).map(({ id }) => id),
    [1, 2],
  );
});

test("the last line passes activities over", () => {
  const state = after(created(messageRow(1)), created(messageRow(2, { message_type: 2, sender: null })));
  assert.equal(lastLine(state, 1).id, 1);
  assert.equal(lastLine(state, 9), null);
});

test("what was on screen is not unread, whatever count comes late", () => {
  const row = conversationRow(1, { unread_count: 2 });
  const heard = after(opened(row), created(messageRow(5)));
  const { row: conversation } = heard.conversations.get(1);
  assert.equal(unreadIn(heard, conversation), 2);
  const seen = next(heard, { type: "seen", conversationId: 1, upTo: 5 });
  assert.equal(unreadIn(seen, conversation), 0);
  assert.equal(unreadIn(next(seen, created(messageRow(6))), conversation), 2);
});

test("a message of a conversation that nobody told us of is asked about", () => {
  const state = after(created(messageRow(5, { conversation_id: 44 })));
  assert.deepEqual(unknownConversations(state), [44]);
  assert.deepEqual(unknownConversations(next(state, opened(conversationRow(44)))), []);
});

test("one writer within three minutes is one group", () => {
  const rows = [messageRow(1), messageRow(2), own(3), messageRow(4), messageRow(5, { created_at: 1_700_000_400 })];
  const blocks = blocksOf(after(...rows.map(created)), 1).filter(({ kind }) => kind === "message");
  assert.deepEqual(
    blocks.map(({ opens, closes }) => [opens, closes]),
    [
      [true, false],
      [false, true],
      [true, true],
      [true, true],
      [true, true],
    ],
  );
});

test("a private note is no group with a reply of the same agent", () => {
  const blocks = blocksOf(after(created(own(1)), created(own(2, { private: true }))), 1);
  assert.deepEqual(
    blocks.slice(1).map(({ opens }) => opens),
    [true, true],
  );
});

test("each day has its heading, and drafts stand at the end", () => {
  const draft = { echo_id: "e", conversation_id: 1, fields: {}, reason: null };
  const rows = [messageRow(1), messageRow(2, { created_at: 1_700_200_000 })].map(created);
  const blocks = blocksOf(after({ type: "sending", draft }, ...rows), 1);
  assert.deepEqual(
    blocks.map(({ kind }) => kind),
    ["day", "message", "day", "message", "draft"],
  );
});

test("the delivery state stands under the last reply and under failures", () => {
  const rows = [own(1, { status: "failed" }), own(2), own(3), own(4, { private: true }), messageRow(5)];
  const blocks = blocksOf(after(...rows.map(created)), 1).filter(({ kind }) => kind === "message");
  assert.deepEqual(
    blocks.map(({ told }) => told),
    [true, false, true, false, false],
  );
});
