import assert from "node:assert/strict";
import { test } from "node:test";

import { bodyOf, missingOf, trouble } from "../../static/chat/frame/composer/answers.js";
import { groups, search } from "../../static/chat/frame/composer/emoji-search.js";
import { refusal } from "../../static/chat/frame/composer/refusing.js";
import { Drafts } from "../../static/chat/frame/drafts.js";
import { headerLine } from "../../static/chat/frame/header-line.js";
import { isClosed, nextOpening, untilChange } from "../../static/chat/frame/hours.js";
import { Notice } from "../../static/chat/frame/notice.js";
import { Times } from "../../static/chat/frame/times.js";
import { NOTHING } from "../../static/chat/state.js";
import { Storage } from "../../static/chat/storage.js";
import { NOW, conversation, fakeArea, message } from "./fakes.js";

/** @type {import("../../static/chat/state.js").State} */
const ONLINE = { ...NOTHING, status: "online", loaded: true };
const HOUR = 3_600_000;
const at = (/** @type {number} */ hour, day = 20) => new Date(2026, 4, day, hour).getTime();
const around = { now: NOW, slow: false, networked: true };

const drafts = (area = fakeArea()) => new Drafts(new Storage(() => area, "chatproxy:main:"));
const file = (id = /** @type {string|null} */ ("f1")) => ({ key: "k", id, name: "a.png", size: 1, type: "image/png" });

test("each conversation has a draft of its own, and a reload opens the one that was written to last", () => {
  const area = fakeArea();
  const one = drafts(area);
  one.open();
  one.turn("c1", { carry: false });
  one.save({ text: "to one", files: [] });
  one.turn("c2", { carry: false });
  one.save({ text: "to two", files: [file()] });
  assert.deepEqual(one.turn("c1", { carry: false }), { text: "to one", files: [] });
  assert.equal(one.turn("c1", { carry: false }), null);
  one.turn("c2", { carry: false });
  one.save({ text: "to two", files: [file()] });
  assert.deepEqual(drafts(area).open(), { text: "to two", files: [file()] });
});

test("a page takes away no draft but one that it wrote or showed", () => {
  const area = fakeArea();
  const [one, two] = [drafts(area), drafts(area)];
  one.open();
  two.open();
  one.save({ text: "a long draft", files: [] });
  two.save({ text: "", files: [] });
  assert.equal(drafts(area).open().text, "a long draft");
  one.save({ text: "", files: [] });
  assert.equal(drafts(area).open().text, "");
  one.save({ text: "half", files: [file()] });
  const three = drafts(area);
  three.open();
  three.save({ text: "", files: [] });
  assert.equal(drafts(area).open().text, "");
});

test("what is being written goes along when a conversation begins, unless something stands there", () => {
  const area = fakeArea();
  const one = drafts(area);
  one.open();
  one.save({ text: "half a tho", files: [] });
  assert.equal(one.turn("c1", { carry: true }), null);
  assert.deepEqual(drafts(area).open(), { text: "half a tho", files: [] });
  one.turn("c2", { carry: false });
  one.save({ text: "other", files: [] });
  assert.deepEqual(one.turn("c1", { carry: true }), { text: "half a tho", files: [] });
});

test("an empty draft leaves nothing in storage, and no more than twenty are kept", () => {
  const area = fakeArea();
  const one = drafts(area);
  one.open();
  one.save({ text: "x", files: [] });
  one.save({ text: "", files: [] });
  assert.deepEqual(Object.keys(area), []);
  for (let n = 0; n < 30; n += 1) {
    one.turn(`c${n}`, { carry: false });
    one.save({ text: `to ${n}`, files: [] });
  }
  assert.equal(Object.keys(JSON.parse(area["chatproxy:main:drafts"]).all).length, 20);
});

test("what storage holds may be of another version", () => {
  const area = fakeArea();
  for (const text of ['"hello"', "7", '{"all": {"new": {"text": 7, "files": "x"}}}', "{"]) {
    area.setItem("chatproxy:main:drafts", text);
    assert.deepEqual(drafts(area).open(), { text: "", files: [] });
  }
});

/** @type {[number, number][]} */
const WEEK = [
  [at(9), at(17)],
  [at(9, 21), at(17, 21)],
  [at(9, 25), at(17, 25)],
];

test("it is known when an inbox opens, closes, and when that was told too long ago", () => {
  assert.equal(isClosed(WEEK, at(12)), false);
  assert.equal(isClosed(WEEK, at(17)), true);
  assert.equal(nextOpening(WEEK, at(17)), at(9, 21));
  assert.equal(untilChange(WEEK, at(12)), 5 * HOUR);
  assert.equal(isClosed(null, at(12)), false);
  assert.equal(isClosed([], at(12)), true);
  assert.equal(nextOpening([], at(12)), null);
  assert.equal(isClosed(WEEK, at(18, 25)), false);
  assert.equal(untilChange(WEEK, at(18, 25)), null);
});

