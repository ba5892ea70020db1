/** Times as people say them, in the visitor's language and zone. */
import { words } from "./words.js";

const DAY_MS = 86_400_000;

/** @satisfies {Record<string, Intl.DateTimeFormatOptions>} */
const FORMS = {
  clock: { hour: "numeric", minute: "2-digit" },
  weekday: { weekday: "long" },
  date: { day: "numeric", month: "long" },
  dated: { day: "numeric", month: "long", year: "numeric" },
};

export class Times {
  /** Made when they are needed: each takes milliseconds, and an empty chat shows no time. @type {Partial<Record<keyof typeof FORMS, Intl.DateTimeFormat>>} */
  #formats = {};

  /** @param {string} [locale] */
  constructor(locale) {
    this.locale = locale;
  }

  /** @param {number} at */
  time(at) {
    return this.#format("clock", at);
  }

  /** @param {number} at */
  weekday(at) {
    return this.#format("weekday", at);
  }

  /** @param {number} at @param {number} now @returns {string} */
  day(at, now) {
    const days = daysBetween(at, now);
    if (days <= 0) return words.today;
    if (days === 1) return words.yesterday;
    if (days < 7) return this.weekday(at);
    const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
    return this.#format(sameYear ? "date" : "dated", at);
  }

  /** @param {keyof typeof FORMS} form @param {number} at */
  #format(form, at) {
    this.#formats[form] ??= new Intl.DateTimeFormat(this.locale, FORMS[form]);
    return this.#formats[form].format(at);
  }
}

/** @param {number} from @param {number} to @returns {number} local midnights between them */
export function daysBetween(from, to) {
  return Math.round((midnight(to) - midnight(from)) / DAY_MS);
}

/** @param {number} at @returns {number} the local midnight before it */
export function midnight(at) {
  return new Date(at).setHours(0, 0, 0, 0);
}
