/**
 * The one line under the inbox's name: never more than is known.
 * @import { State } from "../state.js"
 * @import { Openings } from "./hours.js"
 * @import { Times } from "./times.js"
 */
import { inView, viewed } from "../selectors.js";
import { isClosed, nextOpening } from "./hours.js";
import { daysBetween } from "./times.js";
import { words } from "./words.js";

const RECENT_MS = 12 * 3_600_000;

/**
 * @param {State} state
 * @param {number} now
 * @param {{openings: Openings|null, times: Times}} [hours]
 * @returns {string}
 */
export function headerLine(state, now, hours) {
  const conversation = viewed(state);
  const spoke = inView(state).findLast(({ direction, sender }) => direction === "outgoing" && sender?.kind === "agent");
  const closed = hours && isClosed(hours.openings, now);
  const recently = now - (spoke?.at ?? -Infinity) < RECENT_MS && conversation?.status !== "resolved";
  if (closed && !state.online) return away(nextOpening(hours.openings, now), now, hours.times);
  if (spoke?.sender?.name && recently) return words.header.speaking(spoke.sender.name);
  return state.online ? words.header.online : words.header.plain;
}

/** @param {number|null} opening @param {number} now @param {Times} times */
function away(opening, now, times) {
  if (opening === null) return words.header.away;
  const time = times.time(opening);
  const days = daysBetween(now, opening);
  if (days === 0) return words.header.backToday(time);
  return days === 1 ? words.header.backTomorrow(time) : words.header.backOn(times.weekday(opening), time);
}
