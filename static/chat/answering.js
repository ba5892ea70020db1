/**
 * Answers to agents' questions on their way to the server: what is asked, when it counts as heard, and a copy in storage
 * so that a reload loses none. An answer may be told twice; the last one counts.
 *
 * @import { Asked } from "./state.js"
 * @import { Storage } from "./storage.js"
 * @import { Message } from "./wire.js"
 */
const PREFIX = "answer:";

/**
 * @param {Message|undefined} question as it is now
 * @param {Asked|undefined} before an answer that is still under way
 * @param {unknown} values
 * @returns {Asked}
 */
export function answering(question, before, values) {
  const ours = canonical(values);
  const shown = question?.attributes.answer;
  const old = new Set(before?.old);
  if (before?.values) old.add(canonical(before.values));
  if (shown) old.add(canonical(canonical(shown.values) === ours ? shown : shown.values));
  old.delete(ours);
  return { action: "answer", seq: question?.seq ?? 0, refused: null, values, old: [...old] };
}

/** @param {Message} row @param {Asked} asked @returns {boolean} the row shows it, or one that was given after it */
export function isHeard({ deleted, attributes: { answer } }, { old = [] }) {
  if (!answer) return deleted;
  return !old.includes(canonical(answer)) && !old.includes(canonical(answer.values));
}

/** @param {unknown} value @returns {string} the same for the same, in whatever order its keys are */
export function canonical(value) {
  const sorted = (/** @type {string} */ _, /** @type {any} */ part) =>
    part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part;
  return JSON.stringify(value, sorted);
}

export class AnswerStore {
  /** @type {Set<string>} */ #kept = new Set();

  /** @param {Storage} storage */
  constructor(storage) {
    this.storage = storage;
  }

  /** @returns {[string, Asked][]} what a page before this one did not get through */
  start() {
    const keys = this.#kept.size ? [] : this.storage.keys(PREFIX);
    return keys.flatMap((key) => {
      const asked = /** @type {Asked|null} */ (this.storage.get(key));
      if (!asked?.values || !Array.isArray(asked.old)) return []; // Another version of this page wrote it.
      const id = key.slice(PREFIX.length);
      this.#kept.add(id);
      return [/** @type {[string, Asked]} */ ([id, { ...asked, action: "answer" }])];
    });
  }

  /** @param {ReadonlyMap<string, Asked>} asked */
  save(asked) {
    const answers = [...asked].filter(([, { action }]) => action === "answer");
    for (const [id, one] of answers) this.storage.set(PREFIX + id, one);
    const gone = [...this.#kept].filter((id) => !answers.some(([other]) => other === id));
    for (const id of gone) this.storage.remove(PREFIX + id);
    this.#kept = new Set(answers.map(([id]) => id));
  }
}
