/**
 * When somebody is there again, from the times that the page was given. Pure.
 * @typedef {readonly [number, number][]} Openings from and until when it is open, ms, in order
 */

/** @param {Openings|null} openings null: always open, or not known @param {number} now @returns {boolean} */
export function isClosed(openings, now) {
  const last = openings?.at(-1);
  if (!openings || (last && last[1] <= now)) return false; // Beyond what we were told.
  return !openings.some(([opens, closes]) => opens <= now && now < closes);
}

/** @param {Openings|null} openings @param {number} now @returns {number|null} null: not within these days */
export function nextOpening(openings, now) {
  return openings?.find(([opens]) => opens > now)?.[0] ?? null;
}

/** @param {Openings|null} openings @param {number} now @returns {number|null} milliseconds until it opens or closes */
export function untilChange(openings, now) {
  const next = openings?.flat().find((moment) => moment > now);
  return next === undefined ? null : next - now;
}
