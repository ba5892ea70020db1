/**
 * Which questions are still open, and what an answer has to look like, no less than the server wants. Pure.
 * @import { Ask, AskField } from "../../wire.js"
 * @typedef {{name: string, email: string|null, phone: string|null, attributes: Record<string, unknown>}} Known
 */
import "../later.js";
import { EMAIL } from "../nodes.js";
import { words } from "../words.js";

const PHONE = /^\+?[0-9][0-9 ()./-]{1,28}[0-9]$/;
const MOST = { name: 80, email: 254, phone: 32, attribute: 500 };

/** @param {Ask} ask @param {Known|null} known null: nothing @returns {Ask|null} null: nothing that must be asked is open */
export function missingOf({ fields, consent }, known) {
  if (!known) return { fields, consent };
  const open = fields.filter((field) => !valueOf(field, known));
  const agreed = consent && String(known.attributes.consent ?? "").split(",")[0] === consent.version;
  const left = { fields: open, consent: agreed ? null : consent };
  return left.consent || open.some(({ required }) => required) ? left : null;
}

/** @param {AskField} field @param {string} value trimmed @returns {string} what is wrong, empty when nothing is */
export function trouble({ kind, required }, value) {
  if (!value) return required ? words.questions.missing : "";
  if (Array.from(value).length > MOST[kind]) return words.questions.tooLong;
  if (kind === "email" && !EMAIL.test(value)) return words.questions.emailWrong;
  if (kind === "phone" && !PHONE.test(value)) return words.questions.phoneWrong;
  return "";
}

/** @param {{field: AskField, value: string}[]} rows @param {Ask["consent"]} consent @returns {object} the body of `PATCH /contact` */
export function bodyOf(rows, consent) {
  const given = rows.filter(({ value }) => value);
  const own = given.filter(({ field }) => field.kind !== "attribute").map(({ field, value }) => [field.name, value]);
  const others = given.filter(({ field }) => field.kind === "attribute").map(({ field, value }) => [field.name, value]);
  return {
    ...Object.fromEntries(own),
    ...(others.length ? { attributes: Object.fromEntries(others) } : {}),
    ...(consent ? { consent: consent.version } : {}),
  };
}

/** @param {AskField} field @param {Known} known */
function valueOf({ name, kind }, known) {
  return kind === "attribute" ? known.attributes[name] : known[kind];
}
