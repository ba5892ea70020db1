/** Times as people say them, in the visitor's language and zone. */
import { words } from "./words.js";

const DAY_MS = 86_400_000;

export class Times {
  /** @param {string} [locale] */
  constructor(locale) {
    this.clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
    this.weekday = new Intl.DateTimeFormat(locale, { weekday: "long" });
    this.date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" });
    this.dated = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
  }

  /** @param {number} at */
  time(at) {
    return this.clock.format(at);
  }

  /** @param {number} at @param {number} now @returns {string} */
  day(at, now) {
    const days = Math.round((midnight(now) - midnight(at)) / DAY_MS);
    if (days <= 0) return words.today;
    if (days === 1) return words.yesterday;
    if (days < 7) return this.weekday.format(at);
    const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
    return (sameYear ? this.date : this.dated).format(at);
  }
}

/** @param {number} at @returns {number} the local midnight before it */
export function midnight(at) {
  return new Date(at).setHours(0, 0, 0, 0);
}
