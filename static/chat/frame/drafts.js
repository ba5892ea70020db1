/**
 * What is being written, for each conversation: the text, and the files that go with it by name. Kept in storage, so that
 * it survives a reload; the newest twenty.
 *
 * @import { UnsentFile } from "../state.js"
 * @import { Storage } from "../storage.js"
 * @typedef {{text: string, files: UnsentFile[]}} Draft
 */
const KEY = "drafts";
const NEW = "new";
const MOST = 20;

export class Drafts {
  /** @type {string|null} the conversation that is written to; null: one that is not there yet */ of = null;
  /** @type {string|undefined} as it stands in storage, if no other page has written there since */ #known;

  /** @param {Storage} storage */
  constructor(storage) {
    this.storage = storage;
  }

  /** @returns {Draft} of the conversation that was written to last */
  open() {
    const { of = null } = this.#read();
    this.of = of;
    return this.#draft();
  }

  /**
   * Another conversation is written to from now on.
   * @param {string|null} conversation
   * @param {{carry: boolean}} how `carry`: nobody chose it, so what is being written goes along
   * @returns {Draft|null} what stands there; null: nothing changes on the screen
   */
  turn(conversation, { carry }) {
    if (conversation === this.of) return null;
    const [before, draft] = [this.#key, this.#draft()];
    this.of = conversation;
    const there = this.#draft();
    if (!carry || isEmpty(draft) || !isEmpty(there)) return there;
    this.#forget(before);
    this.save(draft);
    return null;
  }

  /** An empty one takes away what this page wrote or showed, and no other page's. @param {Draft} draft */
  save({ text, files }) {
    const { [this.#key]: there, ...others } = this.#read().all ?? {};
    const isGone = isEmpty({ text, files });
    if (isGone && JSON.stringify(there) !== this.#known) return;
    this.#known = JSON.stringify({ text, files });
    this.#write(isGone ? others : { ...others, [this.#key]: { text, files } });
  }

  /** @returns {string} */
  get #key() {
    return this.of ?? NEW;
  }

  #draft() {
    const there = this.#read().all?.[this.#key];
    this.#known = JSON.stringify(there);
    const { text, files } = there ?? {};
    return { text: typeof text === "string" ? text : "", files: Array.isArray(files) ? files.filter(isFile) : [] };
  }

  /** @param {string} key */
  #forget(key) {
    const { [key]: _, ...others } = this.#read().all ?? {};
    this.#write(others);
  }

  /** @returns {{of?: string|null, all?: Record<string, Draft>}} */
  #read() {
    return /** @type {any} */ (this.storage.get(KEY)) ?? {};
  }

  /** @param {Record<string, Draft>} all */
  #write(all) {
    const newest = Object.entries(all).slice(-MOST);
    if (newest.length) this.storage.set(KEY, { of: this.of, all: Object.fromEntries(newest) });
    else this.storage.remove(KEY);
  }
}

/** @param {Draft} draft */
function isEmpty({ text, files }) {
  return !text && !files.length;
}

/** @param {any} file what storage holds: another version of this page may have written it */
function isFile(file) {
  return typeof file?.key === "string" && typeof file.name === "string" && (file.id === null || typeof file.id === "string");
}
