/**
 * Transmits unsent messages, one at a time, in the order they were written. A message goes out again, with
 * the same echo_id, on every new socket until the server has accepted or refused it.
 *
 * @import { Clock } from "./clock.js"
 * @import { Connection } from "./connection.js"
 * @import { State, Unsent, UnsentFile } from "./state.js"
 * @import { ServerFrame } from "./wire.js"
 */
import { Backoff } from "./backoff.js";
import { isUploading, nextUnsent, viewed } from "./selectors.js";
import { uuid } from "./uuid.js";

const ANSWER_MS = 10_000;
const SHORTEST_PAUSE_MS = 500;
export const LATER = new Set(["too_fast", "unavailable"]);

/** @param {import("./wire.js").Fault} fault @returns {number} how long the server wants us to wait */
export function toldMs(fault) {
  return (fault.retry_after ?? 0) * 1_000;
}

/**
 * What the visitor writes now, to the conversation that is looked at.
 * @param {State} state
 * @param {{text: string, files: readonly UnsentFile[], owner: string|null, now: number}} what
 * @returns {Unsent}
 */
export function written(state, { text, files, owner, now }) {
  const at = Math.max(now, (state.unsent.at(-1)?.at ?? 0) + 1); // A clock put back changes no order.
  const to = { conversation: viewed(state)?.id ?? state.shown, ...(state.begins && { begins: state.begins }) };
  return { echo_id: uuid(), text, ...to, at, accepted: null, refused: null, owner, ...(files.length && { files }) };
}

export class Sending {
  /** @type {string|null} */ #inFlight = null;
  #pausing = false;
  /** @type {State|null} */ #state = null;
  /** @type {() => void} */ #cancel = () => {};

  /** @param {{connection: Connection, clock: Clock, random?: () => number}} options */
  constructor({ connection, clock, random }) {
    this.connection = connection;
    this.clock = clock;
    this.pause = new Backoff({ baseMs: 2_000, capMs: 30_000, random });
  }

  /** @param {State} state the newest */
  next(state) {
    this.#state = state;
    const unsent = nextUnsent(state);
    if (this.#inFlight && this.#inFlight !== unsent?.echo_id) this.interrupted(); // Answered, or its row came first.
    if (!unsent || isUploading(unsent) || this.#inFlight || this.#pausing) return;
    const { echo_id, conversation, text, files, begins } = unsent;
    const named = { ...(begins && { begins }), ...(files?.length && { files: files.map(({ id }) => id) }) };
    if (!this.connection.send({ type: "send", echo_id, conversation, text, ...named })) return;
    this.#inFlight = echo_id;
    this.#cancel = this.clock.after(ANSWER_MS, () => this.connection.restart());
  }

  /**
   * @param {ServerFrame} frame
   * @returns {boolean} true: the server wants this message later, so it is no refusal to show
   */
  postponed(frame) {
    if (frame.type === "accepted") this.pause.reset();
    if (frame.type !== "refused" || !frame.echo_id || !LATER.has(frame.error.code)) return false;
    this.interrupted();
    this.#pausing = true;
    this.clock.after(toldMs(frame.error) + SHORTEST_PAUSE_MS + this.pause.next(), () => {
      this.#pausing = false;
      if (this.#state) this.next(this.#state);
    });
    return true;
  }

  /** The socket is gone: whatever was under way goes out again on the next one. */
  interrupted() {
    this.#inFlight = null;
    this.#cancel();
  }
}
