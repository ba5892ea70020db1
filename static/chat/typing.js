/**
 * Ends the typing of agents of whom nothing more is heard.
 * @import { Clock } from "./clock.js"
 * @import { State } from "./state.js"
 */
const TICK_MS = 1_000;

export class Typing {
  /** @type {(() => void)|null} */ #waiting = null;

  /** @param {{clock: Clock, tick: () => State}} options `tick`: look who has not been heard of for too long */
  constructor({ clock, tick }) {
    this.clock = clock;
    this.tick = tick;
  }

  /** @param {State} state */
  note({ typing }) {
    if (!typing.size || this.#waiting) return;
    this.#waiting = this.clock.after(TICK_MS, () => {
      this.#waiting = null;
      this.note(this.tick());
    });
  }
}
