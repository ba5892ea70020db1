/** Rows as Chatwoot sends them, a clock that only moves when told, and recordings of the kit. */
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { join } from "node:path";

export const AGENT = { id: 2, name: "Gus Agent", available_name: "Gus", type: "user" };
export const ADA = {
  id: 7,
  name: "Ada",
  email: "ada@example.test",
  type: "contact",
  custom_attributes: { plan: "gold" },
};

export function messageRow(id, changes = {}) {
  return {
    id,
    conversation_id: 1,
    content: `m${id}`,
    message_type: 0,
    content_type: "text",
    content_attributes: {},
    private: false,
    status: "sent",
    created_at: 1_700_000_000 + id,
    updated_at: stamp(id),
    sender: ADA,
    ...changes,
  };
}

export function conversationRow(id, changes = {}) {
  return {
    id,
    meta: { sender: ADA, assignee: null },
    messages: [],
    status: "open",
    unread_count: 0,
    last_activity_at: 1_700_000_000 + id,
    updated_at: 1_700_000_000 + id,
    custom_attributes: {},
    labels: [],
    ...changes,
  };
}

export const stamp = (second) => new Date(1_700_000_000_000 + second * 1000).toISOString();

export class FakeClock {
  #now = 0;
  #timers = [];

  now = () => this.#now;

  after = (ms, call) => {
    const timer = { at: this.#now + ms, call };
    this.#timers.push(timer);
    return timer;
  };

  cancel = (timer) => {
    this.#timers = this.#timers.filter((other) => other !== timer);
  };

  get pending() {
    return this.#timers.length;
  }

  advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      const [due] = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (!due) break;
      this.#now = due.at;
      this.cancel(due);
      due.call();
    }
    this.#now = end;
  }
}

/** Lets everything run that waits for nothing but promises. */
export async function settled() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** The recordings of the real Chatwoot with numbers for their placeholders; null when the kit is absent. */
export function recordings() {
  const shared = process.env.SHARED ?? new URL("../../../../shared", import.meta.url).pathname;
  const folder = join(shared, "chatwoot-4.10", "recordings");
  if (!existsSync(folder)) return null;
  const numbers = new Map();
  const number = (label) => numbers.get(label) ?? numbers.set(label, numbers.size + 1).get(label);
  return readdirSync(folder).map((name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const numbered = (_, label, colon = "") => (colon ? `"${number(label)}":` : String(number(label)));
    return JSON.parse(text.replace(/"<(int:[^>]*|unix|unixf)>"(:)?/g, numbered));
  });
}
