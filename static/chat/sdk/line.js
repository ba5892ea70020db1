/**
 * The frame and what is said through its window: loaded with patience, to and from one exact origin.
 *
 * @typedef {{isOpen: boolean, address: () => string, hear: (message: any) => void, missed: (is: boolean) => void}} Owner
 *   `missed`: the frame cannot be reached, or may be again
 */
import { safely } from "./safely.js";
import { make } from "./view.js";

const READY_MS = 8_000;
const LOADED_MS = 1_000; // A page of ours has spoken before it counts as loaded; this is for its words to arrive.
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
const CALL_MS = 20_000;

/** @param {string} code @param {string} [message] */
export const trouble = (code, message = code) => Object.assign(Error(message), { code });

export class Line {
  /** @type {HTMLIFrameElement|null} */ pane = null;
  ready = false;
  #owner;
  #panel;
  #origin;
  #isMissed = false;
  #pauseMs = FIRST_PAUSE_MS;
  #timer = 0;
  #last = 0;
  /** @type {Map<number, {call: {type: string}, done: (error?: {code: string, message?: string}) => void}>} */ #calls = new Map();

  /** @param {Owner} owner @param {HTMLElement} panel @param {string} origin of the frame @param {AbortSignal} signal ends it */
  constructor(owner, panel, origin, signal) {
    this.#owner = owner;
    this.#panel = panel;
    this.#origin = origin;
    addEventListener("message", (event) => this.#onMessage(event), { signal });
    addEventListener("online", () => this.pane && !this.ready && safely(() => this.loadAfresh()), { signal });
    signal.addEventListener("abort", () => this.#end());
  }

  #end() {
    clearTimeout(this.#timer);
    this.#calls.forEach(({ done }) => done({ code: "destroyed" }));
  }

  /** @param {string} type @returns {boolean} whether such a call is still to be answered */
  asks(type) {
    return [...this.#calls.values()].some(({ call }) => call.type === type);
  }

  /** Unless it is there or on its way. */
  need() {
    if (!this.pane || this.#isMissed) this.loadAfresh();
  }

  /** Somebody acted, or the network is back: no need for patience. */
  loadAfresh() {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#isMissed = false;
    this.#owner.missed(false);
    this.#load();
  }

  /** Load the frame, also in place of one that never came or was torn out. */
  #load() {
    this.ready = false;
    this.#panel.classList.remove("ready");
    this.pane?.remove();
    this.#later(READY_MS, () => this.#miss());
    this.pane = make("iframe", {
      title: "Chat",
      allow: "microphone;fullscreen",
      referrerPolicy: "origin",
      src: this.#owner.address(),
      onload: () => this.ready || this.#later(LOADED_MS, () => this.#miss()),
    });
    this.#panel.append(this.pane);
  }

  /** The frame has not said a word: say so, and try again while somebody waits for it. */
  #miss() {
    this.#isMissed = true;
    this.#owner.missed(true);
    this.#later(this.#pauseMs * (0.5 + Math.random() / 2), () => this.#owner.isOpen && this.#load());
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  /** @param {number} ms @param {() => unknown} act what to do then, unless something else is to be done first */
  #later(ms, act) {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => safely(act), ms);
  }

  /** @param {object} message */
  tell(message) {
    if (this.ready) this.pane?.contentWindow?.postMessage({ chatproxy: 1, ...message }, this.#origin);
  }

  /** Ask for something and hear how it went; at the latest in 20 s. @param {string} type @param {unknown} [value] @returns {Promise<void>} */
  call(type, value) {
    return new Promise((resolve, reject) => {
      const id = ++this.#last;
      const call = { type, id, value };
      // A page that has signed somebody out may lose patience: the frame is to hear of it all the same.
      const timer = setTimeout(() => (type === "logout" ? reject : done)(trouble("unreachable")), CALL_MS);
      const done = (/** @type {{code: string, message?: string}|undefined} */ error) => {
        clearTimeout(timer);
        this.#calls.delete(id);
        if (error) reject(trouble(error.code, error.message));
        else resolve();
      };
      this.#calls.set(id, { call, done });
      this.tell(call);
    });
  }

  /** @param {MessageEvent} event */
  #onMessage({ origin, source, data }) {
    if (origin !== this.#origin || !this.pane || source !== this.pane.contentWindow || data?.chatproxy !== 1) return;
    if (data.type === "answer") this.#calls.get(data.id)?.done(data.error);
    if (data.type === "ready") this.#begin();
    safely(() => this.#owner.hear(data));
  }

  #begin() {
    clearTimeout(this.#timer);
    this.ready = true;
    this.#isMissed = false;
    this.#panel.classList.add("ready");
    this.#calls.forEach(({ call }) => this.tell(call));
  }
}
