import assert from "node:assert/strict";
import { test } from "node:test";

import { Waiting } from "../../static/chat/frame/delivery.js";
import { items } from "../../static/chat/frame/grouping.js";
import "../../static/chat/frame/later.js";
import { words } from "../../static/chat/frame/words.js";
import { NOTHING, reduce } from "../../static/chat/state.js";
import { NOW, conversation, message, reset } from "./fakes.js";

/**
 * @import { Message } from "../../static/chat/wire.js"
 * @import { Unsent, State } from "../../static/chat/state.js"
 */
const MINUTE = 60_000;

/** @param {Message[]} messages @param {{agentSeen?: number, unsent?: Unsent[], status?: State["status"]}} [around] */
function state(messages, { agentSeen = 0, unsent = [], status = "online" } = {}) {
  const start = reduce(NOTHING, { type: "frame", frame: reset(messages, [conversation({ agent_seen: agentSeen })]), now: NOW });
  return { ...start, unsent, status };
}

/** @param {number} seq @param {Partial<Message>} [fields] */
const own = (seq, fields = {}) => message({ seq, direction: "incoming", sender: null, echo_id: `e${seq}`, ...fields });

/** @param {State} of @param {object} [view] */
function shown(of, view = {}) {
  return items(of, { now: NOW, ...view }).map((item) => {
    if (item.kind !== "message") return item.kind;
    return `${item.key}${item.first ? " first" : ""}${item.last ? " last" : ""}${item.said ? ` ${item.delivery?.word}` : ""}`;
  });
}

test("messages of one sender within three minutes are a group", () => {
  const rows = [message({ seq: 1, at: NOW }), message({ seq: 2, at: NOW + MINUTE }), message({ seq: 3, at: NOW + 4 * MINUTE }), own(4, { at: NOW + 4 * MINUTE })];
  assert.deepEqual(shown(state(rows)), ["day", "m1 first", "m2 last", "m3 first last", "e4 first last sent"]);
});

test("what waits for a choice about an earlier message says so and is not slow", () => {
  const rows = [own(1, { state: "unconfirmed" }), own(2, { state: "accepted", reason: "behind_unconfirmed" })];
  assert.deepEqual(shown(state(rows)).slice(1), ["e1 first unconfirmed", "e2 last behind"]);
  const waiting = new Waiting();
  waiting.note(state(rows), NOW);
  assert.equal(waiting.nextChange(NOW), null);
});

test("a file that may be damaged is told beside its message, whatever follows", () => {
  const rows = [own(1, { reason: "attachment_damaged" }), own(2)];
  assert.deepEqual(shown(state(rows, { agentSeen: NOW + MINUTE })).slice(1), ["e1 first damaged", "e2 last seen"]);
});

test("another agent's message begins a group", () => {
  const ada = { name: "Ada", avatar: null, kind: /** @type {const} */ ("agent") };
  const rows = [message({ seq: 1 }), message({ seq: 2, sender: ada })];
  assert.deepEqual(shown(state(rows)), ["day", "m1 first last", "speaker", "m2 first last"]);
});

test("each day is named once", () => {
  const rows = [message({ seq: 1, at: NOW - 48 * 60 * MINUTE }), message({ seq: 2 }), message({ seq: 3 })];
  assert.deepEqual(shown(state(rows)), ["day", "m1 first last", "day", "m2 first", "m3 last"]);
});

test("what was refused yesterday stands below today's and opens no day a second time", () => {
  const rows = [message({ seq: 1, at: NOW - 24 * 60 * MINUTE }), message({ seq: 2 })];
  /** @type {Unsent} */
  const refused = { echo_id: "e9", text: "hm", conversation: null, at: NOW - 24 * 60 * MINUTE, accepted: null, refused: { code: "x", message: "No." } };
  assert.deepEqual(shown(state(rows, { unsent: [refused] })), ["day", "m1 first last", "day", "m2 first last", "e9 first last failed"]);
});

test("the divider stands before the first unread message and parts its group", () => {
  const rows = [message({ seq: 1 }), message({ seq: 2 })];
  assert.deepEqual(shown(state(rows), { dividerAt: "m2" }), ["day", "m1 first last", "divider", "m2 first last"]);
});

test("delivery is said under the last own message, and seen by the agent's mark", () => {
  const rows = [own(1), own(2), message({ seq: 3 })];
  assert.deepEqual(shown(state(rows)).slice(1, 3), ["e1 first", "e2 last sent"]);
  assert.deepEqual(shown(state(rows, { agentSeen: NOW + 2 })).slice(1, 3), ["e1 first", "e2 last seen"]);
});

test("whatever is not plainly sent says so wherever it stands", () => {
  const rows = [own(1, { state: "failed", reason: "Too long." }), own(2, { state: "unconfirmed" }), own(3)];
  assert.deepEqual(shown(state(rows)).slice(1), ["e1 first failed", "e2 unconfirmed", "e3 last sent"]);
});

/** @param {State} of @returns {(import("../../static/chat/frame/delivery.js").Delivery|null)[]} */
const deliveries = (of) => items(of, { now: NOW }).flatMap((item) => (item.kind === "message" ? [item.delivery] : []));

