/** Full jitter: each delay is anywhere between 0 and a ceiling that doubles. */
export class Backoff {
  /** @type {number} */ #attempt = 0;

  /** @param {{baseMs?: number, capMs?: number, random?: () => number}} [options] */
  constructor({ baseMs = 500, capMs = 30_000, random = Math.random } = {}) {
    this.baseMs = baseMs;
    this.capMs = capMs;
    this.random = random;
  }

  /** @returns {number} milliseconds to wait before the next attempt */
  next() {
    const ceiling = Math.min(this.capMs, this.baseMs * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 16);
    return this.random() * ceiling;
  }

  /** Call it after a healthy while, not after a mere connect: a server that dies at once would be hammered. */
  reset() {
    this.#attempt = 0;
  }
}
