/**
 * Decides when to say that the visitor types. An agent who opens the conversation later is to see it, so it is said again.
 * @import { Clock } from "../clock.js"
 */
const AGAIN_MS = 10_000;
const IDLE_MS = 4_000;

export class Typist {
  #saidAt = -Infinity;
  /** @type {() => void} */ #cancelIdle = () => {};

  /** @param {{clock: Clock, tell: (on: boolean) => void}} options */
  constructor({ clock, tell }) {
    this.clock = clock;
    this.tell = tell;
  }

  /** @param {string} text what stands in the field now */
  wrote(text) {
    if (!text.trim()) return this.stopped();
    this.#cancelIdle();
    this.#cancelIdle = this.clock.after(IDLE_MS, () => this.stopped());
    if (this.clock.now() - this.#saidAt < AGAIN_MS) return;
    this.#saidAt = this.clock.now();
    this.tell(true);
  }

  stopped() {
    this.#cancelIdle();
    if (this.#saidAt === -Infinity) return;
    this.#saidAt = -Infinity;
    this.tell(false);
  }
}
