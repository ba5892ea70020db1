import assert from "node:assert/strict";
import { test } from "node:test";

import { currentConversation, inView, nextUnsent, olderPage, thread, unread, unsentInView, viewed } from "../../static/chat/selectors.js";
import { NOTHING, reduce } from "../../static/chat/state.js";
import { NOW, changes, conversation, message, reset, tree } from "./fakes.js";

/** @import { Event, State, Unsent } from "../../static/chat/state.js" */

/** @param {(Event|import("../../static/chat/wire.js").ServerFrame)[]} events @param {State} [state] */
function after(events, state = NOTHING) {
  const own = new Set(["frame", "written", "retried", "discarded", "older", "seen", "status", "tick", "signed_out", "viewed", "begun"]);
  return events.reduce((before, event) => {
    const known = own.has(event.type) && !("cursor" in event);
    return reduce(before, /** @type {Event} */ (known ? event : { type: "frame", frame: event, now: NOW }));
  }, state);
}

/** @param {string} echo_id @param {Partial<Unsent>} [fields] @returns {Unsent} */
function draft(echo_id, fields = {}) {
  return { echo_id, text: echo_id, conversation: null, at: NOW, accepted: null, refused: null, ...fields };
}

/** @param {State} state */
const ids = (state) => thread(state).map(({ id }) => id);

test("rows are shown by (at, id), in whatever order they arrive", () => {
  const rows = [message({ seq: 1 }), message({ seq: 2 }), message({ seq: 3, id: "a", at: NOW + 2 }), message({ seq: 4, at: NOW })];
  const forwards = after([reset([]), ...rows.map((row) => changes([row], row.seq))]);
  const backwards = after([reset([]), ...rows.toReversed().map((row) => changes([row], row.seq))]);
  assert.deepEqual(ids(forwards), ["m4", "m1", "a", "m2"]);
  assert.deepEqual(ids(backwards), ids(forwards));
});

test("a row is never replaced by one with a lower seq", () => {
  const gone = message({ id: "m1", seq: 7, deleted: true, text: [] });
  const state = after([reset([message({ seq: 1 })]), changes([gone], 7), changes([message({ id: "m1", seq: 5 })], 7)]);
  assert.equal(state.messages.get("m1")?.deleted, true);
});

test("the same frame twice changes nothing more", () => {
  const frame = changes([message({ seq: 2 })], 2, [conversation({ seq: 3, status: "resolved" })]);
  const once = after([reset([message({ seq: 1 })]), frame]);
  assert.deepEqual(after([frame], once), once);
});

test("a message whose conversation is unknown is kept until it comes", () => {
  const state = after([reset([], []), changes([message({ seq: 2, conversation: "c9" })], 2)]);
  assert.deepEqual(ids(state), ["m2"]);
  assert.deepEqual(unread(state), []);
  const told = after([changes([], 3, [conversation({ id: "c9", seq: 3 })])], state);
  assert.equal(unread(told).length, 1);
});

test("unknown rows below the floor wait for paging back, known ones still change", () => {
  const page = Array.from({ length: 50 }, (_, index) => message({ seq: 100 + index }));
  const state = after([reset(page), changes([message({ id: "old", seq: 200, at: NOW + 3 })], 200)]);
  assert.equal(state.messages.has("old"), false);
  const edited = after([changes([message({ id: "m100", seq: 201, at: NOW + 100, deleted: true })], 201)], state);
  assert.equal(edited.messages.get("m100")?.deleted, true);
});

test("a reset's floor is its oldest row, in whatever order the rows come", () => {
  const page = Array.from({ length: 50 }, (_, index) => message({ seq: 100 + index }));
  const between = changes([message({ id: "between", seq: 200, at: NOW + 101 })], 200);
  for (const rows of [page, page.toReversed()]) {
    assert.equal(after([reset(rows), between]).messages.has("between"), true);
    assert.equal(after([reset(rows), changes([message({ id: "below", seq: 200, at: NOW + 99 })], 200)]).messages.has("below"), false);
  }
});

test("paging back moves the floor down until there is no more", () => {
  const page = Array.from({ length: 50 }, (_, index) => message({ seq: 100 + index }));
  const state = after([reset(page)]);
  assert.deepEqual(olderPage(state), { conversation: "c1", before: "m100" });
  const older = after([{ type: "older", conversation: "c1", messages: [message({ seq: 9 })], more: true }], state);
  assert.deepEqual(olderPage(older), { conversation: "c1", before: "m9" });
  const all = after([{ type: "older", conversation: "c1", messages: [message({ seq: 8 })], more: false }], older);
  assert.equal(olderPage(all), null);
  assert.deepEqual(ids(all).slice(0, 3), ["m8", "m9", "m100"]);
});

