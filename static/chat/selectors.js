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
  return found ?? [...state.conversations.values()].filter(({ deleted }) => !deleted).sort((a, b) => a.seq - b.seq).at(-1) ?? null;
}

/** @param {State} state @returns {Conversation|null} the one that is looked at; null: one that is not there yet */
export function viewed(state) {
  if (state.begins) return null;
  const chosen = state.conversations.get(state.shown ?? "");
  return chosen && !chosen.deleted ? chosen : currentConversation(state);
}

/** @param {State} state @returns {Message[]} of that conversation, in display order */
export function inView(state) {
  const id = viewed(state)?.id;
  return thread(state).filter(({ conversation }) => conversation === id);
}

/** @param {State} state @returns {readonly Unsent[]} what is on its way there; what names none that is known, to the current one */
export function unsentInView(state) {
  if (state.begins) return state.unsent.filter(({ begins }) => begins === state.begins);
  const view = viewed(state);
  const isCurrent = view === currentConversation(state);
  const isKnown = (/** @type {string|null} */ id) => id !== null && state.conversations.has(id);
  return state.unsent.filter(({ conversation }) => (isKnown(conversation) ? conversation === view?.id : isCurrent));
}

/** @param {State} state @returns {Message[]} what agents wrote and the visitor has not seen, also where it is not shown yet, in display order */
export function unread(state) {
  return [...state.messages.values(), ...state.hidden.values()].sort(byPlace).filter(({ direction, deleted, conversation, at }) => {
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

/** @param {Unsent} unsent @returns {boolean} whether it waits for files of its own */
export function isUploading({ files }) {
  return files?.some((file) => !file.id) ?? false;
}

/**
 * Where to page back from, in the conversation that is looked at.
 * @param {State} state
 * @returns {{conversation: string, before: string|null}|null} null when everything is here
 */
export function olderPage(state) {
  const conversation = viewed(state)?.id ?? "";
  if (!state.floors.get(conversation)?.more) return null;
  return { conversation, before: inView(state)[0]?.id ?? null };
}
