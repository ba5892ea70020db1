/**
 * Every sentence the visitor may read. English comes with the code; another catalogue (`static/chat/locales`) is put over
 * it by `speak` before anything is drawn, so words are read when they are shown and not when a module is evaluated.
 *
 * A text with {holes} is a function of what fills them, in the order of the English holes. Forms ("none", "one", …,
 * "other") are a function, too: "none" is for an empty or zero first value, else its plural category decides.
 *
 * @typedef {string|{readonly [name: string]: Entry}} Entry lists are entries, too, by their numbers
 * @typedef {string|number} Fill
 * @typedef {{locale: string, rtl: boolean, texts: Record<string, string>}} Manner
 *   `texts`: the inbox's own, by path, such as "header.plain".
 */
/**
 * @template T
 * @typedef {T extends {readonly other: string} ? (first: Fill, ...rest: Fill[]) => string
 *   : T extends `${string}{${string}}${string}` ? (first: Fill, ...rest: Fill[]) => string
 *   : T extends string ? string : {[K in keyof T]: Said<T[K]>}} Said
 */
import en from "../locales/en.js";

/** @typedef {{readonly [name: string]: Entry}} Catalogue */
/** @type {Catalogue[]} in English: what there is at first, and `lazy/en.js` once something needs it (`later.js`) */
const ENGLISH = [/** @type {any} */ (en)];
const HOLE = /{(\w+)}/g;
let lastSpoken = /** @type {[Entry|null, Partial<Manner>]} */ ([null, {}]);

export const words = /** @type {Said<typeof en & typeof import("../lazy/en.js").default>} */ ({});

/** How numbers and times are written; undefined: as the browser does. @type {{locale: string|undefined}} */
export const voice = { locale: undefined };

/** More of the same, in English; said as the last `speak` wanted it. @param {object} more */
export function learn(more) {
  ENGLISH.push(/** @type {Catalogue} */ (more));
  speak(...lastSpoken);
}

/** @param {Entry|null} catalogue what it lacks is said in English @param {Partial<Manner>} manner */
export function speak(catalogue, manner = {}) {
  const { locale = "en", rtl = false, texts = {} } = manner;
  lastSpoken = [catalogue, manner];
  const rules = once(() => new Intl.PluralRules(locale));
  const numbers = once(() => new Intl.NumberFormat(locale));
  /** Latin names and sentences keep to themselves in a line that runs the other way. @param {Fill|undefined} value */
  const fitted = (value = "") => (typeof value === "number" ? numbers().format(value) : rtl && value ? `\u2068${value}\u2069` : value);

  /** @param {string} text @param {string[]} holes @param {Fill[]} values */
  const filled = (text, holes, values) => text.replace(HOLE, (_, hole) => fitted(values[holes.indexOf(hole)]));

  /** @param {Entry} english @param {Entry|undefined} given @param {string} path @returns {unknown} */
  const said = (english, given, path) => {
    const own = texts[path];
    if (typeof english === "string") {
      const text = own ?? (typeof given === "string" ? given : english);
      const holes = holesOf(english);
      return holes.length ? (/** @type {Fill[]} */ ...values) => filled(text, holes, values) : text;
    }
    if ("other" in english) {
      const holes = holesOf(Object.values(english).join());
      const forms = own ? { other: own } : isForms(given) ? given : english;
      return (/** @type {Fill[]} */ ...values) => filled(form(forms, values[0] ?? "", rules), holes, values);
    }
    const part = typeof given === "object" ? given : {};
    const parts = Object.entries(english).map(([name, each]) => [name, said(each, part[name], path ? `${path}.${name}` : name)]);
    return Array.isArray(english) ? parts.map(([, each]) => each) : Object.fromEntries(parts);
  };
  voice.locale = locale;
  Object.assign(words, said(ENGLISH.reduce(joined), catalogue ?? {}, ""));
}

/** @param {Catalogue} some @param {Catalogue} more of sections that both have, each says a part @returns {Catalogue} */
function joined(some, more) {
  const both = (/** @type {string} */ name, /** @type {Entry} */ entry) => Object.assign({}, some[name], entry);
  return { ...some, ...Object.fromEntries(Object.entries(more).map(([name, entry]) => [name, both(name, entry)])) };
}

/** The first of its kind takes a browser some milliseconds, in which the chat could open. @template T @param {() => T} make */
function once(make) {
  /** @type {T|undefined} */ let made;
  return () => (made ??= make());
}

/** @param {Entry|undefined} entry @returns {entry is {readonly [name: string]: string}} */
function isForms(entry) {
  return typeof entry === "object" && typeof entry.other === "string";
}

/** @param {{readonly [name: string]: Entry}} forms @param {Fill} first @param {() => Intl.PluralRules} rules */
function form(forms, first, rules) {
  const found = (!first && forms.none) || (typeof first === "number" && forms[rules().select(first)]) || forms.other;
  return String(found);
}

/** @param {string} text @returns {string[]} in order, each once */
function holesOf(text) {
  return [...new Set([...text.matchAll(HOLE)].map(([, hole]) => String(hole)))];
}

speak(null);
voice.locale = undefined;