test("a row that came while an older page was read without it is shown with that page", () => {
  const page = Array.from({ length: 50 }, (_, index) => message({ seq: 100 + index }));
  const late = changes([message({ id: "late", seq: 200, at: NOW + 9 }), message({ id: "older still", seq: 201, at: NOW + 3 })], 201);
  const read = message({ seq: 8, at: NOW + 8 });
  const state = after([reset(page), late, { type: "older", conversation: "c1", messages: [read], more: true }]);
  assert.deepEqual(ids(state).slice(0, 3), ["m8", "late", "m100"]);
});

test("an earlier conversation is paged when it is looked at", () => {
  const state = after([reset([message({ seq: 5 })], [conversation(), conversation({ id: "c0", seq: 2 })])]);
  assert.deepEqual([viewed(state)?.id, olderPage(state)], ["c1", null]);
  const there = reduce(state, { type: "viewed", conversation: "c0" });
  assert.deepEqual([viewed(there)?.id, olderPage(there)], ["c0", { conversation: "c0", before: null }]);
  const read = reduce(there, { type: "older", conversation: "c0", messages: [message({ seq: 1, id: "m1", conversation: "c0" })], more: false });
  assert.deepEqual([inView(read).map(({ id }) => id), olderPage(read)], [["m1"], null]);
  assert.deepEqual(inView(reduce(read, { type: "viewed", conversation: null })).map(({ id }) => id), ["m5"]);
});

test("a conversation that was emptied into another is not looked at", () => {
  const state = after([reset([message({ seq: 5 })], [conversation(), conversation({ id: "c0", seq: 2 })]), { type: "viewed", conversation: "c0" }]);
  const emptied = after([changes([], 9, [conversation({ id: "c0", seq: 9, deleted: true })])], state);
  assert.equal(viewed(emptied)?.id, "c1");
});

test("a new conversation begins empty, holds what is written to it, and is looked at when it is there", () => {
  const begun = after([reset([message({ seq: 5 })]), { type: "begun", key: "k" }]);
  assert.deepEqual([viewed(begun), inView(begun)], [null, []]);
  const unsent = { echo_id: "e", text: "new", conversation: null, at: NOW, accepted: null, refused: null, begins: "k" };
  const written = reduce(begun, { type: "written", unsent: [unsent] });
  assert.deepEqual(unsentInView(written), [unsent]);
  const rows = changes([message({ seq: 8, id: "m8", conversation: "c2", echo_id: "e", direction: "incoming" })], 8, [conversation({ id: "c2", seq: 7 })]);
  const there = after([rows], written);
  assert.deepEqual([viewed(there)?.id, there.begins, there.unsent], ["c2", null, []]);
  assert.deepEqual(unsentInView(reduce(written, { type: "viewed", conversation: null })), [unsent], "who goes back still sees it");
});

test("a draft and the row it becomes are one message", () => {
  const row = message({ seq: 4, id: "m4", direction: "incoming", echo_id: "e1" });
  const written = after([reset([]), { type: "written", unsent: [draft("e1")] }]);
  const accepted = after([{ type: "accepted", echo_id: "e1", message: "m4", conversation: "c1" }], written);
  assert.equal(accepted.unsent[0]?.accepted, "m4");
  for (const order of [after([changes([row], 4)], accepted), after([changes([row], 4), { type: "accepted", echo_id: "e1", message: "m4", conversation: "c1" }], written)]) {
    assert.deepEqual(order.unsent, []);
    assert.deepEqual(ids(order), ["m4"]);
  }
});

test("a reset drops the view and keeps what the server has not taken", () => {
  const state = after([reset([message({ seq: 1 })]), { type: "written", unsent: [draft("e1"), draft("e2", { accepted: "m5" })] }, reset([message({ seq: 9 })])]);
  assert.deepEqual(ids(state), ["m9"]);
  assert.deepEqual(state.unsent.map(({ echo_id }) => echo_id), ["e1"]);
});

test("what no conversation would take goes to the current one when it is tried again", () => {
  const written = reduce(NOTHING, { type: "written", unsent: [draft("e1", { conversation: "gone" })] });
  const refused = after([{ type: "refused", echo_id: "e1", error: { code: "no_such_conversation", message: "There is none." } }], written);
  assert.deepEqual(after([{ type: "retried", echo_id: "e1" }], refused).unsent, [draft("e1")]);
});

test("what was refused waits for the visitor and holds nothing up", () => {
  const written = after([{ type: "written", unsent: [draft("e1"), draft("e2", { at: NOW + 1 })] }]);
  const refused = after([{ type: "refused", echo_id: "e1", error: { code: "text_too_long", message: "Too long." } }], written);
  assert.equal(nextUnsent(refused)?.echo_id, "e2");
  assert.equal(nextUnsent(after([{ type: "retried", echo_id: "e1" }], refused))?.echo_id, "e1");
  assert.deepEqual(after([{ type: "discarded", echo_id: "e1" }], refused).unsent.map((u) => u.echo_id), ["e2"]);
});

