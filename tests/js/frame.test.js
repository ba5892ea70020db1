import assert from "node:assert/strict";
import { test } from "node:test";

import { askedOf } from "../../static/chat/frame/asked.js";
import { tell } from "../../static/chat/frame/happenings.js";
import { headerLine } from "../../static/chat/frame/header-line.js";
import { Host } from "../../static/chat/frame/host.js";
import { Outward } from "../../static/chat/frame/outward.js";
import { Notice } from "../../static/chat/frame/notice.js";
import { Times } from "../../static/chat/frame/times.js";
import { plainText } from "../../static/chat/frame/tree.js";
import { Typist } from "../../static/chat/frame/typist.js";
import { words } from "../../static/chat/frame/words.js";
import { NOTHING, reduce } from "../../static/chat/state.js";
import { Refused } from "../../static/chat/troubles.js";
import { FakeClock, NOW, World, conversation, message, reset, settled } from "./fakes.js";

/** @import { State } from "../../static/chat/state.js" */
/** @param {import("../../static/chat/wire.js").Message[]} messages @param {object} [of] @returns {State} */
const state = (messages, of = {}) => reduce({ ...NOTHING, status: "online" }, { type: "frame", frame: reset(messages, [conversation(of)]), now: NOW });

test("typing is told at once, again after ten seconds, and ended by four idle ones", async () => {
  const clock = new FakeClock();
  /** @type {boolean[]} */
  const told = [];
  const typist = new Typist({ clock, tell: (on) => void told.push(on) });
  typist.wrote("  ");
  for (let key = 0; key < 6; key += 1) {
    typist.wrote("hello");
    await clock.pass(2_000);
  }
  assert.deepEqual(told, [true, true]);
  await clock.pass(4_000);
  assert.deepEqual(told, [true, true, false]);
  typist.wrote("x");
  typist.wrote("");
  assert.deepEqual(told.slice(3), [true, false]);
});

test("a short interruption is not worth a sentence, a long one is", () => {
  const notice = new Notice();
  const down = { ...NOTHING, status: /** @type {const} */ ("offline") };
  const around = { now: NOW, slow: false, networked: true };
  assert.equal(notice.text(down, around), "");
  assert.equal(notice.nextChange(NOW), 3_000);
  assert.equal(notice.held, false);
  assert.equal(notice.text(down, { ...around, now: NOW + 3_000 }), words.notice.unreachable);
  assert.equal(notice.held, true);
  assert.equal(notice.text(down, { ...around, networked: false }), words.notice.offline);
  assert.equal(notice.text(state([]), { ...around, slow: true }), words.notice.slow);
  assert.equal(notice.text(state([], { status: "resolved" }), around), words.resolved);
  assert.equal(notice.text({ ...NOTHING, status: "stopped" }, around), words.notice.stopped);
});

test("the header claims no more than is known", () => {
  assert.equal(headerLine(NOTHING, NOW), words.header.plain);
  assert.equal(headerLine({ ...NOTHING, online: true }, NOW), words.header.online);
  assert.equal(headerLine(state([message()]), NOW), "You are talking to Gus");
  assert.equal(headerLine(state([message()], { status: "resolved" }), NOW), words.header.plain);
  assert.equal(headerLine(state([message()]), NOW + 13 * 3_600_000), words.header.plain);
});

test("days are named as people name them", () => {
  const times = new Times("en-GB");
  const day = 86_400_000;
  const at = new Date(2026, 4, 20, 0, 30).getTime(); // A Wednesday, just after midnight.
  assert.equal(times.day(at, at), "Today");
  assert.equal(times.day(at - 3_600_000, at), "Yesterday");
  assert.equal(times.day(at - 3 * day, at), "Sunday");
  assert.equal(times.day(at - 30 * day, at), "20 April");
  assert.equal(times.day(at - 200 * day, at), "1 November 2025");
  assert.equal(times.day(at + 60_000, at), "Today", "a server's clock may be ahead");
});

test("a tree reads as plain text, unknown parts by what they contain", () => {
  /** @type {any} */
  const tree = [
    { t: "p", c: ["Hello ", { t: "strong", c: ["you"] }, { t: "br" }, { t: "link", href: "https://x.test", c: ["there"] }] },
    { t: "list", ordered: false, c: [[{ t: "p", c: ["one"] }], [{ t: "p", c: ["two"] }]] },
    { t: "quote", c: [{ t: "p", c: ["said"] }] },
    { t: "code", s: "x = 1" },
    { t: "marquee", c: ["new"] },
  ];
  assert.equal(plainText(tree), "Hello you\nthere\n\none\ntwo\n\nsaid\n\nx = 1\n\nnew");
});

