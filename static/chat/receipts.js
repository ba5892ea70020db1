/**
 * Tells the server what has arrived, and notices when something has not.
 *
 * @import { Clock } from "./clock.js"
 * @import { Connection } from "./connection.js"
 * @import { State } from "./state.js"
 * @import { ServerFrame } from "./wire.js"
 */
import { unread, viewed } from "./selectors.js";
import { parseCursor } from "./state.js";

const ACK_ROWS = 16;
const ACK_MS = 1_000;
const BEHIND_MS = 5_000;

export class Receipts {
  /** @type {string|null} */ #cursor = null;
  #rows = 0;
  /** @type {Map<string, {message: string, at: number}>} what was told of a conversation, until a row of the server's has it */ #seen = new Map();
  #isTold = true;
  /** @type {(() => void)|null} */ #cancelAck = null;
  /** @type {(() => void)|null} */ #cancelBehind = null;

  /** @param {{connection: Connection, clock: Clock}} options */
  constructor({ connection, clock }) {
    this.connection = connection;
    this.clock = clock;
  }

  /** @param {ServerFrame} frame @param {State} state after that frame */
  received(frame, state) {
    if (frame.type === "reset" || frame.type === "changes") {
      this.#cursor = state.cursor;
      for (const row of frame.conversations) if (row.contact_seen >= (this.#seen.get(row.id)?.at ?? Infinity)) this.#seen.delete(row.id);
      this.#rows += frame.conversations.length + frame.messages.length;
      if (this.#rows >= ACK_ROWS) this.#acknowledge();
      else this.#cancelAck ??= this.clock.after(ACK_MS, () => this.#acknowledge());
    } else if (frame.type === "pong") {
      this.#compare(frame.cursor);
    }
    if (!this.#isTold) this.#tellAgain(state);
  }

  /**
   * Everything of the conversation that is looked at has been read.
   * @param {State} state @returns {{conversation: string, at: number}|null} null: nothing was told
   */
  seen(state) {
    const view = viewed(state)?.id;
    const newest = unread(state).findLast(({ id, conversation }) => conversation === view && state.messages.has(id));
    if (!newest || !this.#tell(newest.conversation, newest.id)) return null;
    const { conversation, id: message, at } = newest;
    this.#seen.set(conversation, { message, at });
    return { conversation, at };
  }

  interrupted() {
    this.#isTold = false;
    this.#rows = 0;
    this.#cancelAck?.();
    this.#cancelBehind?.();
    this.#cancelAck = this.#cancelBehind = null;
  }

  /** @param {string} conversation @param {string} message */
  #tell(conversation, message) {
    return this.connection.send({ type: "seen", conversation, message });
  }

  /** The socket that was told may have been dead. @param {State} state */
  #tellAgain({ conversations }) {
    this.#isTold = true;
    for (const [id, { message }] of this.#seen) {
      if (conversations.has(id)) this.#tell(id, message);
      else this.#seen.delete(id);
    }
  }

  #acknowledge() {
    this.#cancelAck?.();
    this.#cancelAck = null;
    this.#rows = 0;
    this.connection.send({ type: "ack", cursor: this.#cursor });
  }

  /** @param {string} head what the server holds: rows up to it are on their way, or lost */
  #compare(head) {
    if (!this.#isBehind(head) || this.#cancelBehind) return;
    this.#cancelBehind = this.clock.after(BEHIND_MS, () => {
      this.#cancelBehind = null;
      if (this.#isBehind(head)) this.connection.restart();
    });
  }

  /** @param {string} head */
  #isBehind(head) {
    const ours = parseCursor(this.#cursor);
    const theirs = parseCursor(head);
    return ours.epoch !== theirs.epoch || ours.seq < theirs.seq;
  }
}
