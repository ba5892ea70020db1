/**
 * What a message has besides its text, and what is said of it to who cannot see it (`parts.js` shows it).
 *
 * @import { MessageItem } from "./grouping.js"
 * @typedef {"media"|"rich"} Kind
 */
import { plainText } from "./tree.js";
import { words } from "./words.js";

const QUESTIONS = new Set(["input_select", "form", "cards", "article", "input_csat", "input_email", "input_text", "input_textarea"]);

/** @param {MessageItem} item @returns {Kind[]} */
export function kindsOf({ contentType, row }) {
  const files = "attachments" in row && row.attachments.length > 0;
  return [...(files ? [/** @type {const} */ ("media")] : []), ...(QUESTIONS.has(contentType) ? [/** @type {const} */ ("rich")] : [])];
}

/** @param {MessageItem} item @returns {string} its words for who cannot see what hangs below, where it has no text */
export function spoken({ contentType, text, row }) {
  if (text.length) return plainText(text);
  const files = "attachments" in row ? row.attachments : [];
  const named = files.map(({ type, name }) => (words.media[/** @type {"audio"} */ (type === "image" ? "picture" : type)] ?? words.media.file)(name));
  if (named.length) return named.join(", ");
  const items = "attributes" in row ? (row.attributes.items ?? []) : [];
  const titles = items.map(({ title, label }) => title ?? label ?? "").filter(Boolean);
  if (contentType === "input_csat") return words.rich.rate;
  const what = contentType === "cards" || contentType === "article" ? words.rich.look : contentType === "input_select" ? words.rich.choose : words.rich.fill;
  return titles.length ? `${what}: ${titles.join(", ")}` : what;
}
