/**
 * What a page holds of one chat. It works before there is one: calls wait for it, in order, and answer with promises.
 *
 * @import { ChatApi } from "../chatproxy.js"
 * @import { Chat } from "./chat.js"
 */
import { CALLS } from "./chat.js";
import { safely } from "./safely.js";

export class Handle {
  /** @type {Chat|null} */ begun = null;
  /** @type {Record<string, Set<(detail: any) => void>>} */ #listeners = Object.create(null);
  /** @type {(chat: Chat) => void} */ #begin = () => {};
  /** @type {Promise<Chat>} */ #begun = this.#waiting();

  /** @param {() => void} stopped */
  constructor(stopped) {
    const self = this;
    /** @type {any} */
    const api = {
      get isOpen() {
        return !!self.begun?.isOpen;
      },
      on: (/** @type {string} */ name, /** @type {(detail: any) => void} */ listener) => {
        (this.#listeners[name] ??= new Set()).add(listener);
        return () => api.off(name, listener);
      },
      off: (/** @type {string} */ name, /** @type {(detail: any) => void} */ listener) => void this.#listeners[name]?.delete(listener),
      destroy: () => {
        safely(() => this.#stop());
        stopped();
      },
    };
    for (const name of CALLS) api[name] = (/** @type {any} */ value) => this.#call(name, value);
    this.api = /** @type {ChatApi} */ (api);
  }

  /** @param {string} name @param {unknown} [detail] */
  emit(name, detail) {
    for (const listener of this.#listeners[name] ?? []) safely(() => listener(detail));
  }

  /** @param {Chat} chat */
  start(chat) {
    this.begun = chat;
    this.#begin(chat);
  }

  #stop() {
    this.begun?.destroy();
    this.begun = null;
    this.#begun = this.#waiting();
    this.#listeners = Object.create(null);
  }

  /** @returns {Promise<Chat>} */
  #waiting() {
    return new Promise((resolve) => (this.#begin = resolve));
  }

  /** @param {string} name @param {any} value */
  #call(name, value) {
    const done = (async () => /** @type {any} */ (this.begun ?? (await this.#begun))[name](value))();
    done.catch(() => {}); // Whoever does not ask how it went is not told by an unhandled rejection.
    return done;
  }
}
