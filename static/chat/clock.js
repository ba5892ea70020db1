/**
 * Time as a parameter, so that tests own it.
 * @typedef {{now: () => number, after: (ms: number, act: () => void) => () => void}} Clock
 *   `now` is milliseconds since 1970; `after` answers with the function that cancels.
 */

/** @type {Clock} */
export const systemClock = {
  now: () => Date.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};
