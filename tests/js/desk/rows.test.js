import assert from "node:assert/strict";
import { test } from "node:test";
import { conversationFrom, messageFrom, messagesIn } from "../../../chat/sandbox/desk/rows.js";
import { AGENT, conversationRow, messageRow, recordings } from "./fakes.js";

test("a row keeps what the desk shows and drops the rest", () => {
  const message = messageFrom(messageRow(5, { message_type: 1, sender: AGENT, processed_message_content: "x" }));
  assert.equal(message.message_type, "outgoing");
  assert.deepEqual(message.sender, { id: 2, name: "Gus", kind: "user" });
  assert.equal("processed_message_content" in message, false);
});

test("a deleted message keeps neither text nor files", () => {
  const attachments = [{ id: 1, data_url: "http://x/a.png" }];
  const message = messageFrom(messageRow(5, { content: "gone", attachments, content_attributes: { deleted: true } }));
  assert.deepEqual([message.deleted, message.content, message.attachments], [true, "", []]);
});

test("an attachment is named after the end of its address", () => {
  const data_url = "http://x/rails/active_storage/blobs/redirect/abc/a%20b.png?x=1";
  const [attachment] = messageFrom(
    messageRow(5, { attachments: [{ id: 1, file_type: "image", data_url, thumb_url: "" }] }),
  ).attachments;
  assert.equal(attachment.name, "a b.png");
  assert.equal(attachment.thumb, data_url);
});

test("an address that is not well encoded still gives a name", () => {
  const [attachment] = messageFrom(
    messageRow(5, { attachments: [{ id: 1, data_url: "http://x/100%.png" }] }),
  ).attachments;
  assert.equal(attachment.name, "100%.png");
});

test("a conversation without a named contact belongs to a visitor", () => {
  assert.equal(conversationFrom(conversationRow(1, { meta: { sender: { id: 3, name: "" } } })).contact.name, "Visitor");
});

test("the messages that a list row brings are read too", () => {
  const raw = conversationRow(1, { messages: [messageRow(9)], last_non_activity_message: messageRow(8) });
  assert.deepEqual(
    messagesIn(raw).map(({ id }) => id),
    [9, 8],
  );
});

test("every frame that the real Chatwoot sent an agent can be read", (t) => {
  const kit = recordings();
  if (kit === null) {
    if (process.env.CI === "true") assert.fail("the kit (SHARED) is absent");
    return t.skip("the kit (SHARED) is absent");
  }
  const frames = kit.flatMap(({ steps }) => steps.flatMap(({ frames = {} }) => frames.agent ?? []));
  const told = frames.filter(({ message }) => message?.event.startsWith("message.")).map(({ message }) => message.data);
  assert.ok(told.length > 20);
  for (const data of told) {
    const message = messageFrom(data);
    assert.equal(typeof message.id, "number");
    assert.equal(typeof message.conversation_id, "number");
    assert.ok(["incoming", "outgoing", "activity", "template"].includes(message.message_type));
  }
});
