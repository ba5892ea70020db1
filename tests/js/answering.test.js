import assert from "node:assert/strict";
import { test } from "node:test";

import { AnswerStore, answering, canonical, isHeard } from "../../static/chat/answering.js";
import { NOTHING, reduce } from "../../static/chat/state.js";
import { Storage } from "../../static/chat/storage.js";
import { NOW, changes, message, reset } from "./fakes.js";

/** @import { Answer, Message } from "../../static/chat/wire.js" */

const A = [{ title: "A", value: "a" }];
const B = [{ title: "B", value: "b" }];

/** @param {number} seq @param {unknown} [values] @param {Answer["state"]} [state] @returns {Message} */
function question(seq, values, state = "accepted") {
  const attributes = values ? { answer: { values, state } } : {};
  return message({ id: "m1", at: NOW, seq, content_type: "input_select", attributes });
}

test("the same answer is the same in whatever order its keys come", () => {
  assert.equal(canonical([{ value: "a", title: "A" }]), canonical([{ title: "A", value: "a" }]));
  assert.notEqual(canonical({ value: 1 }), canonical({ value: "1" }));
});

/** What was there when it was asked, what is asked, what comes, and whether it is over then. */
const CASES = /** @type {const} */ ([
  ["an edit of the question", undefined, [], undefined, false],
  ["the answer itself", undefined, [], [A, "accepted"], true],
  ["another device's answer", undefined, [], [B, "accepted"], true],
  ["the answer before, still on its way", [B, "accepted"], [], [B, "sent"], false],
  ["the answer instead of the one before", [B, "sent"], [], [A, "accepted"], true],
  ["the failure it was repeated after", [A, "failed"], [], [A, "failed"], false],
  ["the repeated one, accepted", [A, "failed"], [], [A, "accepted"], true],
  ["one that was replaced before it was heard", undefined, [B], [B, "accepted"], false],
  ["one that was chosen, given up and chosen again", undefined, [A, B], [A, "accepted"], true],
]);

for (const [what, shown, asked, comes, isOver] of CASES) {
  test(`an answer waits until it is heard: ${what}`, () => {
    const before = shown ? question(1, ...shown) : question(1);
    let wish = undefined;
    for (const values of [...asked, A]) wish = answering(before, wish, values);
    assert.ok(wish);
    assert.equal(isHeard(comes ? question(2, ...comes) : question(2), wish), isOver);
  });
}

test("with its question an answer is over", () => {
  assert.ok(isHeard({ ...question(2), deleted: true }, answering(question(1), undefined, A)));
});

test("an answer survives a reset, leaves with its row, and stays where it is refused", () => {
  const frame = (/** @type {any} */ what, /** @type {any} */ state) => reduce(state, { type: "frame", frame: what, now: NOW });
  let state = frame(reset([question(1)]), NOTHING);
  state = reduce(state, { type: "answered", id: "m1", asked: answering(question(1), undefined, A) });
  state = frame(reset([question(2)]), state);
  assert.ok(state.asked.has("m1"));
  const error = { code: "no_question", message: "No." };
  assert.equal(frame({ type: "refused", message: "m1", error }, state).asked.get("m1")?.refused, error);
  assert.equal(frame(changes([question(3, A)], 3), state).asked.size, 0);
});

test("what was answered is kept over a reload until it is heard, and nothing of another version is", () => {
  const area = /** @type {any} */ ({ getItem: (/** @type {string} */ key) => area[key] ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ text) => void (area[key] = text), removeItem: (/** @type {string} */ key) => void delete area[key] });
  const storage = new Storage(() => area, "chat:");
  const asked = answering(question(1), undefined, A);
  new AnswerStore(storage).save(new Map([["m1", asked], ["m2", { action: "retry", seq: 1, refused: null }]]));
  storage.set("answer:m9", { values: A });
  const after = new AnswerStore(storage);
  assert.deepEqual(after.start(), [["m1", asked]]);
  assert.deepEqual(after.start(), [], "once: what is asked by now is newer");
  after.save(new Map());
  assert.deepEqual(storage.keys("answer:"), ["answer:m9"]);
});
