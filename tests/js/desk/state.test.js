import assert from "node:assert/strict";
import { test } from "node:test";
import { initialState, next } from "../../../chat/sandbox/desk/state.js";
import { threadOf } from "../../../chat/sandbox/desk/views.js";
import { ADA, AGENT, conversationRow, messageRow, recordings, stamp } from "./fakes.js";

const frame = (name, data, at = 0) => ({ type: "frame", name, data, at });
const created = (row) => frame("message.created", row);
const updated = (row) => frame("message.updated", row);
const after = (...events) => events.reduce(next, initialState(AGENT.id));
const contents = (state) => threadOf(state, 1).map(({ content }) => content);

test("messages stand in the order of their ids, however they arrive", () => {
  assert.deepEqual(contents(after(created(messageRow(3)), created(messageRow(1)), created(messageRow(2)))), [
    "m1",
    "m2",
    "m3",
  ]);
});

test("a repeated frame changes nothing", () => {
  const once = after(created(messageRow(1)));
  const twice = next(once, created(messageRow(1)));
  assert.equal(twice.messages, once.messages);
});

test("a late frame does not undo a newer one", () => {
  const state = after(updated(messageRow(1, { status: "read", updated_at: stamp(9) })), created(messageRow(1)));
  assert.equal(threadOf(state, 1)[0].status, "read");
});

test("a deletion outlives every frame and list that is older", () => {
  const gone = updated(messageRow(1, { content_attributes: { deleted: true }, updated_at: stamp(5) }));
  const rows = [messageRow(1, { updated_at: null })];
  const state = after(gone, created(messageRow(1)), { type: "messages", conversationId: 1, rows, asked: 99 });
  assert.deepEqual(
    threadOf(state, 1).map(({ deleted, content }) => [deleted, content]),
    [[true, ""]],
  );
});

test("a list that was asked for before a frame came does not undo that frame", () => {
  const asked = after(created(messageRow(1))).tick;
  const newer = updated(messageRow(1, { status: "read", updated_at: stamp(9) }));
  const old = { type: "messages", conversationId: 1, rows: [messageRow(1, { updated_at: null })], asked };
  assert.equal(threadOf(after(created(messageRow(1)), newer, old), 1)[0].status, "read");
});

test("a list that was asked for afterwards wins over the frame", () => {
  const first = after(created(messageRow(1)));
  const rows = [messageRow(1, { status: "read", updated_at: undefined })];
  const state = next(first, { type: "messages", conversationId: 1, rows, asked: first.tick });
  assert.equal(threadOf(state, 1)[0].status, "read");
});

test("a list that tells nothing new leaves the rows untouched", () => {
  const first = after(created(messageRow(1)));
  const rows = [messageRow(1, { updated_at: undefined })];
  const state = next(first, { type: "messages", conversationId: 1, rows, asked: first.tick });
  assert.equal(state.messages, first.messages);
});

test("a thread shows nothing below the part that was read without a hole", () => {
  const page = { type: "messages", conversationId: 1, rows: [messageRow(8), messageRow(9)], asked: 1, floor: 8 };
  assert.deepEqual(contents(after(created(messageRow(2)), page)), ["m8", "m9"]);
});

test("an earlier page lowers the floor, a later one does not raise it", () => {
  const page = (...ids) => ({
    type: "messages",
    conversationId: 1,
    rows: ids.map((id) => messageRow(id)),
    asked: 0,
    floor: ids[0],
  });
  assert.deepEqual(contents(after(page(8, 9), page(6, 7), page(9, 10))), ["m6", "m7", "m8", "m9", "m10"]);
});

test("a row after a gap waits until the gap has been read on the new line", () => {
  const link = (word) => ({ type: "link", link: word });
  const page = (line, ...ids) => {
    const rows = ids.map((id) => messageRow(id));
    return { type: "messages", conversationId: 1, rows, asked: 0, floor: 1, reached: { atEnd: true, line } };
  };
  const lost = after(link("live"), page(1, 1), created(messageRow(2)), link("lost"));
  assert.deepEqual(contents(lost), ["m1", "m2"]);
  const polled = next(next(lost, created(messageRow(9))), page(1, 1, 2, 3));
  assert.deepEqual(contents(polled), ["m1", "m2", "m3"]);
  const late = [link("live"), page(1, 3, 4)].reduce(next, polled);
  assert.deepEqual(contents(late), ["m1", "m2", "m3", "m4"]);
  assert.deepEqual(
    contents(next(late, page(2, 4, 5, 6, 7, 8, 9))),
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map((id) => `m${id}`),
  );
});

