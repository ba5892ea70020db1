/**
 * The one line under the inbox's name: never more than is known.
 * @import { State } from "../state.js"
 */
import { currentConversation, thread } from "../selectors.js";
import { words } from "./words.js";

const RECENT_MS = 12 * 3_600_000;

/** @param {State} state @param {number} now @returns {string} */
export function headerLine(state, now) {
  const conversation = currentConversation(state);
  const spoke = thread(state).findLast(
    ({ direction, sender, conversation: of }) => direction === "outgoing" && sender?.kind === "agent" && of === conversation?.id,
  );
  if (spoke?.sender?.name && conversation?.status !== "resolved" && now - spoke.at < RECENT_MS) {
    return words.header.speaking(spoke.sender.name);
  }
  return state.online ? words.header.online : words.header.plain;
}