/** @param {{search?: string, framed?: boolean}} options */
function fakeWindow({ search = "?origin=https%3A%2F%2Fshop.test", framed = true }) {
  /** @type {{data: any, origin: string}[]} */
  const posted = [];
  /** @type {(event: any) => void} */
  let hear = () => {};
  const parent = { postMessage: (/** @type {any} */ data, /** @type {string} */ origin) => void posted.push({ data, origin }) };
  /** @type {any} */
  const window = { location: { search, origin: "https://chat.test" }, addEventListener: (/** @type {string} */ _, /** @type {any} */ listener) => (hear = listener) };
  window.parent = framed ? parent : window;
  return { window, posted, parent, hear: (/** @type {any} */ event) => hear(event) };
}

/** @param {ReturnType<typeof fakeWindow>} around @param {string[]} allowed */
function hostOf(around, allowed) {
  /** @type {string[]} */
  const heard = [];
  const grant = (/** @type {string} */ name) => async (/** @type {unknown} */ value) => void heard.push(`${name} ${JSON.stringify(value)}`);
  const events = {
    open: () => void heard.push("open"),
    closed: () => void heard.push("closed"),
    look: (/** @type {object} */ look) => void heard.push(`look ${JSON.stringify(look)}`),
    identify: grant("identify"),
    logout: grant("logout"),
    attributes: grant("attributes"),
    conversation: grant("conversation"),
    labels: async (/** @type {unknown} */ _, /** @type {(error: unknown) => void} */ late) => late(new Refused("unsupported", "It cannot.")),
  };
  const host = new Host({ window: around.window, allowed, events });
  host.start();
  return { host, heard };
}

test("the frame speaks to the exact origin of its host and hears nobody else", () => {
  const around = fakeWindow({});
  const { host, heard } = hostOf(around, ["https://shop.test"]);
  host.happened("unread", 2);
  host.happened("unread", 2); // is no news
  assert.deepEqual(around.posted, [
    { data: { chatproxy: 1, type: "ready" }, origin: "https://shop.test" },
    { data: { chatproxy: 1, type: "event", name: "unread", detail: 2 }, origin: "https://shop.test" },
  ]);
  const good = { origin: "https://shop.test", source: around.parent, data: { chatproxy: 1, type: "open" } };
  around.hear({ ...good, origin: "https://shop.test.evil" });
  around.hear({ ...good, source: {} });
  around.hear({ ...good, data: { type: "open" } });
  around.hear({ ...good, data: null });
  assert.deepEqual(heard, []);
  around.hear(good);
  around.hear({ ...good, data: { chatproxy: 1, type: "closed" } });
  assert.deepEqual(heard, ["open", "closed"]);
});

test("what is unread is news again once the page was told to forget", () => {
  const around = fakeWindow({});
  const { host } = hostOf(around, ["https://shop.test"]);
  host.happened("unread", 2);
  host.tell({ type: "forget" });
  host.happened("unread", 2);
  assert.deepEqual(around.posted.slice(1).map(({ data }) => data.detail ?? data.type), [2, "forget", 2]);
});

test("what was kept and is refused later is told to the page as an error", async () => {
  const around = fakeWindow({});
  hostOf(around, ["https://shop.test"]);
  around.hear({ origin: "https://shop.test", source: around.parent, data: { chatproxy: 1, type: "labels", id: 7, value: { vip: true } } });
  await settled();
  assert.deepEqual(around.posted.slice(1).map(({ data }) => data), [
    { chatproxy: 1, type: "event", name: "error", detail: { code: "unsupported", message: "It cannot." } },
    { chatproxy: 1, type: "answer", id: 7 },
  ]);
});

