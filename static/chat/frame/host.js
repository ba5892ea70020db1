/**
 * The page around the frame. Both sides name the other's exact origin; anything else is not answered.
 * @typedef {{open: () => void, closed: () => void}} HostEvents
 */

export class Host {
  /** @type {string|null} */ #origin;

  /**
   * @param {{window: Window, allowed: readonly string[], events: HostEvents}} options
   *   `allowed`: exact origins; `*self` is our own.
   */
  constructor({ window, allowed, events }) {
    this.window = window;
    this.events = events;
    this.#origin = hostOrigin(window, allowed);
  }

  /** @returns {boolean} whether a launcher of ours is around us; without one the chat is simply open */
  get embedded() {
    return this.#origin !== null;
  }

  start() {
    if (!this.#origin) return;
    this.window.addEventListener("message", this.#onMessage);
    this.tell({ type: "ready" });
  }

  /** @param {{type: "ready"|"close"} | {type: "unread", count: number}} message */
  tell(message) {
    if (this.#origin) this.window.parent.postMessage({ chatproxy: 1, ...message }, this.#origin);
  }

  /** @param {MessageEvent} event */
  #onMessage = ({ origin, source, data }) => {
    if (origin !== this.#origin || source !== this.window.parent || data?.chatproxy !== 1) return;
    if (data.type === "open") this.events.open();
    if (data.type === "closed") this.events.closed();
  };
}

/** @param {Window} window @param {readonly string[]} allowed @returns {string|null} */
function hostOrigin(window, allowed) {
  if (window.parent === window) return null;
  const claimed = new URLSearchParams(window.location.search).get("origin");
  const origins = allowed.map((origin) => (origin === "*self" ? window.location.origin : origin));
  return claimed && origins.includes(claimed) ? claimed : null;
}
