/** Times, sizes and names as the desk writes them. */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

/** Times are Chatwoot's: whole seconds. */
export const timeOf = (seconds) => clock.format(seconds * 1000);
export const momentOf = (seconds) => `${shortDay.format(seconds * 1000)}, ${timeOf(seconds)}`;

export function dayOf(seconds, today = new Date()) {
  const day = new Date(seconds * 1000);
  const yesterday = new Date(today);
  yesterday.setDate(today.getDate() - 1);
  if (day.toDateString() === today.toDateString()) return "Today";
  return day.toDateString() === yesterday.toDateString() ? "Yesterday" : longDay.format(day);
}

/** A time today, else a day. */
export function whenOf(seconds, today = new Date()) {
  const day = new Date(seconds * 1000);
  return day.toDateString() === today.toDateString() ? clock.format(day) : shortDay.format(day);
}

export function sizeOf(bytes) {
  if (bytes === null) return "";
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export function initialsOf(name) {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends
    .map((word) => [...word][0] ?? "")
    .join("")
    .toUpperCase();
}

const KINDS = { input_select: "Choices", cards: "Cards", form: "Form", article: "Article", input_csat: "Rating" };

/** A message in one line, for the list. */
export function lineOf(message) {
  if (message.deleted) return "Message removed";
  if (message.content) return message.content.replace(/\s+/g, " ");
  const [first, ...more] = message.attachments;
  if (first) return more.length ? `${first.name} and ${more.length} more` : first.name;
  return KINDS[message.content_type] ?? "Empty message";
}
