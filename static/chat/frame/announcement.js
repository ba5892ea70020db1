/**
 * What a screen reader says of new messages.
 * @import { Item } from "./grouping.js"
 */
import { plainText } from "./tree.js";
import { words } from "./words.js";

const MOST = 3;

/** @param {Item[]} items @returns {string} the newest few, one line each */
export function announcement(items) {
  return items.slice(-MOST).flatMap((item) => (item.kind === "message" ? [line(item)] : [])).join("\n");
}

/** @param {Extract<Item, {kind: "message"}>} item */
function line({ sender, text, deleted }) {
  return words.says(sender?.name || words.agent, deleted ? words.removed : plainText(text));
}
