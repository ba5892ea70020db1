/**
 * The one line above the composer: what is wrong, said only after it has lasted.
 * @import { State } from "../state.js"
 */
import { unsentInView, viewed } from "../selectors.js";
import { words } from "./words.js";

const PATIENCE_MS = 3_000;

export class Notice {
  /** @type {number|null} */ #downSince = null;
  /** Whether what is written now has to wait, as the last text said it. */ held = false;

  /**
   * @param {State} state
   * @param {{now: number, slow: boolean, networked: boolean, resolved?: "reopen"|"new"|"ask"}} around
   *   `resolved`: what writing does in a conversation that is closed
   * @returns {string} empty when all is well
   */
  text(state, { now, slow, networked, resolved = "reopen" }) {
    const down = state.status === "offline" || state.status === "connecting";
    this.#downSince = down ? (this.#downSince ?? now) : null;
    const unreachable = this.#downSince !== null && now - this.#downSince >= PATIENCE_MS;
    const offline = !networked && state.status !== "online"; // A socket that lives knows better than the browser.
    this.held = state.status === "stopped" || offline || unreachable;
    if (state.status === "stopped") return words.notice.stopped;
    if (offline) return words.notice.offline;
    if (unreachable) return words.notice.unreachable;
    if (slow) return words.notice.slow;
    if (!unsentInView(state).length && viewed(state)?.status === "resolved") return resolved === "reopen" ? words.resolved : words.talks[resolved];
    return "";
  }

  /** @param {number} now @returns {number|null} */
  nextChange(now) {
    if (this.#downSince === null) return null;
    const rest = this.#downSince + PATIENCE_MS - now;
    return rest > 0 ? rest : null;
  }
}
