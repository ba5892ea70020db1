/**
 * Modules of what is not on the page at first, each with the stylesheet of its name, where there is one. Some browsers
 * remember a lost module by its address for as long as the page lives, so each further try has another.
 *
 * @import { Clock } from "../clock.js"
 * @import { Config } from "../wire.js"
 * @typedef {Pick<Config, "modules"|"styles">} Addresses
 */
import { style } from "./styles.js";

const AGAIN_MS = 10_000;
/** @type {Map<string, number>} */ const tries = new Map();

/** @template T @param {string} name @param {() => Promise<T>} first @param {Addresses} addresses @returns {Promise<T>} */
export async function part(name, first, { modules, styles }) {
  const tried = tries.get(name) ?? 0;
  const styled = styles[name] && style(name, styles);
  try {
    const module = await (tried ? import(`${modules[name]}?${tried}`) : first());
    await styled;
    return module;
  } catch (error) {
    tries.set(name, tried + 1);
    throw error;
  }
}

/** Until another try is worth it. @param {Clock} clock */
export function pause(clock) {
  return new Promise((resolve) => {
    addEventListener("online", resolve, { once: true });
    clock.after(AGAIN_MS, () => resolve(null));
  });
}
