/**
 * The chat without a face: session, socket, resume, and messages that are sent until the server has them.
 *
 *     const client = new ChatClient({ inbox: "main", api: "/api/v1", socket: "/ws/v1" });
 *     client.on("change", ({ state }) => …);
 *     client.start();
 *     client.send("Hello");
 *
 * @import { Clock } from "./clock.js"
 * @import { Phase } from "./connection.js"
 * @import { Locked } from "./locks.js"
 * @import { Event, State, Status } from "./state.js"
 * @import { ServerFrame } from "./wire.js"
 *
 * @typedef {"change"|"typing"|"presence"|"status"} Topic
 * @typedef {{state: State, before: State}} Change
 */
import { Asking } from "./asking.js";
import { systemClock } from "./clock.js";
import { Connection } from "./connection.js";
import { locked } from "./locks.js";
import { Receipts } from "./receipts.js";
import { currentConversation, messageOf, olderPage, unread } from "./selectors.js";
import { Sending } from "./sending.js";
import { BEGUN, Closed, Session, SessionGone } from "./session.js";
import { NOTHING, reduce } from "./state.js";
import { Storage } from "./storage.js";
import { UnsentStore } from "./unsent.js";
import { uuid } from "./uuid.js";

const TYPING_TICK_MS = 1_000;

/** @type {Record<Phase, Status>} */
const STATUS = { idle: "new", connecting: "connecting", online: "online", waiting: "offline", stopped: "stopped" };

export class ChatClient {
  /** @type {State} */ state = NOTHING;
  /** @type {Map<Topic, Set<(change: Change) => void>>} */ #listeners = new Map();
  /** @type {string|null} */ #contact = null;
  #paging = false;
  /** @type {(() => void)|null} */ #expiry = null;

