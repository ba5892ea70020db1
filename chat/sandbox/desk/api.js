/** Chatwoot's Application API as far as an agent at the desk needs it: contract §6.7 and §6.8. */

const ANSWER_WITHIN_MS = 20_000;

/** `status` is 0 when no answer came at all. The message is a sentence for the agent. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Who we are, from the sandbox itself: account, agent, tokens. */
export async function readSession(fetcher = globalThis.fetch.bind(globalThis)) {
  return (await answered(() => fetcher("session.json", { cache: "no-store" }))).json();
}

export class Api {
  #base;
  #headers;
  #fetch;

  constructor(session, fetcher = globalThis.fetch.bind(globalThis)) {
    this.#base = `/api/v1/accounts/${session.account_id}/conversations`;
    this.#headers = { api_access_token: session.agent_token };
    this.#fetch = fetcher;
  }

  /** One page of at most 25, newest activity first. */
  async conversations(page) {
    return (await this.#json("GET", `?status=all&assignee_type=all&page=${page}`)).data.payload;
  }

  conversation(id) {
    return this.#json("GET", `/${id}`);
  }

  /** Without bounds the newest 20; `before` the 20 below that id; `after` up to 100 above it. Oldest first. */
  async messages(id, bounds = {}) {
    return (await this.#json("GET", `/${id}/messages?${new URLSearchParams(bounds)}`)).payload;
  }

  /** Files go as multipart in the field `attachments[]`, the only name Chatwoot takes. */
  createMessage(id, { files = [], ...fields }) {
    if (files.length === 0) return this.#json("POST", `/${id}/messages`, JSON.stringify(fields));
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      form.append(name, typeof value === "object" ? JSON.stringify(value) : String(value));
    }
    for (const file of files) form.append("attachments[]", file, file.name);
    return this.#json("POST", `/${id}/messages`, form);
  }

  deleteMessage(id, messageId) {
    return this.#json("DELETE", `/${id}/messages/${messageId}`);
  }

  toggleStatus(id, status) {
    return this.#json("POST", `/${id}/toggle_status`, JSON.stringify({ status }));
  }

  async toggleTyping(id, typing_status, is_private) {
    await this.#send("POST", `/${id}/toggle_typing_status`, JSON.stringify({ typing_status, is_private }));
  }

  updateLastSeen(id) {
    return this.#json("POST", `/${id}/update_last_seen`, "{}");
  }

  async #json(method, path, body) {
    return (await this.#send(method, path, body)).json();
  }

  #send(method, path, body) {
    const headers = { ...this.#headers };
    if (typeof body === "string") headers["content-type"] = "application/json";
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    return answered(() => this.#fetch(this.#base + path, { method, headers, body, signal }));
  }
}

async function answered(request) {
  let response;
  try {
    response = await request();
  } catch {
    throw new ApiError(0, "Chatwoot does not answer.");
  }
  if (response.ok) return response;
  throw new ApiError(response.status, await reasonIn(response));
}

async function reasonIn(response) {
  const text = await response.text();
  try {
    const body = JSON.parse(text);
    return String(body.error ?? body.message ?? `Chatwoot answered ${response.status}.`);
  } catch {
    return `Chatwoot answered ${response.status}.`;
  }
}
