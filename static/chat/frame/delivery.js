/**
 * What to say about the delivery of the visitor's own messages.
 * @import { Fault, Message, Tree } from "../wire.js"
 * @import { State, Unsent } from "../state.js"
 *
 * @typedef {"sending"|"uploading"|"waiting"|"behind"|"slow"|"sent"|"seen"|"damaged"|"failed"|"unconfirmed"} Word
 * @typedef {{word: Word, reason: string, actions: readonly ("retry"|"sendAgain"|"discard")[]}} Delivery
 * @typedef {{slow: boolean, held: boolean}} How `held`: nothing goes out now
 */
import { isUploading } from "../selectors.js";
import { words } from "./words.js";

export const SLOW_MS = 8_000;

/** Not yet with Chatwoot, or not known to be. */
const UNDERWAY = new Set(["accepted", "sending", "unsure"]);

/** @param {Word} word @param {string} [reason] @param {Delivery["actions"]} [actions] @returns {Delivery} */
function delivery(word, reason = "", actions = []) {
  return { word, reason, actions };
}

/** @param {Message} message @param {State} state @param {How} how @returns {Delivery} */
export function ofMessage(message, state, how) {
  const asked = state.asked.get(message.id);
  if (asked) return asked.refused ? delivery("failed", why(asked.refused), ["retry", "discard"]) : delivery(isHeld(state, how) ? "waiting" : "sending");
  if (message.state === "failed") return delivery("failed", reasonOf(message.reason ?? "", message.reason ?? ""), ["retry", "discard"]);
  if (message.state === "unconfirmed") return delivery("unconfirmed", "", ["sendAgain", "discard"]);
  if (message.state === "unsure") return delivery(how.slow ? "slow" : "sending");
  if (isBehind(message)) return delivery("behind");
  if (message.state !== "sent") return delivery("sending");
  if (message.reason === "attachment_damaged") return delivery("damaged");
  const seen = state.conversations.get(message.conversation)?.agent_seen ?? 0;
  return delivery(seen >= message.at ? "seen" : "sent");
}

/** @param {Message} message @returns {boolean} it waits for what the visitor decides about an earlier one */
function isBehind({ state, reason }) {
  return state === "accepted" && reason === "behind_unconfirmed";
}

/** @param {State} state @param {How} how */
function isHeld(state, { held }) {
  return held || state.status === "offline";
}

/** @param {Unsent} unsent @param {State} state @param {How} how @returns {Delivery} */
export function ofUnsent(unsent, state, how) {
  if (unsent.refused) return delivery("failed", why(unsent.refused), ["retry", "discard"]);
  if (!unsent.accepted && isHeld(state, how)) return delivery("waiting", "", isUploading(unsent) ? ["discard"] : []);
  if (isUploading(unsent)) return delivery("uploading", "", ["discard"]);
  return delivery(how.slow ? "slow" : "sending");
}

/** @param {Fault} fault @returns {string} in the visitor's language, where it has a name */
export function why({ code, message }) {
  return reasonOf(code, message);
}

/** @param {string} code @param {string} otherwise */
function reasonOf(code, otherwise) {
  return Object.hasOwn(words.reasons ?? {}, code) ? words.reasons[/** @type {keyof typeof words.reasons} */ (code)] : otherwise;
}

/** @param {Delivery} delivery @returns {boolean} nothing the visitor has to be told unless it is the last one */
export function isPlain({ word }) {
  return word === "sent" || word === "seen";
}

/** @param {Delivery} delivery @returns {boolean} the visitor has to decide what becomes of it */
export function isLost({ word }) {
  return word === "failed" || word === "unconfirmed";
}

/** @param {Delivery} delivery @returns {string} */
export function sentence({ word, reason }) {
  return word === "failed" ? words.delivery.failed(reason) : words.delivery[word];
}

/** @param {Message} message @param {State} state @returns {boolean} deleted by the visitor before an agent could see it */
export function isDiscarded(message, state) {
  const asked = state.asked.get(message.id);
  if (asked?.action === "discard" && !asked.refused) return true;
  return message.deleted && message.direction === "incoming" && message.state !== "sent";
}

/** The same for a draft and the row it becomes. @param {Message} message */
export function keyOf(message) {
  return message.echo_id ?? message.id;
}

/** How long messages have been under way, as this page saw it: the server's clock is not ours. */
export class Waiting {
  /** @type {Map<string, number>} */ #since = new Map();
  /** @type {Set<string>} */ #taken = new Set();
  #online = false;

  /** @param {State} state @param {number} now */
  note(state, now) {
    const own = [...state.messages.values()].filter(({ direction }) => direction === "incoming");
    const rows = own.filter((row) => UNDERWAY.has(row.state) && !isBehind(row));
    const unsent = state.unsent.filter((one) => !one.refused && !isUploading(one));
    const back = state.status === "online" && !this.#online; // Only now it can be on its way.
    this.#online = state.status === "online";
    const since = (/** @type {string} */ key) => this.#since.get(key) ?? now;
    this.#taken = new Set([...rows.map(keyOf), ...unsent.filter(({ accepted }) => accepted).map(({ echo_id }) => echo_id)]);
    this.#since = new Map([
      ...unsent.map(({ echo_id }) => /** @type {const} */ ([echo_id, back ? now : since(echo_id)])),
      ...rows.map((row) => /** @type {const} */ ([keyOf(row), since(keyOf(row))])),
    ]);
  }

  /** @param {string} key as `keyOf` makes it @param {number} now */
  isSlow(key, now) {
    return now - (this.#since.get(key) ?? now) >= SLOW_MS;
  }

  /** @param {number} now @returns {boolean} whether any message is that the server has: that one will be delivered */
  anySlow(now) {
    return [...this.#taken].some((key) => this.isSlow(key, now));
  }

  /** @param {number} now @returns {number|null} milliseconds until the answer changes */
  nextChange(now) {
    const rest = [...this.#since.values()].map((since) => since + SLOW_MS - now).filter((ms) => ms > 0);
    return rest.length ? Math.min(...rest) : null;
  }
}
