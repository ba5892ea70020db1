/**
 * Modules of what is not on the page at first, each with the stylesheet of its name, where there is one. Some browsers
 * remember a lost module by its address for as long as the page lives, so each further try has another.
 *
 * @import { Clock } from "../clock.js"
 * @import { Config } from "../wire.js"
 * @typedef {Pick<Config, "modules"|"styles">} Addresses
 */
import { systemClock } from "../clock.js";
import { style } from "./styles.js";

const LATEST_MS = 15_000;
const AGAIN_MS = 10_000;
/** @type {Map<string, Promise<any>[]>} tries in vain; what comes late serves all the same */ const tries = new Map();

/**
 * Rejects where it did not come, or not in time: a line that hangs says nothing by itself.
 * @template T @param {string} name @param {() => Promise<T>} first @param {Addresses} addresses
 * @param {Promise<boolean>|""|undefined} [styled] the stylesheet, unless it is the one of this name
 * @returns {Promise<T>}
 */
export async function part(name, first, { modules, styles }, styled = styles[name] && style(name, styles)) {
  const tried = tries.get(name) ?? [];
  const coming = tried.length ? import(`${modules[name]}?${tried.length}`) : first();
  let stop = () => {};
  const late = new Promise((_, reject) => (stop = systemClock.after(LATEST_MS, () => reject())));
  try {
    const [module] = await Promise.race([Promise.all([Promise.any([coming, ...tried]), styled]), late]);
    return module;
  } catch (error) {
    tries.set(name, [...tried, coming]);
    throw error;
  } finally {
    stop();
  }
}

/** Until another try is worth it. @param {Clock} clock */
export function pause(clock) {
  return new Promise((resolve) => {
    addEventListener("online", resolve, { once: true });
    clock.after(AGAIN_MS, () => resolve(null));
  });
}