  /**
   * @param {{inbox: string, api: string, socket: string, clock?: Clock, random?: () => number, storage?: Storage,
   *   fetch?: typeof globalThis.fetch, dial?: (url: string) => WebSocket, locked?: Locked}} options
   */
  constructor(options) {
    this.clock = options.clock ?? systemClock;
    this.storage = options.storage ?? new Storage(() => localStorage, `chatproxy:${options.inbox}:`);
    const locks = options.locked ?? locked;
    const dial = options.dial ?? ((url) => new WebSocket(url));
    this.session = new Session({
      inbox: options.inbox,
      api: options.api,
      fetch: options.fetch ?? fetch,
      storage: this.storage,
      clock: this.clock,
      locked: locks,
      random: options.random,
    });
    this.unsent = new UnsentStore({ storage: this.storage, locked: locks, clock: this.clock, onOrphans: (unsent) => this.#adopt(unsent) });
    this.connection = new Connection({
      dial: () => dial(socketUrl(options.socket)),
      hello: () => this.#hello(),
      clock: this.clock,
      random: options.random,
      onFrame: (frame) => this.#received(frame),
      onPhase: (phase) => this.#entered(phase),
      onStale: () => this.session.expire(),
    });
    this.sending = new Sending({ connection: this.connection, clock: this.clock, random: options.random });
    this.asking = new Asking({ connection: this.connection, clock: this.clock });
    this.receipts = new Receipts({ connection: this.connection, clock: this.clock });
  }

  /** Connect if there is anything to connect for; a newcomer stays unconnected until the first message. */
  start() {
    this.unsent.start();
    this.resume();
  }

  /** Connect now, because another tab began the session or something waits to be sent. */
  resume() {
    if (this.session.begun || this.state.unsent.length) this.connection.start();
  }

  stop() {
    this.connection.stop();
  }

  /** The page goes away, perhaps for good. */
  leave() {
    this.unsent.leave();
  }

  /** The network is back, or the page is looked at again. */
  wake() {
    this.connection.wake();
  }

  /** The browser says that the network is gone. */
  lose() {
    this.connection.lose();
  }

  /** @param {boolean} visible whether somebody can see the chat: only then agents are shown a present visitor */
  look(visible) {
    this.connection.look(visible);
  }

  /** Another tab wrote to storage. @param {string|null} key */
  noticed(key) {
    this.unsent.noticed(key);
    if (key === this.storage.prefix + BEGUN) this.resume();
  }

  /** @param {string} text @returns {string} echo_id, by which the message is known until the server names it */
  send(text) {
    const conversation = currentConversation(this.state)?.id ?? null;
    const echo_id = uuid();
    const at = Math.max(this.clock.now(), (this.state.unsent.at(-1)?.at ?? 0) + 1); // A clock put back changes no order.
    this.#dispatch({ type: "written", unsent: [{ echo_id, text, conversation, at, accepted: null, refused: null }] });
    this.connection.start();
    return echo_id;
  }

  /** Send again what was refused, failed or never confirmed. @param {string} echoId */
  retry(echoId) {
    const id = messageOf(this.state, echoId)?.id;
    this.#dispatch(id ? { type: "asked", id, action: "retry" } : { type: "retried", echo_id: echoId });
  }

  /** Delete it, on every device. @param {string} echoId */
  discard(echoId) {
    const id = messageOf(this.state, echoId)?.id;
    this.#dispatch(id ? { type: "asked", id, action: "discard" } : { type: "discarded", echo_id: echoId });
  }

  /** @param {boolean} on */
  typing(on) {
    const conversation = currentConversation(this.state)?.id;
    if (conversation) this.connection.send({ type: "typing", conversation, on });
  }

  /** Everything shown has been read. */
  seen() {
    const newest = new Map(unread(this.state).map((message) => [message.conversation, message]));
    for (const { id, conversation, at } of newest.values()) {
      if (!this.connection.send({ type: "seen", conversation, message: id })) return;
      this.#dispatch({ type: "seen", conversation, at });
    }
  }

  /** Fetch the page before the oldest message. @returns {Promise<boolean>} false: nothing came */
  async older() {
    const page = olderPage(this.state);
    if (!page || this.#paging) return false;
    this.#paging = true;
    const contact = this.#contact;
    try {
      const before = page.before ? `?before=${page.before}` : "";
      const answer = await this.session.get(`/conversations/${page.conversation}/messages${before}`);
      if (contact !== this.#contact) return false; // Somebody else sits here now.
      this.#dispatch({ type: "older", conversation: page.conversation, ...answer });
      return true;
    } catch {
      return false; // The visitor scrolls again; the socket's own state says what is wrong.
    } finally {
      this.#paging = false;
    }
  }

  /**
   * Read the state once; a socket only if something waits to be sent. Nothing happens for a newcomer.
   * @returns {Promise<boolean>} false: it could not be read
   */
  async glance() {
    this.unsent.start();
    if (!this.session.begun || this.connection.phase !== "idle") return true;
    try {
      const frame = await this.session.get("/sync");
      if (this.connection.phase !== "idle") return true; // The socket knows better by now.
      this.#recognise(this.session.contact);
      this.#received(frame);
      return true;
    } catch {
      return false; // A badge that is not shown is no untruth.
    }
  }

  /** @param {Topic} topic @param {(change: Change) => void} listener @returns {() => void} */
  on(topic, listener) {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** @returns {Promise<object|"idle"|"stopped">} */
  async #hello() {
    try {
      const token = this.state.unsent.length ? await this.session.begin() : await this.session.token();
      this.#recognise(this.session.contact);
      return { type: "hello", token, since: this.state.cursor, visible: this.connection.visible };
    } catch (error) {
      if (error instanceof Closed) return "stopped";
      if (!(error instanceof SessionGone)) throw error;
      this.#dispatch({ type: "signed_out" });
      return this.state.unsent.length ? this.#hello() : "idle";
    }
  }

  /** A cursor and a thread belong to one contact. @param {string|null} contact */
  #recognise(contact) {
    const isLeftBehind = this.session.isNew && this.state.unsent.some(({ conversation }) => conversation);
    if (this.#contact === null ? isLeftBehind : this.#contact !== contact) this.#dispatch({ type: "signed_out" });
    this.#contact = contact;
  }

  /** @param {ServerFrame} frame */
  #received(frame) {
    if (!this.sending.postponed(frame) && !this.asking.postponed(frame)) this.#dispatch({ type: "frame", frame, now: this.clock.now() });
    this.receipts.received(frame, this.state.cursor);
  }

  /** @param {Phase} phase */
  #entered(phase) {
    // Each attempt to come back is still "offline": words on the screen must not flicker with them.
    const again = phase === "connecting" && this.state.status === "offline";
    this.#dispatch({ type: "status", status: again ? "offline" : STATUS[phase] });
    if (phase === "online") return;
    this.sending.interrupted();
    this.asking.interrupted();
    this.receipts.interrupted();
  }

  /** @param {import("./state.js").Unsent[]} unsent */
  #adopt(unsent) {
    this.#dispatch({ type: "written", unsent });
    this.resume();
  }

  /** @param {Event} event */
  #dispatch(event) {
    const before = this.state;
    this.state = reduce(before, event);
    if (this.state === before) return;
    this.unsent.save(this.state.unsent);
    this.#watchTyping();
    this.#tell("change", before);
    if (before.typing !== this.state.typing) this.#tell("typing", before);
    if (before.online !== this.state.online) this.#tell("presence", before);
    if (before.status !== this.state.status) this.#tell("status", before);
    this.sending.next(this.state);
    this.asking.next(this.state);
  }

  /** @param {Topic} topic @param {State} before */
  #tell(topic, before) {
    for (const listener of this.#listeners.get(topic) ?? []) listener({ state: this.state, before });
  }

  #watchTyping() {
    if (!this.state.typing.size || this.#expiry) return;
    this.#expiry = this.clock.after(TYPING_TICK_MS, () => {
      this.#expiry = null;
      this.#dispatch({ type: "tick", now: this.clock.now() });
      this.#watchTyping();
    });
  }
}

/** @param {string} path */
function socketUrl(path) {
  const url = new URL(path, globalThis.location?.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
