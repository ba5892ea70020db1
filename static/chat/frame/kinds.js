/**
 * What a message has besides its text, and what is said of it to who cannot see it (`parts.js` shows it).
 *
 * @import { MessageItem } from "./grouping.js"
 * @typedef {"media"|"rich"} Kind
 * @typedef {{sheet?: string, room: (items: {picture?: unknown}[], isAnswered: boolean) => number,
 *   spoken: "choose"|"fill"|"look"|"rate"}} Question
 */
import { plainText } from "./tree.js";
import { words } from "./words.js";

/** @type {Question} */
const FIELDS = { room: ({ length }, isAnswered) => (isAnswered ? length * 56 + 20 : length * 78 + 60), spoken: "fill" };

/**
 * What can be answered or shows more than text, and `elements/rich.js` has a view of each. `sheet`: besides rich.css; `room`:
 * pixels, about what it will take; `spoken`: which words stand for it.
 * @type {Record<string, Question>}
 */
export const QUESTIONS = {
  input_select: { room: ({ length }, isAnswered) => (isAnswered ? 1 : length) * 52 - 8, spoken: "choose" },
  form: FIELDS,
  input_email: FIELDS,
  input_text: FIELDS,
  input_textarea: FIELDS,
  cards: { sheet: "cards", room: (items) => 190 + (items.some(({ picture }) => picture) ? 135 : 0), spoken: "look" },
  article: { sheet: "cards", room: ({ length }) => length * 84, spoken: "look" },
  input_csat: { sheet: "survey", room: () => 84, spoken: "rate" },
};

/** @param {MessageItem} item @returns {Kind[]} */
export function kindsOf({ contentType, row }) {
  const files = "attachments" in row && row.attachments.length > 0;
  return [...(files ? [/** @type {const} */ ("media")] : []), ...(Object.hasOwn(QUESTIONS, contentType) ? [/** @type {const} */ ("rich")] : [])];
}

/** @param {MessageItem} item @returns {string} its words for who cannot see what hangs below, where it has no text */
export function spoken({ contentType, text, row }) {
  if (text.length) return plainText(text);
  const files = "attachments" in row ? row.attachments : [];
  const named = files.map(({ type, name }) => (words.media[/** @type {"audio"} */ (type === "image" ? "picture" : type)] ?? words.media.file)(name));
  if (named.length) return named.join(", ");
  const items = "attributes" in row ? (row.attributes.items ?? []) : [];
  const titles = items.map(({ title, label }) => title ?? label ?? "").filter(Boolean);
  const what = words.rich[QUESTIONS[contentType]?.spoken ?? "fill"];
  return titles.length ? `${what}: ${titles.join(", ")}` : what;
}