test("T23: no other window, origin or shape moves the frame", () => {
  const around = fakeWindow({});
  const { heard } = hostOf(around, ["https://shop.test"]);
  const good = { origin: "https://shop.test", source: around.parent, data: { chatproxy: 1, type: "open" } };
  const origins = ["null", "", "*", "https://shop.test/", "https://shop.test:444", "http://shop.test", "https://a.shop.test", "https://chat.test", undefined];
  for (const origin of origins) around.hear({ ...good, origin });
  for (const source of [null, undefined, around.window, { postMessage: around.parent.postMessage }]) around.hear({ ...good, source });
  const nameless = [null, undefined, 0, "open", "", [], [1, "open"], { type: "open" }, { chatproxy: 2, type: "open" }, { chatproxy: "1", type: "open" }];
  const shapeless = ["", "constructor", "__proto__", "OPEN", null, 1, ["open"], { toString: () => "open" }].map((type) => ({ chatproxy: 1, type }));
  for (const data of [...nameless, ...shapeless]) around.hear({ ...good, data });
  assert.deepEqual(heard, []);
  around.hear(good);
  assert.deepEqual(heard, ["open"]);
});

test("a page says in the frame's address how the chat is to be", () => {
  const nothing = { greeting: "", texts: {}, files: true, emoji: true, end: true, popout: false };
  assert.deepEqual(askedOf(""), nothing);
  const search = "?welcomeTitle=Hello&welcomeDescription=%3Cb%3EAsk&enableFileUpload=0&enableEmojiPicker=1&enableEndConversation=0";
  assert.deepEqual(askedOf(search), { ...nothing, greeting: "Hello\n<b>Ask", files: false, end: false });
  const texts = { "header.online": "Here", "header.plain": "Away", "header.away": "Away" };
  assert.deepEqual(askedOf("?availableMessage=Here&unavailableMessage=Away&showPopoutButton=1"), { ...nothing, texts, popout: true });
});

test("what a page wishes is granted or refused by its number", async () => {
  const around = fakeWindow({ search: "?origin=https%3A%2F%2Fshop.test&mode=inline&identity=1" });
  const { host, heard } = hostOf(around, ["https://shop.test"]);
  const hear = (/** @type {object} */ data) => around.hear({ origin: "https://shop.test", source: around.parent, data: { chatproxy: 1, ...data } });
  assert.deepEqual([host.closable, host.introduces], [false, true]);
  hear({ type: "identify", id: 1, value: { token: "t" } });
  hear({ type: "logout", id: 2 });
  hear({ type: "attributes", value: { plan: "pro" } });
  hear({ type: "look", locale: "de", theme: 7 });
  host.events.identify = async () => {
    throw new Refused("bad_identity", "No.");
  };
  hear({ type: "identify", id: 3, value: null });
  await settled();
  assert.deepEqual(heard, ['identify {"token":"t"}', "logout undefined", 'look {"locale":"de"}']);
  assert.deepEqual(around.posted.slice(1).map(({ data }) => data), [
    { chatproxy: 1, type: "answer", id: 1 },
    { chatproxy: 1, type: "answer", id: 2 },
    { chatproxy: 1, type: "answer", id: 3, error: { code: "bad_identity", message: "No." } },
  ]);
});

test("a page hears what is said from now on, and not what was fetched", async () => {
  const around = fakeWindow({});
  const { host } = hostOf(around, ["https://shop.test"]);
  const world = new World();
  const client = world.client();
  new Outward({ client, host, messages: async () => ({ tell }) }).start();
  const told = () => around.posted.map(({ data }) => data).filter(({ type }) => type === "event").map(({ name, detail }) => [name, detail.text ?? detail]);
  client.start();
  client.send("hello");
  await settled();
  world.socket.open();
  world.socket.receive(reset([], []));
  world.take(world.socket.frames("send")[0], 3);
  await settled();
  assert.deepEqual(told(), [["start", { first: true }], ["message", "hello"]]);
  world.socket.receive(reset([message({ seq: 3, id: "m3" }), message({ seq: 9, id: "m9", at: NOW + 99 })]));
  await settled();
  assert.deepEqual(told().slice(2), [["message", "message 9"]]);
  await client.logout();
  assert.deepEqual(around.posted.at(-1)?.data, { chatproxy: 1, type: "forget" });
});

test("a frame without a host it knows is simply open", () => {
  for (const around of [fakeWindow({ framed: false }), fakeWindow({ search: "" }), fakeWindow({ search: "?origin=https://evil.test" })]) {
    const { host } = hostOf(around, ["https://shop.test", "*self"]);
    assert.equal(host.embedded, false);
    assert.deepEqual(around.posted, []);
  }
  assert.equal(hostOf(fakeWindow({ search: "?origin=https://chat.test" }), ["*self"]).host.embedded, true);
});
