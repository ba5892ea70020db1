/** What a page before this one did not get through, found by the next: behind a closed launcher, or with the chat. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { World, message, reset, settled } from "./fakes.js";

const VALUES = { csat_survey_response: { rating: 5 } };

/** A browser in which an answer waits. @param {object} [fields] */
function waiting(fields) {
  const world = new World();
  world.area.setItem("chatproxy:main:begun", "true");
  world.area.setItem("chatproxy:main:answer:m1", JSON.stringify({ action: "answer", seq: 1, refused: null, values: VALUES, old: [], ...fields }));
  world.answers["/sync"] = () => ({ status: 200, body: reset([message({ content_type: "input_csat" })]) });
  return world;
}

for (const how of /** @type {const} */ (["glance", "start"])) {
  test(`an answer that waits is told, once, by a page that begins with a ${how}`, async () => {
    const world = waiting();
    const client = world.client();
    void client[how]();
    void client.glance();
    await settled();
    assert.equal(world.sockets.length, 1);
    world.socket.open();
    world.socket.receive(reset([message({ content_type: "input_csat" })]));
    assert.deepEqual(world.socket.frames("answer"), [{ type: "answer", message: "m1", values: VALUES }]);
  });
}

test("one that was refused costs a page no socket, nor does one of somebody who has left", async () => {
  const refused = waiting({ refused: { code: "no_question", message: "No." } });
  const left = waiting();
  left.area.removeItem("chatproxy:main:begun");
  for (const world of [refused, left]) {
    await world.client().glance();
    await world.clock.pass(600_000);
    assert.equal(world.sockets.length, 0);
  }
});
