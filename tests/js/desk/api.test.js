import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, readSession } from "../../../chat/sandbox/desk/api.js";
import { SAMPLES } from "../../../chat/sandbox/desk/samples.js";

const SESSION = { account_id: 3, agent_id: 2, agent_token: "secret" };

function answering(status, body) {
  const requests = [];
  const fetcher = async (url, options) => {
    requests.push({ url, ...options });
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
  };
  return { api: new Api(SESSION, fetcher), requests };
}

test("every request names the agent by its token, in a header", async () => {
  const { api, requests } = answering(200, { data: { payload: [] } });
  await api.conversations(2);
  assert.equal(requests[0].url, "/api/v1/accounts/3/conversations?status=all&assignee_type=all&page=2");
  assert.equal(requests[0].headers.api_access_token, "secret");
});

test("a message goes as JSON, with files as multipart under attachments[]", async () => {
  const { api, requests } = answering(200, {});
  await api.createMessage(9, { content: "a", private: true, echo_id: "e" });
  await api.createMessage(9, { content: "a", private: false, files: [new File(["x"], "a.txt")] });
  assert.deepEqual(JSON.parse(requests[0].body), { content: "a", private: true, echo_id: "e" });
  assert.deepEqual([...requests[1].body.keys()], ["content", "private", "attachments[]"]);
  assert.equal(requests[1].body.get("attachments[]").name, "a.txt");
});

test("empty answers are no error", async () => {
  const { api } = answering(200, "");
  await api.toggleTyping(9, "on", false);
});

for (const [status, body, words] of [
  [422, { error: "Content is too long" }, "Content is too long"],
  [401, { message: "No" }, "No"],
  [500, "<html>", "Chatwoot answered 500."],
]) {
  test(`${status} is told as "${words}"`, async () => {
    await assert.rejects(answering(status, body).api.conversation(1), { status, message: words });
  });
}

test("no answer at all is told as such", async () => {
  const fetcher = async () => {
    throw new TypeError("fetch failed");
  };
  await assert.rejects(readSession(fetcher), { status: 0, message: "Chatwoot does not answer." });
});

test("the samples carry only the keys that Chatwoot accepts", () => {
  const allowed = {
    input_select: ["title", "value"],
    cards: ["media_url", "title", "description", "actions"],
    form: ["name", "type", "label", "placeholder", "required", "options"],
    article: ["title", "description", "link"],
    input_csat: [],
  };
  for (const { fields } of SAMPLES) {
    const { content_type, content_attributes } = fields();
    for (const item of content_attributes.items ?? []) {
      assert.deepEqual(
        Object.keys(item).filter((key) => !allowed[content_type].includes(key)),
        [],
      );
    }
  }
});
