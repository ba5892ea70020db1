/**
 * Who wants to hear of what.
 * @template {string} T @template V
 */
export class Listeners {
  /** @type {Map<T, Set<(value: V) => void>>} */ #listeners = new Map();

  /** @param {T} topic @param {(value: V) => void} listener @returns {() => void} call it to hear no more */
  on(topic, listener) {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** @param {T} topic @param {V} value */
  tell(topic, value) {
    for (const listener of this.#listeners.get(topic) ?? []) listener(value);
  }
}
