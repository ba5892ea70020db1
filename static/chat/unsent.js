/**
 * Messages not yet taken by the server, kept in storage under a key of this tab. A tab locks its key while
 * anything is in it; the others wait for that lock and take over what a closed tab left behind. (A lock held for
 * good would keep the browser from freezing the tab, or keeping it for the back button.)
 *
 * @import { Locked } from "./locks.js"
 * @import { Unsent } from "./state.js"
 * @import { Storage } from "./storage.js"
 */
import { uuid } from "./uuid.js";

const PREFIX = "unsent:";

export class UnsentStore {
  #key = PREFIX + uuid();
  #text = "[]";
  #started = false;
  /** @type {(() => void)|null} */ #release = null;
  /** @type {Set<string>} */ #watched = new Set();

  /** @param {{storage: Storage, locked: Locked, onOrphans: (unsent: Unsent[]) => void}} options */
  constructor({ storage, locked, onOrphans }) {
    this.storage = storage;
    this.locked = locked;
    this.onOrphans = onOrphans;
  }

  start() {
    if (this.#started) return;
    this.#started = true;
    for (const key of this.storage.keys(PREFIX)) this.#watch(key);
  }

  /** Another tab wrote its key for the first time. @param {string|null} key as in a storage event */
  noticed(key) {
    if (key?.startsWith(this.storage.prefix + PREFIX)) this.#watch(key.slice(this.storage.prefix.length));
  }

  /** @param {readonly Unsent[]} unsent */
  save(unsent) {
    const waiting = unsent.filter((one) => !one.accepted);
    const text = JSON.stringify(waiting);
    if (text === this.#text) return;
    this.#text = text;
    if (waiting.length) {
      this.#hold();
      this.storage.set(this.#key, waiting);
    } else {
      this.storage.remove(this.#key);
      this.#release?.();
      this.#release = null;
    }
  }

  #hold() {
    if (this.#release) return;
    const done = new Promise((resolve) => (this.#release = () => resolve(null)));
    void this.locked(this.storage.prefix + this.#key, () => done);
  }

  /** @param {string} key */
  #watch(key) {
    if (key === this.#key || this.#watched.has(key)) return;
    this.#watched.add(key);
    void this.locked(this.storage.prefix + key, async () => {
      const orphans = parse(this.storage.get(key));
      if (orphans.length) this.onOrphans(orphans); // Saved under our key before it leaves theirs.
      this.storage.remove(key);
      this.#watched.delete(key);
    });
  }
}

/** @param {unknown} value what storage holds: another version of this page may have written it. @returns {Unsent[]} */
function parse(value) {
  if (!Array.isArray(value)) return [];
  return value
    .filter((one) => typeof one?.echo_id === "string" && typeof one.text === "string")
    .map(({ echo_id, text, conversation = null, at = 0, refused = null }) => ({ echo_id, text, conversation, at, refused, accepted: null }));
}