test("the header says in the visitor's zone when somebody is back, and nothing of it while somebody is here", () => {
  const times = new Times("en-GB");
  const line = (/** @type {number} */ now, state = ONLINE, openings = WEEK) => headerLine(state, now, { openings, times });
  assert.equal(line(at(8)), `Back today at ${times.time(at(9))} your time`);
  assert.equal(line(at(18)), `Back tomorrow at ${times.time(at(9))} your time`);
  assert.equal(line(at(18, 21)), `Back on Monday at ${times.time(at(9))} your time`);
  assert.equal(line(at(12), ONLINE, []), "Away at the moment. Leave a message.");
  assert.equal(line(at(12)), "We answer here as soon as we can");
  assert.equal(line(at(18), { ...ONLINE, online: true }), "Someone is here now");
  assert.equal(headerLine(ONLINE, at(18)), "We answer here as soon as we can");
  const spoken = { ...ONLINE, messages: new Map([["m1", message({ at: at(16) })]]), conversations: new Map([["c1", conversation()]]) };
  assert.equal(line(at(16.5), spoken), "You are talking to Gus");
  assert.equal(line(at(18), spoken), `Back tomorrow at ${times.time(at(9))} your time`);
});

test("a browser that calls itself offline over a socket that lives is not believed", () => {
  assert.equal(new Notice().text(ONLINE, { ...around, networked: false }), "");
  assert.match(new Notice().text({ ...ONLINE, status: "offline" }, { ...around, networked: false }), /^You’re offline/);
  assert.match(new Notice().text(NOTHING, { ...around, networked: false }), /^You’re offline/);
});

const LIMITS = { text: 10, files: 3, upload_bytes: 1_000, upload_types: ["image/png", "audio/ogg", "text/plain"] };
const about = (/** @type {string} */ type, size = 10, held = /** @type {{size: number}[]} */ ([])) =>
  refusal({ name: "it", size, type }, { limits: LIMITS, held });

test("what may not go along is said before a byte of it is sent", () => {
  for (const type of ["image/png", "audio/x-m4a", "text/csv", ""]) assert.equal(about(type), "", type);
  for (const type of ["image/svg+xml", "image/heic", "text/html", "text/xml", "text/javascript", "application/zip", "video/mp4"]) {
    assert.match(about(type), /^it can’t be sent/, type);
  }
  assert.match(about("image/png", 0), /is empty/);
  assert.match(about("image/png", 1_001), /is too big/);
  assert.match(about("image/png", 600, [{ size: 600 }]), /together/);
  assert.match(about("image/png", 10, [{ size: 1 }, { size: 1 }, { size: 1 }]), /up to 3 files/);
});

/** @type {import("../../static/chat/wire.js").Ask} */
const ASK = {
  fields: [
    { name: "email", kind: "email", label: "", required: true },
    { name: "order", kind: "attribute", label: "Order", required: false },
  ],
  consent: { text: "Yes", link: "", link_text: "", version: "2" },
};
const known = (/** @type {object} */ fields = {}) => ({ name: "", email: null, phone: null, attributes: {}, ...fields });

test("only what is missing is asked, and nothing when nothing is that must be known", () => {
  assert.deepEqual(missingOf(ASK, null), ASK);
  assert.deepEqual(missingOf(ASK, known({ email: "a@b.c" }))?.fields.map(({ name }) => name), ["order"]);
  assert.equal(missingOf(ASK, known({ email: "a@b.c", attributes: { consent: "2, 2026-05-20" } })), null);
  assert.equal(missingOf(ASK, known({ email: "a@b.c", attributes: { consent: "1, 2026-05-20" } }))?.consent?.version, "2");
  assert.equal(missingOf({ ...ASK, consent: null }, known({ email: "a@b.c" })), null);
});

test("an answer is judged before the server judges it, and given as it takes it", () => {
  const [email, order] = /** @type {[any, any]} */ (ASK.fields);
  assert.equal(trouble(email, ""), "Please fill this in.");
  for (const wrong of ["ada@", "ada@example", "ada @example.com"]) assert.equal(trouble(email, wrong), "This is not an e-mail address.");
  assert.equal(trouble(email, "ada@example.com"), "");
  assert.equal(trouble(order, ""), "");
  assert.equal(trouble(order, "x".repeat(501)), "This is too long.");
  assert.equal(trouble({ ...email, kind: "phone" }, "12 ab"), "This is not a phone number.");
  assert.equal(trouble({ ...email, kind: "phone" }, "+49 (30) 12-34"), "");
  const rows = [{ field: email, value: "a@b.c" }, { field: order, value: "A 17" }];
  assert.deepEqual(bodyOf(rows, ASK.consent), { email: "a@b.c", attributes: { order: "A 17" }, consent: "2" });
  assert.deepEqual(bodyOf([{ field: order, value: "" }], null), {});
});

test("an emoji is found by how its words begin", () => {
  const first = (/** @type {string} */ query) => search(query)[0]?.sign;
  assert.equal(first("thumbs up"), "👍");
  assert.equal(first(":+1"), "👍");
  assert.equal(first("birthday"), "🎂");
  assert.equal(first("thanks"), "🙏");
  assert.deepEqual(search("zzz"), []);
  const all = [...groups.values()].flat();
  assert.equal(new Set(all.map(({ sign }) => sign)).size, all.length);
  assert.ok(all.length > 300 && all.every(({ name, sign }) => name && sign));
});