test("drafts of a closed tab are taken over once", () => {
  const state = after([reset([message({ seq: 2, direction: "incoming", echo_id: "e1" })]), { type: "written", unsent: [draft("e1"), draft("e2")] }]);
  const again = after([{ type: "written", unsent: [draft("e2")] }], state);
  assert.deepEqual(again.unsent.map(({ echo_id }) => echo_id), ["e2"]);
});

test("unread is what agents wrote after the visitor looked", () => {
  const rows = [message({ seq: 1 }), message({ seq: 2, direction: "incoming" }), message({ seq: 3 }), message({ seq: 4, deleted: true })];
  const state = after([reset(rows, [conversation({ contact_seen: NOW + 1 })])]);
  assert.deepEqual(unread(state).map(({ id }) => id), ["m3"]);
  const seen = after([{ type: "seen", conversation: "c1", at: NOW + 3 }], state);
  assert.deepEqual(unread(seen), []);
  assert.equal(after([{ type: "seen", conversation: "c1", at: NOW + 1 }], seen), seen, "nothing is unread again");
});

/** A start of two conversations: `c1` was spoken in last, and two messages of `c0` are unread. */
function twoTalks() {
  const beside = [message({ id: "u1", seq: 2, conversation: "c0" }), message({ id: "u2", seq: 4, conversation: "c0" })];
  return after([reset([...beside, message({ seq: 5, direction: "incoming" })], [conversation(), conversation({ id: "c0", seq: 2 })])]);
}

test("what is unread in another conversation counts, and is shown only with what lies around it", () => {
  const state = twoTalks();
  assert.deepEqual([currentConversation(state)?.id, ids(state), unread(state).map(({ id }) => id)], ["c1", ["m5"], ["u1", "u2"]]);
  const there = reduce(state, { type: "viewed", conversation: "c0" });
  assert.deepEqual([inView(there), olderPage(there)], [[], { conversation: "c0", before: null }]);
  const page = [message({ id: "between", seq: 3, conversation: "c0", direction: "incoming" }), message({ id: "u2", seq: 4, conversation: "c0" })];
  const read = reduce(there, { type: "older", conversation: "c0", messages: page, more: true });
  assert.deepEqual([inView(read).map(({ id }) => id), unread(read).map(({ id }) => id)], [["between", "u2"], ["u1", "u2"]]);
});

test("a late row, a removal and what another tab has seen keep the count of another conversation true", () => {
  const late = after([changes([message({ id: "u0", seq: 8, conversation: "c0", at: NOW + 1 })], 8)], twoTalks());
  assert.equal(unread(late).length, 3);
  const removed = after([changes([message({ id: "u2", seq: 9, conversation: "c0", at: NOW + 4, deleted: true })], 9)], late);
  assert.equal(unread(removed).length, 2);
  assert.deepEqual(unread(after([changes([], 10, [conversation({ id: "c0", seq: 10, contact_seen: NOW + 4 })])], removed)), []);
});

test("typing ends by word, by message, and by itself", () => {
  /** @type {import("../../static/chat/wire.js").TypingFrame} */
  const on = { type: "typing", conversation: "c1", name: "Gus", on: true };
  const state = after([reset([message({ seq: 1 })]), on]);
  assert.equal(state.typing.get("c1")?.name, "Gus");
  assert.equal(after([{ ...on, on: false }], state).typing.size, 0);
  assert.equal(after([changes([message({ seq: 2 })], 2)], state).typing.size, 0);
  assert.equal(after([{ type: "tick", now: NOW + 29_999 }], state).typing.size, 1);
  assert.equal(after([{ type: "tick", now: NOW + 30_000 }], state).typing.size, 0);
  const edited = changes([message({ seq: 5, id: "m1" })], 5);
  assert.equal(after([edited], state).typing.size, 1, "an edit is not what is being typed");
});

test("the current conversation is the one spoken in last", () => {
  const state = after([reset([message({ seq: 5 })], [conversation(), conversation({ id: "c2", seq: 9 })])]);
  assert.equal(currentConversation(state)?.id, "c1");
  assert.equal(currentConversation(after([reset([], [conversation(), conversation({ id: "c2", seq: 9 })])]))?.id, "c2");
});

test("signing out forgets everything but what was not taken", () => {
  const state = after([reset([message({ seq: 1, text: tree("secret") })]), { type: "written", unsent: [draft("e1", { conversation: "c1" })] }, { type: "signed_out", contact: null }]);
  assert.equal(state.messages.size + state.conversations.size, 0);
  assert.deepEqual(state.unsent, [draft("e1")]);
});
