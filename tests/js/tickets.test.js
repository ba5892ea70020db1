import assert from "node:assert/strict";
import { test } from "node:test";

import { NoSuchFile, Tickets } from "../../static/chat/tickets.js";
import { FakeClock } from "./fakes.js";

function shop() {
  const clock = new FakeClock();
  /** @type {string[][]} */ const sales = [];
  let failing = false;
  const send = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ { attachments }) => {
    assert.equal(path, "/attachments/tickets");
    if (failing) throw new Error("away");
    sales.push(attachments);
    const urls = Object.fromEntries(attachments.filter((/** @type {string} */ id) => id !== "gone").map((/** @type {string} */ id) => [id, `/${id}?${sales.length}`]));
    return { urls, expires_in: 600 };
  };
  return { clock, sales, fail: (/** @type {boolean} */ on) => (failing = on), tickets: new Tickets({ session: { send }, clock }) };
}

test("what is asked for in one moment is bought in one call, and kept", async () => {
  const { clock, sales, tickets } = shop();
  const urls = Promise.all([tickets.url("a"), tickets.url("b"), tickets.url("a")]);
  await clock.pass(20);
  assert.deepEqual(await urls, ["/a?1", "/b?1", "/a?1"]);
  assert.equal(await tickets.url("a"), "/a?1");
  assert.deepEqual(sales, [["a", "b"]]);
});

test("a ticket is renewed a minute before its end, or when it did not serve", async () => {
  const { clock, tickets } = shop();
  const first = tickets.url("a");
  await clock.pass(20);
  assert.equal(await first, "/a?1");
  await clock.pass(540_000);
  const second = tickets.url("a");
  await clock.pass(20);
  assert.equal(await second, "/a?2");
  const third = tickets.renewed("a");
  await clock.pass(20);
  assert.equal(await third, "/a?3");
});

test("a hundred and one files are two calls", async () => {
  const { clock, sales, tickets } = shop();
  const all = Promise.all(Array.from({ length: 101 }, (_, index) => tickets.url(`f${index}`)));
  await clock.pass(20);
  assert.equal((await all).length, 101);
  assert.deepEqual(sales.map((sale) => sale.length), [100, 1]);
});

test("what is not there says so, and a server that is away is asked again next time", async () => {
  const { clock, fail, tickets } = shop();
  const gone = assert.rejects(tickets.url("gone"), NoSuchFile);
  await clock.pass(20);
  await gone;
  fail(true);
  const away = assert.rejects(tickets.url("a"), /away/);
  await clock.pass(20);
  await away;
  fail(false);
  const back = tickets.url("a");
  await clock.pass(20);
  assert.equal(await back, "/a?2");
});
