/**
 * Tells the server what the visitor wants done about a message that was lost (sent again, or deleted), and what they
 * answer to a question. Asked again on every new socket until the row changes or the server refuses; asking twice does
 * no harm.
 *
 * @import { Clock } from "./clock.js"
 * @import { Connection } from "./connection.js"
 * @import { Asked, State } from "./state.js"
 * @import { ServerFrame } from "./wire.js"
 */
import { LATER, toldMs } from "./sending.js";

const PAUSE_MS = 2_000;

export class Asking {
  /** @type {Map<string, Asked>} what this socket was told */ #told = new Map();
  /** @type {State|null} */ #state = null;

  /** @param {{connection: Connection, clock: Clock}} options */
  constructor({ connection, clock }) {
    this.connection = connection;
    this.clock = clock;
  }

  /** @param {State} state the newest */
  next(state) {
    this.#state = state;
    for (const id of this.#told.keys()) if (!state.asked.has(id)) this.#told.delete(id);
    for (const [message, asked] of state.asked) {
      if (asked.refused || this.#told.get(message) === asked) continue;
      if (!this.connection.send({ type: asked.action, message, values: asked.values })) return;
      this.#told.set(message, asked);
    }
  }

  /**
   * @param {ServerFrame} frame
   * @returns {boolean} true: the server wants to be asked later, so it is no refusal to show
   */
  postponed(frame) {
    if (frame.type !== "refused" || !frame.message || !LATER.has(frame.error.code)) return false;
    const { message } = frame;
    this.clock.after(Math.max(PAUSE_MS, toldMs(frame.error)), () => {
      this.#told.delete(message);
      if (this.#state) this.next(this.#state);
    });
    return true;
  }

  /** The socket is gone: the next one is told again. */
  interrupted() {
    this.#told.clear();
  }
}
