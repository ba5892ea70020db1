/**
 * Tells the page around us what is said in the chat: messages as they come, and where a conversation begins.
 *
 * @import { Change } from "../client.js"
 * @import { State } from "../state.js"
 * @import { Message } from "../wire.js"
 * @import { Host } from "./host.js"
 */
import { plainText } from "./tree.js";

/** @param {Change} change @param {Host} host */
export function tell({ state, before }, host) {
  for (const message of news(state, before)) {
    if (message.direction === "incoming" && isFirst(message, state)) host.happened("start", { first: state.conversations.size <= 1 });
    host.happened("message", told(message));
  }
}

/** @param {State} state @param {State} before @returns {Message[]} what was said just now, and not what was fetched of old */
function news(state, before) {
  const newest = Math.max(0, ...[...before.messages.values()].map(({ at }) => at));
  const rows = [...state.messages.values()];
  const said = rows.filter(({ id, at, deleted }) => !before.messages.has(id) && at > newest && !deleted);
  return said.sort((a, b) => a.at - b.at);
}

/** @param {Message} message @param {State} state */
function isFirst({ id, conversation }, { messages }) {
  return [...messages.values()].every((other) => other.conversation !== conversation || other.id === id);
}

/** @param {Message} message @returns {import("./host.js").ToldMessage} */
function told({ id, conversation, direction, at, content_type, text, sender }) {
  return { id, conversation, direction, at, content_type, text: plainText(text), sender: sender?.name ?? null };
}
