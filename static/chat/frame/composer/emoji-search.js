/**
 * The table as lists, and what is found in it. Pure.
 * @typedef {{sign: string, name: string, words: string}} Emoji
 * @typedef {keyof typeof EMOJI} Group
 */
import { EMOJI } from "./emoji-table.js";

/** @type {ReadonlyMap<Group, Emoji[]>} */
export const groups = new Map(Object.entries(EMOJI).map(([group, text]) => [/** @type {Group} */ (group), text.split("|").map(parsed)]));

const MOST_FOUND = 64;

/** @param {string} text @returns {Emoji} */
function parsed(text) {
  const space = text.indexOf(" ");
  const [name = "", words = ""] = text.slice(space + 1).split(";");
  return { sign: text.slice(0, space), name, words: `${name} ${words}` };
}

/** @param {string} query @returns {Emoji[]} those that have a word beginning with each word of it, the shortest names first */
export function search(query) {
  const wanted = query.toLowerCase().replace(/[:_]/g, " ").split(/\s+/).filter(Boolean);
  const all = [...groups.values()].flat();
  const begins = (/** @type {string} */ words, /** @type {string} */ start) => words.split(" ").some((word) => word.startsWith(start));
  const found = all.filter(({ words }) => wanted.every((start) => begins(words, start)));
  return found.sort((a, b) => a.name.length - b.name.length).slice(0, MOST_FOUND);
}