test("what was lost says why, and what can be done about it", () => {
  const lost = state([own(1, { state: "failed", reason: "Too long." }), own(2, { state: "unconfirmed" })]);
  assert.deepEqual(deliveries(lost), [
    { word: "failed", reason: "Too long.", actions: ["retry", "discard"] },
    { word: "unconfirmed", reason: "", actions: ["sendAgain", "discard"] },
  ]);
  const asked = reduce(lost, { type: "asked", id: "m1", action: "retry" });
  assert.deepEqual(deliveries(asked)[0], { word: "sending", reason: "", actions: [] });
  assert.equal(deliveries({ ...asked, status: "offline" })[0]?.word, "waiting");
  const refusal = { type: /** @type {const} */ ("refused"), message: "m1", error: { code: "too_many_waiting", message: "Wait." } };
  const [refused] = deliveries(reduce(asked, { type: "frame", frame: refusal, now: NOW }));
  assert.deepEqual(refused, { word: "failed", reason: words.reasons.too_many_waiting, actions: ["retry", "discard"] });
});

test("what the visitor deleted before any agent saw it is gone; what agents saw says so", () => {
  const lost = state([own(1, { state: "failed" }), own(2, { deleted: true }), message({ seq: 3, deleted: true })]);
  assert.deepEqual(shown(lost), ["day", "e1 first failed", "e2 last", "m3 first last"]);
  assert.deepEqual(shown(reduce(lost, { type: "asked", id: "m1", action: "discard" })), ["day", "e2 first last", "m3 first last"]);
  const discarded = state([own(1, { state: "failed", deleted: true, text: [] }), own(2, { state: "unconfirmed", deleted: true })]);
  assert.deepEqual(shown(discarded), []);
});

test("several on their way say it once", () => {
  const rows = [own(1, { state: "accepted" }), own(2, { state: "sending" }), own(3, { state: "unsure" })];
  assert.deepEqual(shown(state(rows)).slice(1), ["e1 first", "e2", "e3 last sending"]);
});

test("drafts follow the thread; offline they wait, refused they can be retried", () => {
  /** @type {Unsent} */
  const draft = { echo_id: "e9", text: "one\ntwo", conversation: null, at: NOW + 5 * MINUTE, accepted: null, refused: null };
  assert.deepEqual(shown(state([own(1)], { unsent: [draft] })).slice(1), ["e1 first", "e9 last sending"]);
  assert.deepEqual(shown(state([], { unsent: [draft], status: "offline" })), ["day", "e9 first last waiting"]);
  const [, refused] = items(state([], { unsent: [{ ...draft, refused: { code: "x", message: "No." } }] }), { now: NOW });
  assert.ok(refused?.kind === "message");
  assert.deepEqual(refused.delivery, { word: "failed", reason: "No.", actions: ["retry", "discard"] });
  assert.deepEqual(refused.text, [{ t: "p", c: ["one", { t: "br" }, "two"] }]);
  assert.equal(refused.at, NOW, "a clock that is ahead does not open a new day");
});

test("a draft on a dead line is slow too, and waits when nothing goes out", () => {
  /** @type {Unsent} */
  const draft = { echo_id: "e9", text: "hm", conversation: null, at: NOW, accepted: null, refused: null };
  const drafting = state([], { unsent: [draft], status: "connecting" });
  assert.equal(shown(drafting, { held: true }).at(-1), "e9 first last waiting");
  const waiting = new Waiting();
  waiting.note(drafting, NOW - 60_000);
  const online = { ...drafting, status: /** @type {const} */ ("online") };
  waiting.note(online, NOW);
  assert.equal(waiting.nextChange(NOW), 8_000, "counted from when it could be sent");
  waiting.note(online, NOW + 8_000);
  assert.ok(waiting.isSlow("e9", NOW + 8_000));
  waiting.note(state([own(9, { state: "accepted" })]), NOW + 9_000);
  assert.ok(waiting.isSlow("e9", NOW + 9_000), "the row it becomes has waited as long");
  assert.equal(shown(online, { isSlow: () => true }).at(-1), "e9 first last slow");
  waiting.note(state([], { unsent: [{ ...draft, refused: { code: "x", message: "No." } }] }), NOW + 9_000);
  assert.equal(waiting.anySlow(NOW + 60_000), false);
});

test("a message is slow after eight seconds of this page's time, and never again once it is sent", () => {
  const waiting = new Waiting();
  const unsure = state([own(1, { state: "unsure" })]);
  waiting.note(unsure, NOW);
  assert.equal(waiting.nextChange(NOW), 8_000);
  assert.equal(waiting.isSlow("e1", NOW + 7_999), false);
  waiting.note(unsure, NOW + 8_000);
  assert.equal(waiting.isSlow("e1", NOW + 8_000), true);
  assert.equal(waiting.anySlow(NOW + 8_000), true);
  assert.equal(waiting.nextChange(NOW + 8_000), null);
  assert.deepEqual(shown(unsure, { isSlow: () => true }).at(-1), "e1 first last slow");
  waiting.note(state([own(1)]), NOW + 9_000);
  assert.equal(waiting.anySlow(NOW + 60_000), false);
});
