/**
 * What to say about the delivery of the visitor's own messages.
 * @import { Message, Tree } from "../wire.js"
 * @import { State, Unsent } from "../state.js"
 *
 * @typedef {"sending"|"waiting"|"slow"|"sent"|"seen"|"failed"|"unconfirmed"} Word
 * @typedef {{word: Word, reason: string, actions: readonly ("retry"|"sendAgain"|"discard")[]}} Delivery
 */
export const SLOW_MS = 8_000;

/** Not yet with Chatwoot, or not known to be. */
const UNDERWAY = new Set(["accepted", "sending", "unsure"]);

/** @param {Word} word @param {string} [reason] @param {Delivery["actions"]} [actions] @returns {Delivery} */
function delivery(word, reason = "", actions = []) {
  return { word, reason, actions };
}

/** @param {Message} message @param {State} state @param {boolean} slow @returns {Delivery} */
export function ofMessage(message, state, slow) {
  if (message.state === "failed") return delivery("failed", message.reason ?? "", ["sendAgain"]);
  if (message.state === "unconfirmed") return delivery("unconfirmed", "", ["sendAgain"]);
  if (message.state === "unsure") return delivery(slow ? "slow" : "sending");
  if (message.state !== "sent") return delivery("sending");
  const seen = state.conversations.get(message.conversation)?.agent_seen ?? 0;
  return delivery(seen >= message.at ? "seen" : "sent");
}

/** @param {Unsent} unsent @param {State} state @returns {Delivery} */
export function ofUnsent(unsent, state) {
  if (unsent.refused) return delivery("failed", unsent.refused.message, ["retry", "discard"]);
  return delivery(state.status === "offline" && !unsent.accepted ? "waiting" : "sending");
}

/** @param {Delivery} delivery @returns {boolean} nothing the visitor has to be told unless it is the last one */
export function isPlain({ word }) {
  return word === "sent" || word === "seen";
}

/** How long messages have been under way, as this page saw it: the server's clock is not ours. */
export class Waiting {
  /** @type {Map<string, number>} */ #since = new Map();

  /** @param {State} state @param {number} now */
  note(state, now) {
    const waiting = [...state.messages.values()].filter((m) => m.direction === "incoming" && UNDERWAY.has(m.state));
    this.#since = new Map(waiting.map(({ id }) => [id, this.#since.get(id) ?? now]));
  }

  /** @param {string} id @param {number} now */
  isSlow(id, now) {
    return now - (this.#since.get(id) ?? now) >= SLOW_MS;
  }

  /** @param {number} now @returns {boolean} whether any message is */
  anySlow(now) {
    return [...this.#since.keys()].some((id) => this.isSlow(id, now));
  }

  /** @param {number} now @returns {number|null} milliseconds until the answer changes */
  nextChange(now) {
    const rest = [...this.#since.values()].map((since) => since + SLOW_MS - now).filter((ms) => ms > 0);
    return rest.length ? Math.min(...rest) : null;
  }
}
