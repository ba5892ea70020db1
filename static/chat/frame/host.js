/**
 * The page around the frame. Both sides name the other's exact origin; anything else is not answered.
 *
 * @typedef {"identify"|"logout"|"attributes"|"conversation"|"labels"} Wish what a page wants done and hears the end of
 * @typedef {{open: (how: {focus: boolean}) => void, closed: () => void, look?: (look: {locale?: string, theme?: string}) => void}
 *   & Record<Wish, (value: unknown, late: (error: unknown) => void) => Promise<void>>} HostEvents `late`: told of an end after that
 * @typedef {{code: string, message: string}} Trouble
 * @typedef {{id: string, conversation: string, direction: "incoming"|"outgoing", at: number, content_type: string,
 *   text: string, sender: string|null}} ToldMessage
 * @typedef {{unread: number, message: ToldMessage, start: {first: boolean}, postback: unknown, popout: undefined, expired: undefined, error: Trouble}} Happenings
 * @typedef {{type: "ready"|"close"|"forget"} | {type: "words", words: object} | {type: "answer", id: number, error?: Trouble}
 *   | {type: "event", name: keyof Happenings, detail?: unknown}} Told
 */
import { Closed, Refused, Unavailable } from "../troubles.js";

const WISHES = /** @type {const} */ (["identify", "logout", "attributes", "conversation", "labels"]);

export class Host {
  /** @type {string|null} */ #origin;
  /** @type {unknown} as it was told last */ #unread;

  /**
   * @param {{window: Window, allowed: readonly string[], events: HostEvents}} options
   *   `allowed`: exact origins; `*self` is our own.
   */
  constructor({ window, allowed, events }) {
    this.window = window;
    this.events = events;
    this.#origin = hostOrigin(window, allowed);
  }

  /** @returns {boolean} whether the page is about to say who sits here: until then nothing is looked up */
  get introduces() {
    return this.embedded && this.#asked("identity") !== null;
  }

  /** @returns {boolean} whether a script of ours is around us; without one the chat is simply open */
  get embedded() {
    return this.#origin !== null;
  }

  /** @returns {boolean} whether there is a launcher to go back to; a part of the page has none */
  get closable() {
    return this.embedded && this.#asked("mode") !== "inline";
  }

  /** @param {string} name of what the page says in the frame's address */
  #asked(name) {
    return new URLSearchParams(this.window.location.search).get(name);
  }

  start() {
    if (!this.#origin) return;
    this.window.addEventListener("message", this.#onMessage);
    this.tell({ type: "ready" });
  }

  /** @param {Told} message */
  tell(message) {
    if (message.type === "forget") this.#unread = undefined;
    if (this.#origin) this.window.parent.postMessage({ chatproxy: 1, ...message }, this.#origin);
  }

  /** @template {keyof Happenings} N @param {N} name @param {Happenings[N]} [detail] what listeners on the page hear */
  happened(name, detail) {
    if (name === "unread" && detail === this.#unread) return;
    if (name === "unread") this.#unread = detail;
    this.tell({ type: "event", name, detail });
  }

  /** @param {MessageEvent} event */
  #onMessage = ({ origin, source, data }) => {
    if (origin !== this.#origin || source !== this.window.parent || data?.chatproxy !== 1) return;
    if (data.type === "open") this.events.open({ focus: data.focus !== false });
    if (data.type === "closed") this.events.closed();
    if (data.type === "look") this.events.look?.({ locale: text(data.locale), theme: text(data.theme) });
    const wish = WISHES.find((name) => name === data.type);
    if (wish && Number.isInteger(data.id)) void this.#grant(wish, data);
  };

  /** @param {Wish} wish @param {{id: number, value: unknown}} message */
  async #grant(wish, { id, value }) {
    try {
      await this.events[wish](value, (error) => this.happened("error", troubleOf(error)));
      this.tell({ type: "answer", id });
    } catch (error) {
      this.tell({ type: "answer", id, error: troubleOf(error) });
    }
  }
}

/** @param {Window} window @param {readonly string[]} allowed @returns {string|null} */
function hostOrigin(window, allowed) {
  if (window.parent === window) return null;
  const claimed = new URLSearchParams(window.location.search).get("origin");
  const origins = allowed.map((origin) => (origin === "*self" ? window.location.origin : origin));
  return claimed && origins.includes(claimed) ? claimed : null;
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value : undefined;
}

/** @param {unknown} error @returns {Trouble} */
function troubleOf(error) {
  const message = error instanceof Error ? error.message : "";
  if (error instanceof Refused) return { code: error.code, message };
  if (error instanceof Closed) return { code: "closed", message: "This chat may not be used from here." };
  return { code: error instanceof Unavailable ? "unavailable" : "failed", message: "The chat could not be asked. Try again later." };
}
