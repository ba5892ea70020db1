/**
 * One socket to the server, kept alive: hello first, pings, reconnects with full jitter, close codes obeyed.
 * It knows frames, not chats. The dialler, the clock and chance are parameters.
 *
 * @import { Clock } from "./clock.js"
 * @import { Policy } from "./close.js"
 * @import { ServerFrame } from "./wire.js"
 *
 * idle: not wanted · connecting · online: the server has answered our hello · waiting: for the next attempt ·
 * stopped: the server said never again.
 * @typedef {"idle"|"connecting"|"online"|"waiting"|"stopped"} Phase
 *
 * @typedef {{
 *   dial: () => WebSocket, hello: () => Promise<object|"idle"|"stopped">, clock: Clock, random?: () => number,
 *   onFrame: (frame: ServerFrame) => void, onPhase: (phase: Phase) => void, onStale: () => void,
 * }} Options `hello` makes the first frame, or says the phase to rest in instead; its failure is a lost network.
 *   It may name an `afterMs`, before which it is not asked again. `onStale`: the server does not know our token.
 */
import { Backoff } from "./backoff.js";
import { policyOf } from "./close.js";

const HEALTHY_MS = 10_000;
const DIAL_MS = 10_000;
const PONG_MS = 8_000;
const WAKE_PONG_MS = 3_000;
const PING_MS = 20_000;
const PING_JITTER_MS = 5_000;
const JITTER_MS = 5_000;

export class Connection {
  /** @type {Phase} */ phase = "idle";
  visible = true;
  /** @type {WebSocket|null} */ #socket = null;
  /** @type {Backoff} */ #backoff;
  #attempt = 0;
  #healthy = false;
  /** When a server that stops told us to come back. @type {number|null} */ #backAt = null;
  /** For how long a server that is about to close does not want us. */ #unwantedMs = 0;
  /** @type {Record<string, () => void>} */ #timers = {};

  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.random = options.random ?? Math.random;
    this.#backoff = new Backoff({ random: this.random });
  }

  start() {
    if (this.phase === "idle") void this.#connect();
  }

  stop() {
    this.#drop();
    this.#enter("idle");
  }

  /** Throw this socket away and dial again at once. */
  restart() {
    if (this.phase === "idle" || this.phase === "stopped") return;
    this.#drop();
    void this.#connect();
  }

  /** The network is back or the page is looked at again: do not wait, and do not trust the old socket. */
  wake() {
    if (this.phase === "waiting") void this.#connect();
    else if (this.phase === "online") this.#ping(WAKE_PONG_MS);
  }

  /** The browser says that the network is gone. */
  lose() {
    if (this.phase !== "connecting" && this.phase !== "online") return;
    this.#drop();
    this.#wait(this.#backoff.next());
  }

  /** @param {boolean} visible */
  look(visible) {
    if (this.visible === visible) return;
    this.visible = visible;
    if (this.phase === "online") this.#ping(PONG_MS);
  }

  /** @param {object} frame @returns {boolean} false: there is no socket that could take it */
  send(frame) {
    if (this.phase !== "online" || !this.#socket) return false;
    return this.#write(frame);
  }

  async #connect() {
    this.#drop();
    const attempt = ++this.#attempt;
    this.#enter("connecting");
    let hello;
    try {
      hello = await this.options.hello();
    } catch (error) {
      const { afterMs = 0 } = /** @type {{afterMs?: number}} */ (error);
      if (attempt === this.#attempt) this.#wait(afterMs + this.#backoff.next());
      return;
    }
    if (attempt !== this.#attempt) return;
    if (typeof hello === "string") this.#enter(hello);
    else this.#open(hello);
  }

  /** @param {object} hello */
  #open(hello) {
    const socket = this.options.dial();
    this.#socket = socket;
    this.#after("dial", DIAL_MS, () => this.#lost("after a pause"));
    socket.onopen = () => {
      this.#write(hello);
      this.#ping(PONG_MS); // Its answer proves that the hello was taken, whether or not anything changed.
    };
    socket.onmessage = ({ data }) => this.#received(String(data));
    socket.onclose = ({ code }) => this.#lost(policyOf(code));
  }

  /** @param {string} text */
  #received(text) {
    this.#cancel("pong");
    this.#cancel("dial");
    /** @type {ServerFrame} */
    const frame = JSON.parse(text);
    const first = this.phase === "connecting";
    this.phase = "online"; // Already true while the frame is handled, so that it can be answered.
    this.#unwantedMs = frame.type === "error" ? (frame.error.retry_after ?? 0) * 1_000 : 0;
    if (frame.type === "reconnect") this.#part(frame.in_ms);
    else this.options.onFrame(frame);
    if (!first) return;
    this.#after("healthy", HEALTHY_MS, () => this.#flourish());
    this.options.onPhase("online");
  }

  /** The server stops: go on with this socket until our moment to dial another. @param {number} ms */
  #part(ms) {
    this.#backAt = this.options.clock.now() + ms;
    this.#after("part", ms, () => this.restart());
  }

  #flourish() {
    this.#healthy = true;
    this.#backoff.reset();
  }

  /** @param {Policy} policy */
  #lost(policy) {
    const healthy = this.#healthy;
    const unwantedMs = this.#unwantedMs;
    const part = this.#backAt === null ? this.random() * JITTER_MS : Math.max(0, this.#backAt - this.options.clock.now());
    this.#drop();
    if (policy === "stop") return this.#enter("stopped");
    if (policy === "refresh") this.options.onStale();
    if (policy === "with jitter") return this.#wait(part);
    // "At once" only after a healthy while; a server that refuses each time would be hammered otherwise.
    if (policy !== "after a pause" && healthy) return this.#wait(0);
    return this.#wait(unwantedMs + this.#backoff.next());
  }

  /** @param {number} ms */
  #wait(ms) {
    this.#after("retry", ms, () => void this.#connect());
    this.#enter("waiting");
  }

  /** @param {number} patienceMs */
  #ping(patienceMs) {
    if (!this.#write({ type: "ping", visible: this.visible })) return;
    this.#after("pong", patienceMs, () => this.#lost("after a pause"));
    this.#after("ping", PING_MS + this.random() * PING_JITTER_MS, () => this.#ping(PONG_MS));
  }

  /** @param {object} frame */
  #write(frame) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #drop() {
    for (const name of Object.keys(this.#timers)) this.#cancel(name);
    const socket = this.#socket;
    this.#socket = null;
    this.#healthy = false;
    this.#backAt = null;
    this.#unwantedMs = 0;
    this.#attempt += 1;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  /** @param {Phase} phase */
  #enter(phase) {
    if (this.phase === phase) return;
    this.phase = phase;
    this.options.onPhase(phase);
  }

  /** @param {string} name @param {number} ms @param {() => void} act */
  #after(name, ms, act) {
    this.#cancel(name);
    this.#timers[name] = this.options.clock.after(ms, act);
  }

  /** @param {string} name */
  #cancel(name) {
    this.#timers[name]?.();
    delete this.#timers[name];
  }
}
