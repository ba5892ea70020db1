/**
 * What stands in for a lock where there is none: a note in storage that says who is at it, and until when. Two tabs that
 * write it at the same moment find out by reading it again a little later.
 *
 * @import { Clock } from "./clock.js"
 * @import { Storage } from "./storage.js"
 */
import { uuid } from "./uuid.js";

const TERM_MS = 20_000; // One answer that never comes, and a little.
const SETTLE_MS = 60;
const SETTLE_JITTER_MS = 120;

export class Lease {
  #name = uuid();

  /** @param {{storage: Storage, clock: Clock, key: string, random?: () => number}} options */
  constructor({ storage, clock, key, random = Math.random }) {
    this.storage = storage;
    this.clock = clock;
    this.key = key;
    this.random = random;
  }

  /** @template T @param {() => Promise<T>} work done when no other tab is at it, or its term is over. @returns {Promise<T>} */
  async during(work) {
    while (!(await this.#taken()));
    try {
      return await work();
    } finally {
      if (this.#holder() === this.#name) this.storage.remove(this.key);
    }
  }

  async #taken() {
    const free = this.#holder() === null;
    if (free) this.storage.set(this.key, { by: this.#name, until: this.clock.now() + TERM_MS });
    await this.#pause();
    return free && this.#holder() === this.#name;
  }

  /** @returns {string|null} */
  #holder() {
    const note = /** @type {any} */ (this.storage.get(this.key));
    const rest = Number(note?.until) - this.clock.now();
    return rest > 0 && rest <= TERM_MS ? String(note.by) : null; // A clock may have been set back.
  }

  async #pause() {
    await new Promise((resolve) => this.clock.after(SETTLE_MS + this.random() * SETTLE_JITTER_MS, () => resolve(null)));
  }
}
