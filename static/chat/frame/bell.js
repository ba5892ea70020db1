/**
 * A quiet tone for an agent's message that nobody is looking at: in one tab only, never before the visitor has touched
 * the page, and not where they muted it.
 *
 * @import { Change } from "../client.js"
 * @import { Clock } from "../clock.js"
 * @import { Locked } from "../locks.js"
 * @import { Storage } from "../storage.js"
 */
import { locked as lockedHere } from "../locks.js";
import { unread } from "../selectors.js";

const RUNG = "rung";
const PATIENCE_MS = 300; // A tab that shows the message says so first.

export class Bell {
  /** @type {number|null} the newest message that was there before */ #newest = null;

  /**
   * @param {{storage: Storage, locked?: Locked, clock: Clock, looked: () => boolean, play?: () => Promise<void>,
   *   touched?: () => boolean}} options `looked`: somebody sees the chat here; `touched`: the visitor used this page
   */
  constructor({ storage, locked = lockedHere, clock, looked, play = playTone, touched = wasTouched }) {
    this.storage = storage;
    this.locked = locked;
    this.clock = clock;
    this.looked = looked;
    this.play = play;
    this.touched = touched;
  }

  /** @param {Change} change */
  note({ state }) {
    if (!state.loaded) return;
    const at = Math.max(0, ...unread(state).filter(({ sender }) => sender?.kind !== "system").map((message) => message.at));
    const isNews = this.#newest !== null && at > this.#newest;
    this.#newest = Math.max(at, this.#newest ?? 0);
    if (!isNews) return;
    if (this.looked()) void this.#claim(at, async () => {});
    else if (!this.storage.get("muted") && this.touched()) this.clock.after(PATIENCE_MS, () => void this.#claim(at, this.play));
  }

  /** @param {number} at @param {() => Promise<void>} act for the first tab that comes */
  async #claim(at, act) {
    await this.locked(`${this.storage.prefix}${RUNG}`, async () => {
      if (Number(this.storage.get(RUNG)) >= at) return;
      this.storage.set(RUNG, at);
      void act().catch(() => {}); // A sound that cannot be had is missed by nobody.
    });
  }
}

async function playTone() {
  await (await import("./tone.js")).play();
}

function wasTouched() {
  return navigator.userActivation?.hasBeenActive ?? false;
}
