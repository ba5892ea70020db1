import assert from "node:assert/strict";
import { test } from "node:test";

import { clockTime, kindOf, sizeOf } from "../../static/chat/frame/elements/file-names.js";
import { VIEWS } from "../../static/chat/frame/elements/rich.js";
import { items } from "../../static/chat/frame/grouping.js";
import { QUESTIONS, kindsOf, spoken } from "../../static/chat/frame/kinds.js";
import { isEmoji } from "../../static/chat/frame/tree.js";
import { NOTHING, reduce } from "../../static/chat/state.js";
import { NOW, message, reset, tree } from "./fakes.js";

/** @import { Attachment, Message, Sender } from "../../static/chat/wire.js" */

const KINDS = /** @type {const} */ ([
  ["image", "a.png", "picture"],
  ["image", "A.JPEG", "picture"],
  ["image", "drawing.svg", "file"],
  ["image", "scan.tiff", "file"],
  ["image", "nameless", "picture"],
  ["audio", "a.mp3", "audio"],
  ["video", "a.mp4", "video"],
  ["location", "here", "file"],
]);
for (const [type, name, kind] of KINDS) test(`${type} ${name} is shown as ${kind}`, () => assert.equal(kindOf({ type, name }), kind));

test("a file says its kind and size, a sound its time", () => {
  assert.match(sizeOf("terms.pdf", 1_240_000), /^PDF, 1.2\s?MB$/);
  assert.match(sizeOf("note.txt", 1_400), /^TXT, 2\s?kB$/, "as its chip said before it was sent");
  assert.equal(sizeOf("nameless", 0), "");
  assert.deepEqual([0, 59.6, 65, 3_600, Infinity, NaN].map(clockTime), ["0:00", "1:00", "1:05", "60:00", "0:00", "0:00"]);
});

for (const [text, is] of /** @type {const} */ ([["👍", true], ["👩🏽‍🚀 🎉", true], ["🇬🇧", true], ["5", false], ["ok 👍", false], ["", false], ["👍".repeat(40), false]])) {
  test(`${text || "nothing"} is ${is ? "" : "not "}a few emoji`, () => assert.equal(isEmoji(tree(text)), is));
}

/** @param {Message[]} messages @param {Partial<import("../../static/chat/state.js").State>} [around] */
function shown(messages, around = {}) {
  const start = reduce(NOTHING, { type: "frame", frame: reset(messages), now: NOW });
  return items({ ...start, status: "online", ...around }, { now: NOW });
}

/** @param {Message[]} messages @param {object} [around] */
function only(messages, around) {
  const found = shown(messages, around).filter((item) => item.kind === "message").at(-1);
  assert.ok(found?.kind === "message");
  return found;
}

test("who answers from now on is named where it changes, and an automatic message is nobody's", () => {
  /** @param {string} name @param {Sender["kind"]} [kind] */
  const by = (name, kind = "agent") => ({ name, avatar: null, kind });
  const rows = [by("Helper", "bot"), by("Gus"), by("", "system"), by("Gus"), by("Mara")].map((sender, index) => message({ seq: index + 1, sender }));
  assert.deepEqual(shown(rows).flatMap((item) => (item.kind === "speaker" ? [item.name] : [])), ["Gus", "Mara"]);
});

test("a quote shows its words until they are removed", () => {
  const quoted = message({ seq: 1, direction: "incoming", sender: null });
  const reply = message({ seq: 2, attributes: { reply_to: { id: quoted.id, text: "one", own: true } } });
  assert.deepEqual(only([quoted, reply]).quote, { text: "one", own: true, removed: false });
  assert.deepEqual(only([{ ...quoted, deleted: true }, reply]).quote, { text: "", own: true, removed: true });
  assert.deepEqual(only([reply]).quote, { text: "one", own: true, removed: false });
});

test("an answer is waiting while there is no network, on its way, given, or lost", () => {
  const question = message({ seq: 1, content_type: "input_select", attributes: {} });
  const asked = (/** @type {object|null} */ refused) => new Map([[question.id, { action: "answer", seq: 1, refused, values: "mine", old: [] }]]);
  const word = (/** @type {object} */ attributes, /** @type {object} */ around = {}) => only([{ ...question, attributes }], around).answer?.word;
  assert.equal(word({}), undefined);
  assert.equal(word({}, { asked: asked(null) }), "sending");
  assert.equal(word({}, { asked: asked(null), status: "offline" }), "waiting");
  assert.equal(word({}, { asked: asked({ code: "no_question", message: "" }) }), "failed");
  for (const [state, is] of [["accepted", "sending"], ["sent", "sent"], ["failed", "failed"]]) {
    assert.equal(word({ answer: { values: "theirs", state } }), is);
  }
});

test("what has no text of its own is still said in words", () => {
  /** @param {Partial<Message>} fields */
  const said = (fields) => spoken(only([message({ seq: 1, text: [], ...fields })]));
  const file = (/** @type {string} */ type, /** @type {string} */ name) => /** @type {Attachment} */ ({ id: name, type, name, size: 1 });
  assert.equal(said({ attachments: [file("image", "a.png"), file("file", "b.pdf"), file("location", "c")] }), "Picture: a.png, File: b.pdf, File: c");
  assert.equal(said({ content_type: "input_select", attributes: { items: [{ title: "Oak" }, { title: "Ash" }] } }), "Please choose: Oak, Ash");
  assert.equal(said({ content_type: "form", attributes: { items: [{ label: "E-mail" }] } }), "Please fill in: E-mail");
  assert.equal(said({ content_type: "input_csat" }), "How was this conversation?");
  assert.equal(said({ text: tree("Hello"), content_type: "cards" }), "Hello");
  assert.deepEqual(kindsOf(only([message({ seq: 1, content_type: "integrations" })])), []);
});

test("there is a view of each question, and none of what is none", () => {
  assert.deepEqual(Object.keys(VIEWS).sort(), Object.keys(QUESTIONS).sort());
});
