/**
 * The one line above the composer: what is wrong, said only after it has lasted.
 * @import { State } from "../state.js"
 */
import { currentConversation } from "../selectors.js";
import { words } from "./words.js";

const PATIENCE_MS = 3_000;

export class Notice {
  /** @type {number|null} */ #downSince = null;
  /** Whether what is written now has to wait, as the last text said it. */ held = false;

  /**
   * @param {State} state
   * @param {{now: number, slow: boolean, networked: boolean}} around
   * @returns {string} empty when all is well
   */
  text(state, { now, slow, networked }) {
    const down = state.status === "offline" || state.status === "connecting";
    this.#downSince = down ? (this.#downSince ?? now) : null;
    const unreachable = this.#downSince !== null && now - this.#downSince >= PATIENCE_MS;
    this.held = state.status === "stopped" || !networked || unreachable;
    if (state.status === "stopped") return words.notice.stopped;
    if (!networked) return words.notice.offline;
    if (unreachable) return words.notice.unreachable;
    if (slow) return words.notice.slow;
    if (!state.unsent.length && currentConversation(state)?.status === "resolved") return words.resolved;
    return "";
  }

  /** @param {number} now @returns {number|null} */
  nextChange(now) {
    if (this.#downSince === null) return null;
    const rest = this.#downSince + PATIENCE_MS - now;
    return rest > 0 ? rest : null;
  }
}
