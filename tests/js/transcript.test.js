import assert from "node:assert/strict";
import { test } from "node:test";

import { Refused, Unavailable } from "../../static/chat/troubles.js";
import { World } from "./fakes.js";

const PATH = "/conversations/c1/transcript";

/** @param {{status: number, body?: unknown, headers?: Record<string, string>}} answer */
async function asked(answer) {
  const world = new World();
  const client = await world.connected();
  world.answers[PATH] = () => answer;
  return { world, client };
}

test("a conversation is sent to an address, or to the one that is proven", async () => {
  const { world, client } = await asked({ status: 202, body: { email: "ada@example.com" } });
  assert.equal(await client.transcript("c1", "ada@example.com"), "ada@example.com");
  assert.equal(await client.transcript("c1"), "ada@example.com");
  const bodies = world.requests.filter(({ path }) => path === PATH).map(({ body }) => body);
  assert.deepEqual(bodies, [{ email: "ada@example.com" }, {}]);
});

test("why it is not says its code, and when another try may help", async () => {
  const no = await asked({ status: 409, body: { error: { code: "no_transcript", message: "No." } } });
  await assert.rejects(no.client.transcript("c1"), (error) => error instanceof Refused && error.code === "no_transcript");
  const later = await asked({ status: 429, headers: { "Retry-After": "60" } });
  await assert.rejects(later.client.transcript("c1"), (error) => error instanceof Unavailable && error.afterMs === 60_000);
});
