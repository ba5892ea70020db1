/**
 * What a page holds of one chat. It works before there is one: calls wait for it, in order, and answer with promises.
 *
 * @import { ChatApi } from "../chatproxy.js"
 * @import { Chat } from "./chat.js"
 */
import { CALLS } from "./chat.js";
import { safely } from "./safely.js";

export class Handle {
  /** @type {Chat|null|undefined} */ begun;
  /** @type {any} sets of functions by name */ #listeners;
  /** @type {any} tells those that wait for a chat of it */ #begin;
  /** @type {any} a promise of it */ #begun;

  /** @param {() => void} stopped */
  constructor(stopped) {
    const self = this;
    this.#reset();
    /** @type {any} */
    const api = {
      get isOpen() {
        return !!self.begun?.isOpen;
      },
      on: (/** @type {string} */ name, /** @type {(detail: any) => void} */ listener) => {
        (this.#listeners[name] ??= new Set()).add(listener);
        return () => api.off(name, listener);
      },
      off: (/** @type {string} */ name, /** @type {(detail: any) => void} */ listener) => this.#listeners[name]?.delete(listener),
      destroy: () => {
        safely(() => this.#reset());
        stopped();
      },
    };
    for (const name of CALLS) api[name] = (/** @type {any} */ value) => this.#call(name, value);
    this.api = /** @type {ChatApi} */ (api);
  }

  /** @param {string} name @param {unknown} [detail] */
  emit(name, detail) {
    this.#listeners[name]?.forEach((/** @type {(detail: any) => void} */ listener) => safely(() => listener(detail)));
  }

  /** @param {Chat} chat */
  start(chat) {
    this.begun = chat;
    this.#begin(chat);
  }

  /** As if nobody had begun one. */
  #reset() {
    this.begun?.destroy();
    this.begun = null;
    this.#begun = new Promise((resolve) => (this.#begin = resolve));
    this.#listeners = Object.create(null);
  }

  /** @param {string} name @param {any} value */
  #call(name, value) {
    const done = (async () => /** @type {any} */ (this.begun ?? (await this.#begun))[name](value))();
    done.catch(() => {}); // Whoever does not ask how it went is not told by an unhandled rejection.
    return done;
  }
}
