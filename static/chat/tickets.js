/**
 * Addresses of files that pages may load without a token. Each is good for some minutes; all that is asked for in one
 * moment is bought in one call.
 *
 * @import { Clock } from "./clock.js"
 * @import { Session } from "./session.js"
 * @typedef {{resolve: (url: string) => void, reject: (error: unknown) => void}} Waiter
 */
const GATHER_MS = 20;
const MOST = 100; // in one call
const EARLY_MS = 60_000;

/** There is no such file, or not for this visitor. */
export class NoSuchFile extends Error {}

export class Tickets {
  /** @type {Map<string, {url: string, until: number}>} */ #known = new Map();
  /** @type {Map<string, Waiter[]>} */ #wanted = new Map();

  /** @param {{session: Pick<Session, "send">, clock: Clock}} options */
  constructor({ session, clock }) {
    this.session = session;
    this.clock = clock;
  }

  /** @param {string} id of an attachment @returns {Promise<string>} good for a minute at least; rejects with NoSuchFile, or what `post` does */
  url(id) {
    const known = this.#known.get(id);
    if (known && this.clock.now() < known.until) return Promise.resolve(known.url);
    return new Promise((resolve, reject) => {
      if (!this.#wanted.size) this.clock.after(GATHER_MS, () => void this.#buy());
      this.#wanted.set(id, [...(this.#wanted.get(id) ?? []), { resolve, reject }]);
    });
  }

  /** The address did not serve: buy another. @param {string} id @returns {Promise<string>} */
  renewed(id) {
    this.#known.delete(id);
    return this.url(id);
  }

  async #buy() {
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    for (let at = 0; at < wanted.length; at += MOST) await this.#buyThese(wanted.slice(at, at + MOST));
  }

  /** @param {[string, Waiter[]][]} wanted */
  async #buyThese(wanted) {
    try {
      const answer = await this.session.send("POST", "/attachments/tickets", { attachments: wanted.map(([id]) => id) });
      const until = this.clock.now() + answer.expires_in * 1_000 - EARLY_MS;
      for (const [id, waiters] of wanted) {
        const url = answer.urls[id];
        if (url) this.#known.set(id, { url, until });
        for (const { resolve, reject } of waiters) url ? resolve(url) : reject(new NoSuchFile());
      }
    } catch (error) {
      for (const [, waiters] of wanted) for (const { reject } of waiters) reject(error);
    }
  }
}
