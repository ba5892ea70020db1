/**
 * Whether a file may go along, before a byte of it is sent. The server looks into it and has the last word. Pure.
 * @import { Limits } from "../../wire.js"
 */
import { inWords } from "../sizes.js";
import "../later.js";
import { words } from "../words.js";

const PAGES = /^text\/(html|xml|javascript)|xml|script/;

/**
 * @param {{name: string, size: number, type: string}} file
 * @param {{limits: Limits, held: readonly {size: number}[]}} around `held`: the files that go along already
 * @returns {string} why not, as a sentence; empty when it may
 */
export function refusal({ name, size, type }, { limits, held }) {
  const sum = held.reduce((bytes, each) => bytes + each.size, 0);
  if (held.length >= limits.files) return words.composer.tooMany(limits.files);
  if (!size) return words.composer.empty(name);
  if (!isWelcome(type, limits.upload_types)) return words.composer.wrongType(name);
  if (size + sum <= limits.upload_bytes) return "";
  return held.length ? words.composer.tooBigTogether(name, inWords(limits.upload_bytes)) : words.composer.tooBig(name, inWords(limits.upload_bytes));
}

/** Browsers name sound, film and text in many ways, pictures and documents in one. @param {string} type @param {string[]} types */
function isWelcome(type, types) {
  if (!type || types.includes(type)) return true;
  const kind = type.slice(0, type.indexOf("/") + 1);
  return !PAGES.test(type) && ["audio/", "video/", "text/"].includes(kind) && types.some((each) => each.startsWith(kind));
}
