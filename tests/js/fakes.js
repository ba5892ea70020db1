/**
 * Stand-ins for what the client is given: time, storage, a server behind a socket.
 * @import { Conversation, Message, ServerFrame } from "../../static/chat/wire.js"
 */
import { ChatClient } from "../../static/chat/client.js";

export const NOW = Date.UTC(2026, 4, 20, 12);

export class FakeClock {
  time = NOW;
  /** @type {{at: number, act: () => void}[]} */ timers = [];

  now = () => this.time;

  after = (/** @type {number} */ ms, /** @type {() => void} */ act) => {
    const timer = { at: this.time + ms, act };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((other) => other !== timer));
  };

  /** @param {number} ms */
  async pass(ms) {
    const until = this.time + ms;
    for (;;) {
      await settled();
      const [next] = this.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers = this.timers.filter((other) => other !== next);
      this.time = Math.max(this.time, next.at);
      next.act();
    }
    this.time = until;
    await settled();
  }
}

/** Let everything that is ready run. */
export async function settled() {
  for (let turn = 0; turn < 60; turn += 1) await Promise.resolve();
}

export class FakeSocket {
  readyState = 0;
  /** @type {any[]} */ sent = [];
  /** @type {(() => void)|null} */ onopen = null;
  /** @type {((event: {data: string}) => void)|null} */ onmessage = null;
  /** @type {((event: {code: number}) => void)|null} */ onclose = null;

  send(/** @type {string} */ text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  /** The server accepts. */
  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  /** @param {ServerFrame} frame */
  receive(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** The server or the network closes. @param {number} code */
  die(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** @param {string} type */
  frames(type) {
    return this.sent.filter((frame) => frame.type === type);
  }
}

/** localStorage as a page sees it. @returns {globalThis.Storage} */
export function fakeArea() {
  const area = Object.create({
    getItem: (/** @type {string} */ key) => (Object.hasOwn(area, key) ? area[key] : null),
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void (area[key] = value),
    removeItem: (/** @type {string} */ key) => void delete area[key],
  });
  return area;
}

/** Locks as the browser grants them: one holder for each name, the others in line. */
export function fakeLocks() {
  /** @type {Map<string, Promise<unknown>>} */
  const tails = new Map();
  return async (/** @type {string} */ name, /** @type {(alone: boolean) => Promise<any>} */ work) => {
    const turn = (tails.get(name) ?? Promise.resolve()).then(() => work(true));
    tails.set(name, turn.catch(() => {}));
    return turn;
  };
}

/** A browser without any. @type {import("../../static/chat/locks.js").Locked} */
export const noLocks = async (_, work) => work(false);

/** A browser with one origin's storage, and a server that counts. */
export class World {
  clock = new FakeClock();
  area = fakeArea();
  /** @type {import("../../static/chat/locks.js").Locked} */ locked = fakeLocks();
  /** @type {FakeSocket[]} */ sockets = [];
  /** @type {{path: string, body: any, call: string, token: string|null, signal: AbortSignal}[]} */ requests = [];
  /** @type {Record<string, () => {status: number, body?: unknown, headers?: Record<string, string>}>} */ answers = {};

  get socket() {
    return /** @type {FakeSocket} */ (this.sockets.at(-1));
  }

  /** @param {Partial<import("../../static/chat/client.js").Options>} [options] */
  client(options) {
    return new ChatClient({
      inbox: "main",
      api: "/api/v1",
      socket: "ws://chat.test/ws/v1",
      clock: this.clock,
      random: () => 0.5,
      storage: this.area,
      fetch: /** @type {any} */ ((/** @type {string} */ url, /** @type {any} */ init) => this.#answer(url, init)),
      dial: () => /** @type {any} */ (this.#dial()),
      locked: this.locked,
      ...options,
    });
  }

  /** @param {string[]} [messages] A returning visitor's client, connected. */
  async connected(messages = []) {
    this.area.setItem("chatproxy:main:begun", "true");
    const client = this.client();
    client.start();
    await settled();
    this.socket.open();
    this.socket.receive(reset(messages.map((text, index) => message({ seq: index + 1, text: tree(text) }))));
    await settled();
    return client;
  }

  /** Answer a send as the server would. @param {any} sent @param {number} seq */
  take(sent, seq) {
    const id = `m-${sent.echo_id}`;
    this.socket.receive({ type: "accepted", echo_id: sent.echo_id, message: id, conversation: "c1" });
    this.socket.receive(changes([message({ id, seq, direction: "incoming", echo_id: sent.echo_id, text: tree(sent.text) })], seq));
  }

  #dial() {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }

  /** @param {string} url @param {any} init */
  async #answer(url, init) {
    const path = url.replace("/api/v1", "");
    const token = init.headers?.Authorization?.replace("Bearer ", "") ?? null;
    this.requests.push({ path, body: init.body ? JSON.parse(init.body) : null, call: `${init.method ?? "GET"} ${path}`, token, signal: init.signal });
    const answer = this.answers[path.split("?")[0] ?? ""] ?? (() => ({ status: 200, body: { access_token: "token", expires_in: 900, contact: "x" } }));
    const { status, body, headers } = answer();
    return { ok: status < 400, status, headers: new Headers(headers), json: async () => body };
  }
}

/** @param {string} text @returns {import("../../static/chat/wire.js").Tree} */
export function tree(text) {
  return [{ t: "p", c: [text] }];
}

/** @param {Partial<Message>} fields @returns {Message} */
export function message(fields = {}) {
  const seq = fields.seq ?? 1;
  return {
    id: `m${seq}`,
    conversation: "c1",
    seq,
    at: NOW + seq,
    direction: "outgoing",
    echo_id: null,
    state: "sent",
    reason: null,
    sender: { name: "Gus", avatar: null, kind: "agent" },
    text: tree(`message ${seq}`),
    content_type: "text",
    attributes: {},
    attachments: [],
    deleted: false,
    ...fields,
  };
}

/** @param {Partial<Conversation>} fields @returns {Conversation} */
export function conversation(fields = {}) {
  return { id: "c1", seq: 1, status: "open", contact_seen: 0, agent_seen: 0, deleted: false, ...fields };
}

/** @param {Message[]} messages @param {Conversation[]} conversations @returns {import("../../static/chat/wire.js").ResetFrame} */
export function reset(messages, conversations = [conversation()]) {
  return { type: "reset", cursor: `epoch001.${Math.max(1, ...messages.map((m) => m.seq))}`, reason: "start", conversations, messages, more: messages.length >= 50 };
}

/** @param {Message[]} messages @param {number} seq @param {Conversation[]} conversations @returns {import("../../static/chat/wire.js").ChangesFrame} */
export function changes(messages, seq, conversations = []) {
  return { type: "changes", cursor: `epoch001.${seq}`, conversations, messages, more: false };
}