test("the echo of a draft replaces it, and so does the answer", () => {
  const draft = { echo_id: "e1", conversation_id: 1, fields: { content: "m1" }, reason: null };
  const row = messageRow(1, { message_type: 1, sender: AGENT, echo_id: "e1" });
  const echoed = after({ type: "sending", draft }, created(row));
  const answered = after({ type: "sending", draft }, { type: "sent", echo_id: "e1", row, asked: 0 });
  for (const state of [echoed, answered]) {
    assert.deepEqual(state.drafts, []);
    assert.deepEqual(contents(state), ["m1"]);
  }
});

test("a refusal stays with its draft until it is tried again", () => {
  const draft = { echo_id: "e1", conversation_id: 1, fields: {}, reason: null };
  const refused = after({ type: "sending", draft }, { type: "unsent", echo_id: "e1", reason: "too long" });
  assert.equal(refused.drafts[0].reason, "too long");
  assert.equal(next(refused, { type: "sending", draft }).drafts[0].reason, null);
  assert.deepEqual(next(refused, { type: "discarded", echo_id: "e1" }).drafts, []);
});

test("a refusal after the echo leaves no draft behind", () => {
  const draft = { echo_id: "e1", conversation_id: 1, fields: {}, reason: null };
  const echo = created(messageRow(1, { echo_id: "e1" }));
  assert.deepEqual(
    after({ type: "sending", draft }, echo, { type: "unsent", echo_id: "e1", reason: "no answer" }).drafts,
    [],
  );
});

test("the newest conversation frame holds, whatever order they come in", () => {
  const resolved = frame("conversation.status_changed", conversationRow(1, { status: "resolved", updated_at: 20.5 }));
  const opened = frame("conversation.created", conversationRow(1, { updated_at: 10.5 }));
  assert.equal(after(resolved, opened).conversations.get(1).row.status, "resolved");
});

test("a message moves its conversation's activity and count", () => {
  const conversation = { unread_count: 3, last_activity_at: 1_700_000_500 };
  const { row } = after(
    frame("conversation.created", conversationRow(1)),
    created(messageRow(4, { conversation })),
  ).conversations.get(1);
  assert.deepEqual([row.unread_count, row.last_activity_at], [3, 1_700_000_500]);
});

test("a contact's change shows in all of its conversations", () => {
  const events = [1, 2].map((id) => frame("conversation.created", conversationRow(id)));
  const state = after(...events, frame("contact.updated", { ...ADA, name: "Ada Lovelace" }));
  assert.deepEqual(
    [...state.conversations.values()].map(({ row }) => row.contact.name),
    ["Ada Lovelace", "Ada Lovelace"],
  );
});

test("typing ends with typing_off, with the message, or by itself", () => {
  const on = frame("conversation.typing_on", { conversation: { id: 1 }, user: ADA }, 1000);
  assert.equal(after(on).typing.get(1).name, "Ada");
  assert.equal(after(on, frame("conversation.typing_off", { conversation: { id: 1 }, user: ADA })).typing.size, 0);
  assert.equal(after(on, created(messageRow(1))).typing.size, 0);
  assert.equal(after(on, { type: "time", now: 30_999 }).typing.size, 1);
  assert.equal(after(on, { type: "time", now: 31_000 }).typing.size, 0);
});

test("one's own typing is no news, and another's goes on while we write", () => {
  const on = (user) => frame("conversation.typing_on", { conversation: { id: 1 }, user });
  assert.equal(after(on(AGENT)).typing.size, 0);
  assert.equal(after(on(ADA), created(messageRow(1, { message_type: 1, sender: AGENT }))).typing.size, 1);
});

test("presence replaces the whole list of who is online", () => {
  const state = after(
    frame("presence.update", { contacts: { 7: "online" } }),
    frame("presence.update", { contacts: { 8: "online" } }),
  );
  assert.deepEqual([...state.online], [8]);
});

test("an unknown event changes nothing", () => {
  const state = initialState();
  assert.equal(next(state, frame("notification.created", {})), state);
  assert.equal(next(state, { type: "unheard of" }), state);
});

test("the frames of a recorded day end the same in any order", (t) => {
  const kit = recordings();
  if (kit === null) return process.env.CI === "true" ? assert.fail("no kit (SHARED)") : t.skip("no kit (SHARED)");
  const { steps } = kit.find(({ scenario }) => scenario === "conversation.resolve_reopen");
  const heard = steps.flatMap(({ frames = {} }) => frames.agent ?? []).filter(({ message }) => message);
  const events = heard.map(({ message }, order) => frame(message.event, stamped(message.data, order)));
  const texts = (state) => [...state.messages.values()].flatMap((thread) => [...thread.keys()]).sort();
  assert.ok(texts(after(...events)).length > 4);
  assert.deepEqual(texts(after(...events.toReversed())), texts(after(...events)));
});

// Recordings carry placeholders for times; a frame's place in the recording stands in for them.
function stamped(data, order) {
  return { ...data, updated_at: typeof data.updated_at === "number" ? order : stamp(order) };
}
