/**
 * Storage that never throws: blocked, full or absent storage becomes memory of this page.
 * @typedef {Pick<globalThis.Storage, "getItem"|"setItem"|"removeItem"> & {keys?: () => Iterable<string>}} Area
 *   `localStorage`, or what behaves like it; `keys` where its keys are no properties of it
 */
export class Storage {
  /** @type {Map<string, string>} */ #memory = new Map();
  /** @type {Area|null} */ #area;

  /**
   * @param {() => Area} open Reading `localStorage` itself throws where a browser blocks it.
   * @param {string} prefix
   */
  constructor(open, prefix) {
    this.prefix = prefix;
    try {
      this.#area = open();
    } catch {
      this.#area = null;
    }
  }

  /** @param {string} key @returns {unknown} null when there is none or it cannot be read */
  get(key) {
    try {
      return JSON.parse(this.#memory.get(key) ?? this.#area?.getItem(this.prefix + key) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {string} key @param {unknown} value */
  set(key, value) {
    const text = JSON.stringify(value);
    this.#memory.delete(key);
    try {
      if (!this.#area) throw new Error("no storage");
      this.#area.setItem(this.prefix + key, text);
    } catch {
      this.#memory.set(key, text);
    }
  }

  /** @param {string} key */
  remove(key) {
    this.#memory.delete(key);
    try {
      this.#area?.removeItem(this.prefix + key);
    } catch {
      // Blocked since it was opened: nothing of ours can be in it.
    }
  }

  /** @param {string} start @returns {string[]} keys that begin so, of all tabs */
  keys(start) {
    const found = new Set([...this.#memory.keys()].filter((key) => key.startsWith(start)));
    try {
      for (const key of this.#area?.keys?.() ?? Object.keys(this.#area ?? {})) {
        if (key.startsWith(this.prefix + start)) found.add(key.slice(this.prefix.length));
      }
    } catch {
      // As above.
    }
    return [...found];
  }
}

/** @param {Storage|Area|undefined} given @param {string} prefix */
export function storageOf(given, prefix) {
  return given instanceof Storage ? given : new Storage(() => /** @type {Area} */ (given) ?? localStorage, prefix);
}
