/**
 * Questions about the state.
 * @import { Message, Conversation } from "./wire.js"
 * @import { State, Unsent } from "./state.js"
 */
import { byPlace } from "./state.js";

/** @param {State} state @returns {Message[]} every message we hold, in display order */
export function thread(state) {
  return [...state.messages.values()].sort(byPlace);
}

/** @param {State} state @returns {Conversation|null} the one spoken in last */
export function currentConversation(state) {
  /** @type {Message|null} */
  let newest = null;
  for (const message of state.messages.values()) {
    if (!newest || byPlace(newest, message) < 0) newest = message;
  }
  const found = newest && state.conversations.get(newest.conversation);
  return found ?? [...state.conversations.values()].sort((a, b) => a.seq - b.seq).at(-1) ?? null;
}

/** @param {State} state @returns {Message[]} what agents wrote and the visitor has not seen, in display order */
export function unread(state) {
  return thread(state).filter(({ direction, deleted, conversation, at }) => {
    const row = state.conversations.get(conversation);
    return direction === "outgoing" && !deleted && row && at > row.contact_seen;
  });
}

/** @param {State} state @param {string} echoId @returns {Message|null} the visitor's message, once it is one */
export function messageOf(state, echoId) {
  return [...state.messages.values()].find((message) => message.echo_id === echoId) ?? null;
}

/** @param {State} state @returns {Unsent|null} the next to transmit; what was refused does not hold up the rest */
export function nextUnsent(state) {
  return state.unsent.find((unsent) => !unsent.accepted && !unsent.refused) ?? null;
}

/**
 * Where to page back from: the conversation of the oldest message first, then the ones before it.
 * @param {State} state
 * @returns {{conversation: string, before: string|null}|null} null when everything is here
 */
export function olderPage(state) {
  const open = [...state.floors].filter(([, floor]) => floor.more);
  const oldestOf = oldestMessages(state);
  open.sort(([a], [b]) => (oldestOf.get(b)?.at ?? -Infinity) - (oldestOf.get(a)?.at ?? -Infinity) || seqOf(state, b) - seqOf(state, a));
  const [first] = open;
  return first ? { conversation: first[0], before: oldestOf.get(first[0])?.id ?? null } : null;
}

/** @param {State} state @returns {Map<string, Message>} the oldest message held of each conversation */
function oldestMessages(state) {
  /** @type {Map<string, Message>} */
  const oldest = new Map();
  for (const message of state.messages.values()) {
    const held = oldest.get(message.conversation);
    if (!held || byPlace(message, held) < 0) oldest.set(message.conversation, message);
  }
  return oldest;
}

/** @param {State} state @param {string} id */
function seqOf(state, id) {
  return state.conversations.get(id)?.seq ?? 0;
}
